"""Cameras as variables: refining rough ones with the body, or finding them from the body alone."""

from diffproxy.calibration.calibrate import calibrate
from diffproxy.calibration.camera_parameters import RigState
from diffproxy.calibration.config import Calibration, CalibrationConfig
from diffproxy.calibration.report import CameraReport

__all__ = ["Calibration", "CalibrationConfig", "CameraReport", "RigState", "calibrate"]
