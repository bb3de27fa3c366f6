"""The options of `evaluate.py`."""

from __future__ import annotations

from dataclasses import dataclass

from diffproxy.pipeline.config import SharedOptions
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import at_least, one_of, option
from diffproxy.utils.shared_options import SHARDS


@dataclass
class DatasetOption:
    """Which data with ground truth."""

    name: str = option("synthetic", "reader of the data, a module in diffproxy/evaluation/datasets", "NAME")
    cut: int = option(
        -1, "seed for pictures cut off at a third to two thirds of the body; -1 cuts nothing", "SEED"
    )


@dataclass
class EvaluateOptions(SharedOptions):
    """All options of `evaluate.py`."""

    dataset: DatasetOption = option(DatasetOption, "short for dataset.name", "NAME", "Input")
    shards: str = SHARDS("shards/test")
    limit: int = option(100, "at most so many subjects", section="Input")
    views: int = option(4, "body views of each subject", section="Input")
    proxies: str = option("generated", "from the images, or the data set's own", "generated|exact", "Input")
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
        at_least("dataset.cut", self.dataset.cut, -1)
        if self.dataset.cut >= 0 and (self.proxies, self.images) != ("generated", "crops"):
            found = f"proxies={self.proxies} images={self.images}"
            fix = "drop dataset.cut, or write proxies=generated images=crops"
            raise InputError("dataset.cut with generated proxies of crops", found, fix)
        at_least("limit", self.limit, 1)
        at_least("views", self.views, 1)
