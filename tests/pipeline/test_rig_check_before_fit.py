"""`fit.py` checks the calibration first and stops on its errors, unless told to go on."""

from pathlib import Path

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
