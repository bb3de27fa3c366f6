"""The options of `python -m diffproxy.single_view.onnx`."""

from __future__ import annotations

from dataclasses import dataclass

from diffproxy.single_view.onnx.outputs import OVERLAYS
from diffproxy.single_view.options import BenchFrames, CameraFrames, PictureOptions, VideoFrames
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import one_of, option, within
from diffproxy.utils.shared_options import PICTURE_FOLDERS

DETECTORS = ("multipose", "whole_picture")


@dataclass
class EstimateOptions(PictureOptions):
    """Options that all commands share."""

    models: str = option("", "folder that `single_view export` has written", "DIR", "Models")
    focal: float = option(
        0.0,
        "focal length in pixels where it is known; 0: estimated (EXIF data are not read)",
        "PIXELS",
        "Input",
    )
    detector: str = option(
        "multipose",
        "who finds the people: MoveNet multipose, up to six, whose crops are read one by one; or the network of whole "
        "pictures, up to 32, which also gives the bodies (detector_side=384 is what it was trained with)",
        "multipose|whole_picture",
    )
    crop_side: int = option(256, "side of the crops of people, pixels, a multiple of 32; 192 is faster")
    threads: int = option(0, "threads of each network; 0: those of the machine")

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("detector", self.detector, DETECTORS)
        within("crop_side", self.crop_side, 64, 512)
        if self.crop_side % 32:
            raise InputError("crop_side a multiple of 32", f"{self.crop_side}", "write crop_side=256")
        within("threads", self.threads, 0, 256)


@dataclass
class ImageOptions(EstimateOptions):
    """Options of `image`."""

    overlay: str = option("mesh", "what is drawn over the pictures", "mesh|keypoints|none", "Output")
    out: str = PICTURE_FOLDERS()

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("overlay", self.overlay, OVERLAYS)


@dataclass
class VideoOptions(ImageOptions, VideoFrames):
    """Options of `video`."""


@dataclass
class CameraOptions(ImageOptions, CameraFrames):
    """Options of `camera`."""


@dataclass
class BenchOptions(BenchFrames, EstimateOptions):
    """Options of `bench`."""

    threads: int = option(1, "threads of each network")
