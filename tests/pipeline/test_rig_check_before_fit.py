"""`fit.py` checks the calibration first and stops on its errors, unless told to go on."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from diffproxy.cameras import load_rig, save_rig
from diffproxy.pipeline.config import FitOptions, RigOption
from diffproxy.pipeline.inputs import open_rig
from diffproxy.utils.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
RIG = ROOT / "examples" / "synthetic_rig"


@pytest.mark.parametrize(
    ("mistake", "typed"),
    [
        (lambda r: r.inverted(), "invert=true"),
        (lambda r: r.scaled(100), "units=cm"),
        (lambda r: r.scaled(1000), "units=mm"),
    ],
)
def test_errors_stop_the_fit_with_what_to_type(tmp_path, mistake, typed):
    save_rig(mistake(load_rig(RIG)), tmp_path)
    (tmp_path / "images").symlink_to(RIG / "images")
    options = FitOptions(rig=RigOption(str(tmp_path)))
    with pytest.raises(InputError, match=f"convert {tmp_path} {typed} ; .*rig_check=false"):
        open_rig(options, ROOT)
    open_rig(FitOptions(rig=RigOption(str(tmp_path)), rig_check=False), ROOT).close()


def test_a_good_rig_goes_on():
    open_rig(FitOptions(rig=RigOption(str(RIG))), ROOT).close()


@pytest.mark.parametrize(("fps", "warned"), [(30.0, True), (60.0, False), (59.94, False)])
def test_videos_of_another_rate_than_fps_are_named_before_the_fit(tmp_path, caplog, fps, warned):
    rig = load_rig(RIG)
    save_rig(rig, tmp_path)
    (tmp_path / "videos").mkdir()
    for camera in rig.cameras:
        path, size = tmp_path / "videos" / f"{camera.name}.avi", (camera.width, camera.height)
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 60.0, size)
        writer.write(np.zeros((*size[::-1], 3), np.uint8))
        writer.release()
    frames = open_rig(FitOptions(rig=RigOption(str(tmp_path)), fps=fps), ROOT)
    frames.close()
    assert ("write fps=60" in caplog.text) is warned
    assert any("write fps=60" in note for note in frames.rig.notes) is warned
