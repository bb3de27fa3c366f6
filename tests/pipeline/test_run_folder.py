"""Finished frames survive; half-written and foreign ones do not count."""

import errno
import json

import numpy as np
import pytest

from diffproxy.body.params import PARAM_DIMS
from diffproxy.pipeline.results import FrameResult
from diffproxy.pipeline.run_folder import FrameStore, fingerprint, open_run
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_atomic


def _record(frame_id: int = 3) -> FrameResult:
    rng = np.random.default_rng(frame_id)
    params = {k: rng.normal(size=n).astype(np.float32) for k, n in PARAM_DIMS.items()}
    joints = rng.normal(size=(55, 3)).astype(np.float32)
    std = np.full(55, 0.01, np.float32)
    return FrameResult(
        frame_id, "ok", "", params, joints, std, {"timings": {"fit": 0.5}, "notes": ["a"]}, std
    )


def test_round_trip_is_exact(tmp_path) -> None:
    store = FrameStore(tmp_path, "s")
    store.save(_record())
    back = store.load(3)
    assert back is not None and back.info == _record().info and back.has_body
    for key, value in _record().params.items():
        assert np.array_equal(back.params[key], value)
    assert np.array_equal(back.joints, _record().joints)
    assert np.array_equal(back.joint_observed, _record().joint_observed)
    assert back.body_params().betas.shape == (1, 10)


def test_record_without_body(tmp_path) -> None:
    store = FrameStore(tmp_path, "s")
    store.save(FrameResult(7, "no_person", "nobody in any view"))
    back = store.load(7)
    assert back is not None and not back.has_body and back.reason == "nobody in any view"
    assert np.isnan(back.joints).all()


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_truncated_file_is_computed_again(tmp_path, keep) -> None:
    store = FrameStore(tmp_path, "s")
    store.save(_record())
    data = store.path(3).read_bytes()
    store.path(3).write_bytes(data[: int(keep * len(data)) if keep < 1 else keep])
    assert store.load(3) is None


def test_flipped_bit_is_noticed(tmp_path) -> None:
    store = FrameStore(tmp_path, "s")
    store.save(_record())
    data = bytearray(store.path(3).read_bytes())
    at = data.find(_record().joints.tobytes()) + 20
    data[at] ^= 1
    store.path(3).write_bytes(bytes(data))
    assert store.load(3) is None


def test_other_settings_and_other_frames_do_not_count(tmp_path) -> None:
    FrameStore(tmp_path, "before").save(_record())
    assert FrameStore(tmp_path, "now").load(3) is None
    assert FrameStore(tmp_path, "before").load(4) is None


def test_failed_write_leaves_nothing(tmp_path, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(InputError, match=r"room on the disk for .*a\.bin"):
        write_atomic(tmp_path / "a.bin", b"x")
    assert list(tmp_path.iterdir()) == []


def test_changed_settings_ask_for_overwrite(tmp_path) -> None:
    stamp = open_run(tmp_path, {"samples": 1, "body": {"path": "anny"}}, overwrite=False)
    assert open_run(tmp_path, {"body": {"path": "anny"}, "samples": 1}, overwrite=False) == stamp
    (tmp_path / "frames").mkdir()
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match=r"samples: 1 before, 3 now[\s\S]*overwrite=true"):
        open_run(tmp_path, {"samples": 3, "body": {"path": "anny"}}, overwrite=False)
    assert (tmp_path / "frames").exists()
    assert open_run(tmp_path, {"samples": 3, "body": {"path": "anny"}}, overwrite=True) != stamp
    assert not (tmp_path / "frames").exists() and (tmp_path / "mine.txt").exists()
    assert json.loads((tmp_path / "run.json").read_text())["settings"]["samples"] == 3


def test_out_is_a_file(tmp_path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(InputError, match="another out"):
        open_run(tmp_path / "x", {}, overwrite=False)


def test_fingerprint_ignores_order() -> None:
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1}) != fingerprint({"a": 1, "b": 3})
