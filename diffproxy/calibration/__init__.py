"""Cameras as variables: refining rough ones with the body, or finding them from the body alone."""

from typing import TYPE_CHECKING

from diffproxy.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from diffproxy.calibration.calibrate_rig import calibrate
    from diffproxy.calibration.camera_parameters import RigState
    from diffproxy.calibration.config import Calibration, CalibrationConfig
    from diffproxy.calibration.report import CameraReport

__all__ = ["Calibration", "CalibrationConfig", "CameraReport", "RigState", "calibrate"]
__getattr__ = lazy_exports(
    __name__,
    {
        "calibrate": "diffproxy.calibration.calibrate_rig",
        "RigState": "diffproxy.calibration.camera_parameters",
        "Calibration": "diffproxy.calibration.config",
        "CalibrationConfig": "diffproxy.calibration.config",
        "CameraReport": "diffproxy.calibration.report",
    },
)
