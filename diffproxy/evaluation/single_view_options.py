"""The options of `python -m diffproxy.evaluation.single_view`."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from diffproxy.evaluation.config import DatasetOption, EvaluateOptions
from diffproxy.evaluation.datasets.registry import READERS
from diffproxy.evaluation.protocol import JOINT_SETS, ProtocolOption
from diffproxy.pipeline.model_options import BodyOption, GeneratorOption
from diffproxy.utils.options import at_least, one_of, option, refuse_unread, within
from diffproxy.utils.shared_options import BODY, GENERATOR


@dataclass
class SingleViewEvaluationOptions:
    """Options of `python -m diffproxy.evaluation.single_view`."""

    dataset: str = option("spec_mtp", "which pictures", "NAME", "Input")
    path: str = option("", "folder of the data set", "DIR", "Input")
    models: str = option("", "folder with smpl/, smplh/ and smplx/, to pose the true bodies", "DIR", "Input")
    allow_pickle: bool = option(
        False, "read body models that are pickles; nothing in them is run", section="Input"
    )
    every: int = option(0, "every n-th picture; 0: as the data set's protocol says", section="Input")
    limit: int = option(100_000, "at most so many pictures (moments, of several cameras)", section="Input")
    people: str = option(
        "one",
        "one: each true person alone, where `boxes` says; all: everybody whom the detector finds in a picture, "
        "matched to everybody who is there",
        "one|all",
    )
    min_iou: float = option(0.1, "people=all: least overlap (IoU) of the boxes of a match; 0.1 is AGORA's")
    boxes: str = option(
        "truth",
        "people=one: where the person is: around the projected truth, or found by the detector",
        "truth|detector",
    )
    known_focal: bool = option(False, "with the true focal length")
    polish: bool = option(True, "fit to dense proxies; false: the regressor alone")
    start: str = option("network", "where the fit starts", "network|closed_form")
    joints: str = option("smplx22", "joints that are compared", "|".join(JOINT_SETS))
    regressor: str = option("", "joints from vertices, for joints=h36m14 and the like", "FILE")
    smplx2smpl: str = option("", "matrix that takes SMPL-X's vertices to SMPL's", "FILE")
    root: str = option("pelvis", "what MPJPE and PVE align", "pelvis|hips")
    body: str = BODY()
    generator: str = GENERATOR()
    out: str = option("out/single_view", "folder for the report and the table", "DIR", "Output")

    def __post_init__(self) -> None:
        one_of("dataset", self.dataset, tuple(READERS))
        one_of("people", self.people, ("one", "all"))
        one_of("boxes", self.boxes, ("truth", "detector"))
        within("min_iou", self.min_iou, 0.01, 1.0)
        at_least("limit", self.limit, 1)
        at_least("every", self.every, 0)
        other, name = ("one", "boxes") if self.everybody else ("all", "min_iou")
        refuse_unread(self, (name,), f"people={other}")
        self.protocol()  # says what is missing before anything is read

    @property
    def everybody(self) -> bool:
        return self.people == "all"

    def protocol(self) -> ProtocolOption:
        return ProtocolOption(self.joints, self.regressor or None, self.smplx2smpl or None, self.root)

    def data(self) -> EvaluateOptions:
        """As the readers want it; `limit` is of pictures, and not for them."""
        dataset = DatasetOption(
            self.dataset,
            path=self.path or None,
            models=self.models or None,
            allow_pickle=self.allow_pickle,
            every=self.every,
        )
        images = "crops" if self.boxes == "truth" and not self.everybody else "full"
        return EvaluateOptions(
            body=BodyOption(self.body), generator=GeneratorOption(self.generator), protocol=self.protocol(),
            dataset=dataset, limit=sys.maxsize, images=images,
        )  # fmt: skip
