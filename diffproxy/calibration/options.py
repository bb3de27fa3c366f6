"""The options of `python -m diffproxy.calibration`."""

from __future__ import annotations

from dataclasses import dataclass

from diffproxy.utils.options import one_of, option, refuse_unread, within
from diffproxy.utils.shared_options import BODY, FRAMES, GENERATOR, KEYPOINTS, OFFSETS, RIG, VIEWS

INITS = ("", "approximate", "none")


@dataclass
class CalibrationOptions:
    """All options of a calibration run; angles in degrees, lengths in metres."""

    rig: str = RIG("")
    proxies: str = option("", "saved proxies of fit.py, instead of running the generator", "DIR", "Input")
    frames: str = FRAMES()
    views: str = VIEWS()
    offsets: str = OFFSETS()
    init: str = option(
        "",
        "start from the folder's calibration, or from nothing; default: from a calibration if there is one",
        "approximate|none",
        "Input",
    )
    cameras: str = option(
        "",
        "start from predicted cameras: npz or json with extrinsic, intrinsic (VGGT and the like)",
        "FILE",
        "Input",
    )
    boxes: str = option("", "subject boxes, as for fit.py, instead of the person detector", "FILE", "Input")
    keypoints: str = KEYPOINTS()
    body: str = BODY()
    generator: str = GENERATOR()
    rotation_std: float = option(5.0, "expected rotation error of approximate cameras, degrees")
    translation_std: float = option(0.1, "expected translation error of approximate cameras, metres")
    fov: float = option(60.0, "field of view along the longer side, degrees, where no focal length is known")
    focal: str = option(
        "auto", "estimate the focal lengths; auto: only without a calibration", "auto|true|false"
    )
    common_focal: bool = option(False, "all cameras have the same focal length")
    height: float = option(0.0, "scale: height of the person, metres")
    distance: str = option(
        "",
        "scale: distance between two cameras; without height or distance, approximate cameras or an average body",
        "A,B,METRES",
    )
    fix: str = option("", "camera that keeps its approximate pose exactly", "CAMERA")
    out: str = option(
        "", "calibration to write; default: rig.json in the rig folder, if new", "FILE", "Output"
    )

    def __post_init__(self) -> None:
        one_of("focal", self.focal, ("auto", "true", "false"))
        if self.init:
            one_of("init", self.init, INITS[1:])
        if self.height:
            within("height", self.height, 0.3, 3.0, "metres")
        within("fov", self.fov, 1.0, 179.0)
        within("rotation_std", self.rotation_std, 1e-6, 360.0)
        within("translation_std", self.translation_std, 1e-6, 1e3)
        if self.proxies:
            refuse_unread(self, ("boxes", "generator"), "no proxies")
        if self.init == "none":
            refuse_unread(self, ("rotation_std", "translation_std"), "init=approximate")
        if self.focal == "false":
            refuse_unread(self, ("common_focal",), "focal=true")


@dataclass
class CompareOptions:
    """Options of `compare`."""

    rig: str = option("", "calibration to judge: rig folder or file", "RIG", "Input")
    reference: str = option("", "calibration that is taken as true: rig folder or file", "RIG", "Input")
