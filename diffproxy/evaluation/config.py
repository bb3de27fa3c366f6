"""The options of `evaluate.py`."""

from __future__ import annotations

from dataclasses import dataclass, fields

from diffproxy.evaluation.protocol import ProtocolOption
from diffproxy.pipeline.model_options import SharedOptions
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import at_least, one_of, option, refuse_unread, within
from diffproxy.utils.shared_options import SHARDS

STEPS = {"dress4d": 50} | dict.fromkeys(("spec_mtp", "humman", "pdhuman", "agora", "rendered"), 1)
"""Every n-th instant of the protocol, where it is not 5: data sets of single pictures are evaluated whole."""
RIGS = ("mpi_inf_3dhp", "behave", "rich", "moyo", "dress4d")
PUBLISHED = (*RIGS, "agora", "spec_mtp", "humman", "pdhuman")
READ_BY = {
    **dict.fromkeys(("path", "start", "every"), (*PUBLISHED, "rendered")),
    **dict.fromkeys(("models", "allow_pickle", "pixel_center"), PUBLISHED),
    **dict.fromkeys(("views", "sequences"), RIGS),
    **{
        "joints_inside": ("mpi_inf_3dhp",),
        "step_by": ("dress4d",),
        "frame_offset": ("moyo",),
        "cut": ("synthetic",),
    },
    **dict.fromkeys(("three_views", "lens"), ("rich",)),
}
"""Options that not all data sets have, and the readers that have them."""


@dataclass
class DatasetOption:
    """Which data with ground truth."""

    name: str = option("synthetic", "reader of the data, a module in diffproxy/evaluation/datasets", "NAME")
    cut: int = option(
        -1, "seed for pictures cut off at a third to two thirds of the body; -1 cuts nothing", "SEED"
    )
    path: str | None = option(None, "folder of a published data set, as downloaded", "DIR")
    models: str | None = option(
        None, "folder with smpl/, smplh/ and smplx/, to pose the data set's bodies", "DIR"
    )
    allow_pickle: bool = option(
        False, "read pickles of the data set and of body models; nothing in them is run"
    )
    views: list[str] = option(
        list, "its cameras by name or number; by default those of the protocol", "[NAME,...]"
    )
    sequences: list[str] = option(list, "only these sequences", "[NAME,...]")
    start: int = option(0, "of each sequence, leave out so many instants")
    every: int = option(
        0, "then take every n-th; 0 takes the protocol's step, 5 (4D-DRESS: 50, single pictures: 1)"
    )
    pixel_center: float = option(
        0.0, "where its calibration puts the centre of the first pixel; the data sets do not say", "0|0.5"
    )
    three_views: str = option(
        "run", "RICH sequences with only three calibrated cameras: use them or leave them out", "run|skip"
    )
    joints_inside: bool = option(
        True, "MPI-INF-3DHP: leave out instants with an annotated joint outside one of the pictures"
    )
    lens: bool = option(
        True,
        "RICH: undistort by the coefficients of its calibration; false: ignore them, as its toolkit does",
    )
    step_by: str = option(
        "list",
        "4D-DRESS: every n-th frame that a take lists and has, or all whose number is divisible by n",
        "list|number",
    )
    frame_offset: int = option(0, "MoYo: picture n is row 2 n + frame_offset of the mocap")
    partial: int = option(
        -1,
        "seed for random windows of the person in place of whole pictures (4D-DRESS partial); -1: none",
        "SEED",
    )

    def __post_init__(self) -> None:
        at_least("dataset.cut", self.cut, -1)
        at_least("dataset.partial", self.partial, -1)
        at_least("dataset.start", self.start, 0)
        at_least("dataset.every", self.every, 0)
        one_of("dataset.three_views", self.three_views, ("run", "skip"))
        one_of("dataset.step_by", self.step_by, ("list", "number"))
        if self.pixel_center not in (0, 0.5):
            raise InputError("dataset.pixel_center of 0 or 0.5", f"{self.pixel_center:g}", "use one of these")
        if self.name == "synthetic" and self.path:
            fix = f"write shards={self.path}, or add dataset=NAME of a published data set"
            raise InputError("shards=DIR for rendered shards", f"dataset.path={self.path}", fix)
        for name, readers in READ_BY.items():
            if self.name not in readers and self.name in ("synthetic", "rendered", *PUBLISHED):
                refuse_unread(self, (name,), f"dataset={'|'.join(readers)}", "dataset.")

    @property
    def step(self) -> int:
        """Every n-th instant is evaluated."""
        return self.every or STEPS.get(self.name, 5)


@dataclass
class EvaluateOptions(SharedOptions):
    """All options of `evaluate.py`."""

    dataset: DatasetOption = option(DatasetOption, "short for dataset.name", "NAME", "Input")
    shards: str = SHARDS("shards/test")
    limit: int = option(100, "at most so many subjects", section="Input")
    views: int = option(
        4,
        "body views of each subject; of published data sets the first of the protocol's cameras",
        section="Input",
    )
    cameras: str = option(
        "given",
        "the data set's, predicted ones, or none; without given ones they are found together with the body",
        "given|predicted|none",
        "Input",
    )
    predictions: str = option(
        "", "cameras=predicted: a folder with SUBJECT.npz of each subject (VGGT and the like)", "DIR", "Input"
    )
    fov: float = option(
        0.0,
        "cameras=none: field of view along the longer side, degrees, if focal lengths are unknown as well; "
        "0: the data set's focal lengths",
        section="Input",
    )
    proxies: str = option("generated", "from the images, or the data set's own", "generated|exact", "Input")
    protocol: ProtocolOption = option(ProtocolOption, "joints and alignment of published benchmarks")
    images: str = option(
        "crops",
        "square crops around the subject, or whole frames and the person detector",
        "crops|full",
        "Input",
    )
    out: str = option("out/evaluate.json", "JSON with means, medians and every subject", "FILE", "Output")

    def __post_init__(self) -> None:
        self.check_shared()
        one_of("proxies", self.proxies, ("generated", "exact"))
        one_of("images", self.images, ("crops", "full"))
        one_of("cameras", self.cameras, ("given", "predicted", "none"))
        within("fov", self.fov, 0.0, 179.0)
        if self.cameras != "given" and self.images == "full":
            fix = "write images=crops"  # boxes of whole images are found by geometry
            raise InputError("images=crops without given cameras", f"images=full cameras={self.cameras}", fix)
        if (self.cameras == "predicted") != bool(self.predictions):
            found = f"cameras={self.cameras} predictions={self.predictions}"
            raise InputError("a folder of predictions, and cameras=predicted", found, "give both or none")
        if self.cameras != "none":
            refuse_unread(self, ("fov",), "cameras=none")
        if self.proxies == "exact":
            refuse_unread(self.generator, ("weights",), "proxies=generated", "generator.")
        if self.dataset.name == "synthetic":
            names = [f.name for f in fields(self.protocol)]
            refuse_unread(self.protocol, names, f"dataset={'|'.join(PUBLISHED)}", "protocol.")
        else:
            refuse_unread(self, ("shards",), "dataset=synthetic")
        if self.dataset.cut >= 0 and self.dataset.partial >= 0:
            found = f"dataset.cut={self.dataset.cut} dataset.partial={self.dataset.partial}"
            raise InputError("dataset.cut or dataset.partial", found, "leave one of them out")
        if self.dataset.cut >= 0 and (self.proxies, self.images) != ("generated", "crops"):
            found = f"proxies={self.proxies} images={self.images}"
            fix = "drop dataset.cut, or write proxies=generated images=crops"
            raise InputError("dataset.cut with generated proxies of crops", found, fix)
        at_least("limit", self.limit, 1)
        at_least("views", self.views, 1)
