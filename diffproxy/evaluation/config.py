"""Everything `evaluate.py` can be told."""

from __future__ import annotations

from dataclasses import dataclass, field

from diffproxy.pipeline.config import BodyOption, GeneratorOption, SolverOption, at_least, one_of
from diffproxy.utils.errors import InputError


@dataclass
class DatasetOption:
    """`name`: a reader in diffproxy/evaluation/datasets; `cut`: seed of `cut_pictures`, which cuts the person off;
    -1 leaves the pictures as they are."""

    name: str = "synthetic"
    cut: int = -1


@dataclass
class EvaluateOptions:
    """All options of `evaluate.py`; `conf/evaluate.yaml` explains each in one line."""

    dataset: DatasetOption = field(default_factory=DatasetOption)
    body: BodyOption = field(default_factory=BodyOption)
    generator: GeneratorOption = field(default_factory=GeneratorOption)
    solver: SolverOption = field(default_factory=SolverOption)
    shards: str = "shards/test"
    limit: int = 100
    views: int = 4
    proxies: str = "generated"
    images: str = "crops"
    samples: int = 1
    prior: str = "gaussian"
    hands: bool = True
    encoder_keypoints: bool = True
    mirror: bool = True
    upright: bool = True
    recrop: bool = True
    out: str = "out/evaluate.json"
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        one_of("proxies", self.proxies, ("generated", "exact"))
        one_of("images", self.images, ("crops", "full"))
        one_of("solver", self.solver.name, ("lm", "adam"))
        at_least("dataset.cut", self.dataset.cut, -1)
        if self.dataset.cut >= 0 and (self.proxies, self.images) != ("generated", "crops"):
            found = f"proxies={self.proxies} images={self.images}"
            fix = "drop dataset.cut, or write proxies=generated images=crops"
            raise InputError("dataset.cut with generated proxies of crops", found, fix)
        at_least("limit", self.limit, 1)
        at_least("views", self.views, 1)
        at_least("samples", self.samples, 1)
        at_least("generator.steps", self.generator.steps, -1)
