"""`diffproxy.fit_rig`, and that `import diffproxy` is cheap."""

import subprocess
import sys

import numpy as np
import pytest
import torch

import diffproxy
from diffproxy.utils.errors import InputError

QUICK = {"hands": False, "tta_flip": False, "tta_rotation": False, "refine_crops": False}
SAVED = {"mesh": "none", "overlay": False, "report": False}


def test_fit_rig_returns_named_fields(tmp_path, body) -> None:
    """The README's quick start, at the least work."""
    results = diffproxy.fit_rig("synthetic", frames=[0], out=tmp_path / "o", save=SAVED, **QUICK)
    assert len(results) == 1 and results.folder == tmp_path / "o"
    first = results[0]
    assert first.status == "ok" and first.frame_id == 0 and first.params["body_pose"].shape == (63,)
    assert first.vertices.shape == body.v_template.shape and np.isfinite(first.vertices).all()
    assert np.array_equal(results.joints[0], first.joints) and first.joint_std.shape == (55,)
    assert [f.frame_id for f in results[:]] == results.frame_ids.tolist() and results[-1].frame_id == 0
    with pytest.raises(IndexError):
        results[1]


def test_a_default_device_of_the_caller_is_not_asked(tmp_path, body) -> None:
    """`torch.set_default_device("cuda")` puts new tensors elsewhere than the body; "meta" stands in for a GPU here."""
    with torch.device("meta"):
        results = diffproxy.fit_rig("synthetic", frames=[0], out=tmp_path / "o", save=SAVED, **QUICK)
    assert results[0].status == "ok"


def test_a_folder_that_was_removed_is_named(tmp_path, monkeypatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(InputError, match="one that was removed"):
        diffproxy.fit_rig("synthetic", out=tmp_path / "o")


def test_wrong_options_are_input_errors(tmp_path) -> None:
    with pytest.raises(InputError, match="did you mean hands"):
        diffproxy.fit_rig("synthetic", out=tmp_path, hand=False)
    with pytest.raises(AttributeError, match="fit_rigs"):
        diffproxy.fit_rigs  # noqa: B018


def test_import_loads_nothing_heavy() -> None:
    code = (
        "import diffproxy, sys; sys.exit(any(m in sys.modules for m in ('torch', 'numpy', 'hydra', 'cv2')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
