"""The options of `python -m diffproxy.single_view`."""

from __future__ import annotations

from dataclasses import dataclass

from diffproxy.utils.errors import InputError
from diffproxy.utils.options import at_least, one_of, option, refuse_unread, within
from diffproxy.utils.shared_options import (
    BODY,
    CAMERA_LIMIT,
    DETECTOR_SIDE,
    DETECTOR_STRIDE,
    FRAMES,
    GENERATOR,
    MIN_SCORE,
    PICTURE_FOLDERS,
    PICTURES,
    WARMUP_FRAMES,
)

MESHES = ("glb", "ply", "obj", "none")


@dataclass
class PictureOptions:
    """Options that all commands on pictures have, also those of `diffproxy.single_view.onnx`."""

    path: str = PICTURES()
    focal: float = option(
        0.0, "focal length in pixels where it is known; 0: from EXIF, else estimated", "PIXELS", "Input"
    )
    flip: bool = option(True, "average with what the flipped crop gives, for twice the work")
    min_score: float = MIN_SCORE()
    detector_side: int = DETECTOR_SIDE()

    def __post_init__(self) -> None:
        within("min_score", self.min_score, 0.0, 1.0)
        within("detector_side", self.detector_side, 64, 2048)
        at_least("focal", self.focal, 0)


@dataclass
class RecordingOptions(PictureOptions):
    """Options of `video` and `camera` beyond those of `image`."""

    detector_stride: int = DETECTOR_STRIDE()

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("detector_stride", self.detector_stride, 1)


@dataclass
class VideoFrames(RecordingOptions):
    """Options of `video` beyond those of `image`."""

    frames: str = FRAMES()


@dataclass
class CameraFrames(RecordingOptions):
    """Options of `camera` beyond those of `image`; `path` is the number of the camera."""

    limit: int = CAMERA_LIMIT()

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("limit", self.limit, 0)


@dataclass
class BenchFrames(PictureOptions):
    """Options of `bench` beyond those of `image`."""

    frames: str = FRAMES()
    strides: str = option("1,2,3,4", "detector strides to measure", "N,N", "Method")
    warmup: int = WARMUP_FRAMES(3)
    truth: str = option(
        "",
        "result.npz of the same frames, by several cameras or rendered: errors of the joints",
        "FILE",
        "Input",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("warmup", self.warmup, 0)
        if not self.all_strides or min(self.all_strides) < 1:
            raise InputError("strides from 1", f"strides={self.strides}", "write strides=1,2,3,4")

    @property
    def all_strides(self) -> list[int]:
        words = [word.strip() for word in self.strides.split(",") if word.strip()]
        return [int(word) if word.isdecimal() else 0 for word in words]


@dataclass
class EstimateOptions(PictureOptions):
    """Options of all commands that use the generator and the fitter."""

    body: str = BODY()
    generator: str = GENERATOR()
    detector: str = option(
        "multipose",
        "who finds the people: MoveNet multipose, up to six; or the network of whole pictures, up to 32 (another one "
        "by its file), which also gives the bodies with polish=false and starts of the fit otherwise",
        "multipose|whole_picture|FILE",
    )
    polish: bool = option(
        True, "fit the bodies to dense proxies; false: those of the network alone, in milliseconds"
    )
    start: str = option(
        "network",
        "where the fit starts: network and closed form, or the closed form alone",
        "network|closed_form",
    )
    steps: int = option(0, "denoising steps of the generator; 0: its dense regression head alone")
    max_pixels: int = option(300, "largest number of sampled proxy pixels of a person")

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("start", self.start, ("network", "closed_form"))
        within("steps", self.steps, 0, 1000)
        within("max_pixels", self.max_pixels, 50, 10_000)
        if not self.polish:
            refuse_unread(self, ("start", "steps", "max_pixels"), "polish=true")


@dataclass
class ImageOptions(EstimateOptions):
    """Options of `image`."""

    overlay: bool = option(True, "everybody drawn over the pictures", section="Output")
    mesh: str = option("glb", "format of the meshes", "glb|ply|obj|none", "Output")
    out: str = PICTURE_FOLDERS()

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("mesh", self.mesh, MESHES)


@dataclass
class VideoOptions(ImageOptions, VideoFrames):
    """Options of `video`."""


@dataclass
class CameraOptions(ImageOptions, CameraFrames):
    """Options of `camera`."""


@dataclass
class BenchOptions(BenchFrames, EstimateOptions):
    """Options of `bench`."""

    threads: int = option(1, "threads of the networks and the fit")

    def __post_init__(self) -> None:
        super().__post_init__()
        within("threads", self.threads, 1, 256)


@dataclass
class ExportModelsOptions:
    """Options of `export`."""

    out: str = option("", "folder of the ONNX files", "DIR", "Output")
    body: str = BODY()
    generator: str = GENERATOR()
    regressor: str = option(
        "", "weights of the body regressor; empty: those in the package", "FILE", "Models"
    )
    whole_picture: str = option(
        "whole_picture",
        "network of whole pictures: that of the package, or another one by its file",
        "FILE",
        "Models",
    )
