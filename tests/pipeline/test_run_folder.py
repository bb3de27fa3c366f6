"""Finished frames survive; half-written and foreign ones do not count."""

import errno
import json
import os
import shutil

import numpy as np
import pytest

from diffproxy.body.params import PARAM_DIMS
from diffproxy.pipeline.frame_store import FrameStore
from diffproxy.pipeline.results import FrameResult
from diffproxy.pipeline.run_folder import RunFolder
from diffproxy.utils.digests import fingerprint
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


FILES = ("result.npz", "frames/000003.npz", "proxies/000003/", "overlay/cam0/000003.jpg")


def _opened(out, settings=None, overwrite=False, files=FILES, inputs=()) -> str:
    run = RunFolder(out, settings or {})
    run.open(files, overwrite, inputs)
    return run.stamp


def _write(out, *names) -> None:
    for name in names:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(name)


def test_changed_settings_ask_for_overwrite(tmp_path) -> None:
    stamp = _opened(tmp_path, {"samples": 1, "body": {"path": "anny"}})
    assert _opened(tmp_path, {"body": {"path": "anny"}, "samples": 1}) == stamp
    _write(tmp_path, "frames/000003.npz", "mine.txt")
    with pytest.raises(InputError, match=r"samples: 1 before, 3 now[\s\S]*overwrite=true"):
        _opened(tmp_path, {"samples": 3, "body": {"path": "anny"}})
    assert (tmp_path / "frames").exists()
    assert _opened(tmp_path, {"samples": 3, "body": {"path": "anny"}}, overwrite=True) != stamp
    assert not (tmp_path / "frames").exists() and (tmp_path / "mine.txt").exists()
    assert json.loads((tmp_path / "run.json").read_text())["settings"]["samples"] == 3


def test_only_listed_files_are_removed(tmp_path) -> None:
    """Files of a user stay, wherever they lie; of a run everything goes, also the folders."""
    _opened(tmp_path)
    ours = (
        "result.npz",
        "frames/000003.npz",
        "proxies/000003/v00.body.proxy.png",
        "proxies/000003/proxies.json",
    )
    users = ("frames/precious.raw", "frames/000004.npz", "proxies/000003/notes.txt", "mesh/scan.obj", "a/b")
    _write(tmp_path, *ours, *users, "overlay/cam0/000003.jpg")
    _opened(tmp_path, {"seed": 1}, overwrite=True, files=["result.npz"])
    left = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert left == {*users, "run.json"} and not (tmp_path / "overlay").exists()


def test_solved_cameras_of_another_run_do_not_stay(tmp_path) -> None:
    """`rig.json` of a run with cameras=none lies beside no results that were fitted with other cameras."""
    _write(tmp_path, "rig.json")
    _opened(tmp_path)  # somebody's own calibration stays, whatever is done
    _opened(tmp_path, overwrite=True)
    (tmp_path / "rig.report.json").write_text(json.dumps({"stamp": "abc"}))
    with pytest.raises(InputError, match=r"cameras=none[\s\S]*overwrite=true[\s\S]*rig\.calibration="):
        _opened(tmp_path)
    _opened(tmp_path, inputs=[tmp_path / "a" / ".." / "rig.json"])
    _opened(tmp_path, overwrite=True, inputs=[tmp_path / "rig.json"])
    assert (tmp_path / "rig.json").exists()
    _opened(tmp_path, overwrite=True)
    assert not (tmp_path / "rig.json").exists() and not (tmp_path / "rig.report.json").exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_with_files_of_others_is_refused(tmp_path, overwrite) -> None:
    _write(tmp_path, "frames/000003.npz", "result.npz", "other")
    with pytest.raises(InputError, match=r"result\.npz, which no run\.json lists"):
        _opened(tmp_path, overwrite=overwrite)
    assert (tmp_path / "result.npz").read_text() == "result.npz" and not (tmp_path / "run.json").exists()


@pytest.mark.parametrize("path", ["proxies", "proxies/000003", "proxies/000003/proxies.json", "result.npz"])
def test_an_input_that_would_be_removed_is_refused(tmp_path, path) -> None:
    _opened(tmp_path)
    _write(tmp_path, "proxies/000003/proxies.json", "result.npz")
    with pytest.raises(InputError, match="inputs outside of what overwrite=true removes"):
        _opened(tmp_path, overwrite=True, inputs=[tmp_path / path])
    assert (tmp_path / "proxies/000003/proxies.json").exists()
    _opened(tmp_path, overwrite=True, inputs=[tmp_path / "images", tmp_path.parent / "elsewhere"])


@pytest.mark.parametrize(
    "name", ["../victim", "frames/../../victim", "/etc/passwd", "mesh/scan.obj", "overlay/../0.jpg"]
)
def test_a_foreign_run_json_removes_nothing_else(tmp_path, name) -> None:
    out = tmp_path / "out"
    _opened(out)
    _write(tmp_path, "victim", "out/mesh/scan.obj", "out/0.png")
    note = json.loads((out / "run.json").read_text())
    (out / "run.json").write_text(json.dumps({**note, "files": [name]}))
    _opened(out, overwrite=True)
    assert (tmp_path / "victim").exists() and (out / "mesh/scan.obj").exists() and (out / "0.png").exists()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"settings": 1, "files": [], "fingerprint": ""}', None])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_run_json_of_others_is_refused(tmp_path, content, overwrite) -> None:
    note = tmp_path / "run.json"
    note.mkdir() if content is None else note.write_text(content)
    with pytest.raises(InputError, match="another out=DIR"):
        _opened(tmp_path, overwrite=overwrite)


def test_a_frame_before_is_found_within_the_gap(tmp_path) -> None:
    store = FrameStore(tmp_path, "s")
    store.save(_record(3))
    assert store.before(5, 2).frame_id == 3 and store.before(5, 1) is None and store.before(3, 5) is None


def test_out_is_a_file(tmp_path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(InputError, match="another out"):
        _opened(tmp_path / "x")


def test_fingerprint_ignores_order() -> None:
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1}) != fingerprint({"a": 1, "b": 3})


def test_pipes_and_loops_of_links_are_told(tmp_path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(InputError, match="a link that leads nowhere"):
        RunFolder(tmp_path / "loop", {}).check([], False)
    os.mkfifo(tmp_path / "run.json")
    with pytest.raises(
        InputError, match=r"writes it\n  found no regular file \(a pipe.*\n  fix: choose"
    ) as caught:
        RunFolder(tmp_path, {}).check([], False)
    assert str(caught.value).count("expected") == 1


def test_two_runs_at_a_time_do_not_mix(tmp_path, monkeypatch):
    """The second one would remove the files of the first with overwrite=true, which then writes its result over it."""
    monkeypatch.setattr("diffproxy.utils.one_writer.PATIENCE", 0.0)
    first, second = RunFolder(tmp_path / "out", {"a": 1}), RunFolder(tmp_path / "out", {"a": 2})
    first.open(["result.npz"], False)
    (tmp_path / "out" / "result.npz").write_text("first")
    with pytest.raises(InputError, match="no other process that writes to"):
        second.open(["result.npz"], True)
    assert (tmp_path / "out" / "result.npz").read_text() == "first"
    first.release()
    with pytest.raises(InputError, match="a: 1 before, 2 now"):
        second.open(["result.npz"], False)
    second.open(["result.npz"], True)


def test_a_folder_removed_during_a_run_is_still_the_runs(tmp_path) -> None:
    """What is written after the removal must not be a stranger's to the next run."""
    out = tmp_path / "o"
    run = RunFolder(out, {"seed": 1})
    run.open(["result.npz"], overwrite=False)
    shutil.rmtree(out)
    write_atomic(out / "result.npz", b"bodies")
    run.release()
    again = RunFolder(out, {"seed": 1})
    again.open(["result.npz"], overwrite=True)
    assert not (out / "result.npz").exists()
    again.release()


def test_the_parts_of_a_run_write_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("diffproxy.utils.one_writer.PATIENCE", 0.0)
    parts = [RunFolder(tmp_path, {"a": 1}) for _ in range(3)]
    for part in parts[:2]:
        part.open(["frames/000000.npz"], False, alone=False)
    with pytest.raises(InputError, match="no other process that writes to"):
        parts[2].open(["frames/000000.npz"], False)
