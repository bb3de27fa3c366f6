"""Rehearsal data through the readers of published data sets, and the same subjects straight from their shards.

    python -m diffproxy.evaluation.rehearsal_check shards=shards/test path=rehearsal limit=2

evaluates each subject twice in the six settings of Table 1 and prints the largest difference of every error. The second
way knows a data set's picture size and file format and which parameters its bodies have, but no file, axis, unit or
number of it: what a reader gets wrong shows as a difference. Boxes around the projected body are compared, and then
both ways get the reader's: what differs by a millionth of a pixel reads a few pixels differently. BEHAVE's lens cannot
be had without undistorting, so its pictures have to be written with `lens=false`. Exit status: 0, 1 for a difference
above 0.1 mm or a hundredth of a pixel, 2 for wrong input.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import UInt8

from diffproxy.body import BodyModel, BodyParams, load_body
from diffproxy.cameras import Camera
from diffproxy.datasets.shards import ShardIndex
from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.evaluation.datasets import open_dataset
from diffproxy.evaluation.datasets.moment import projected_box
from diffproxy.evaluation.datasets.partial import partial_subject
from diffproxy.evaluation.datasets.subject import EvalSubject
from diffproxy.evaluation.evaluate import open_evaluator
from diffproxy.evaluation.rehearsal_take import Take, encode_image, on_canvas, take_of
from diffproxy.evaluation.table1 import SETTINGS
from diffproxy.evaluation.true_body import TrueBody
from diffproxy.pipeline import inputs
from diffproxy.pipeline.networks import PACKAGED, Networks
from diffproxy.pipeline.results import FrameResult
from diffproxy.utils.errors import InputError
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.options import Subcommand, at_least, option

TOLERANCE, BOX_TOLERANCE = 0.1, 0.01  # mm, pixels
ERRORS = ("mpjpe", "ra_mpjpe", "pa_mpjpe", "mpvpe", "ra_mpvpe", "pa_mpvpe")
HANDS = ("left_hand_pose", "right_hand_pose")
FACE = ("jaw_pose", "leye_pose", "reye_pose", "expression")


@dataclass(frozen=True)
class Layout:
    """A data set as far as the errors depend on it.

    Attributes:
        size: Width and height of its pictures, pixels.
        suffix: Of its picture files.
        lacks: Parameters that its bodies do not have; they are 0.
        one_template: All bodies have the first subject's shape.
    """

    size: tuple[int, int]
    suffix: str = ".png"
    lacks: tuple[str, ...] = ()
    one_template: bool = False


LAYOUTS = {
    "mpi_inf_3dhp": Layout((2048, 2048), ".jpg", (*HANDS, *FACE)),
    "rich": Layout((4112, 3008)),
    "behave": Layout((2048, 1536), ".jpg", FACE),
    "moyo": Layout((2056, 1504), ".jpg", ("expression",), one_template=True),
    "dress4d": Layout((940, 1280)),
}


@dataclass
class CheckOptions:
    shards: str = option("shards/test", "shards that the rehearsal was written from", "DIR", "Input")
    path: str = option("rehearsal", "folder of the rehearsal", "DIR", "Input")
    limit: int = option(2, "so many subjects of each setting", section="Input")

    def __post_init__(self) -> None:
        at_least("limit", self.limit, 1)


@dataclass
class Differences:
    """Of one setting: the reader's errors of each subject, and the largest differences from the shards.

    Attributes:
        setting: Its name.
        status: Of each subject.
        errors: Rows of `ERRORS`, mm.
        largest: Difference of an error, mm.
        boxes: Difference of a side of a box, pixels.
    """

    setting: str
    status: list[str] = field(default_factory=list)
    errors: list[list[float]] = field(default_factory=list)
    largest: float = 0.0
    boxes: float = 0.0

    @property
    def agree(self) -> bool:
        return self.largest <= TOLERANCE and self.boxes <= BOX_TOLERANCE

    def line(self) -> str:
        """The mean errors and the differences."""
        means = " ".join(f"{m:9.2f}" for m in np.mean(self.errors, axis=0))
        return f"{self.setting:15s} {means} {self.largest:11.5f} {self.boxes:11.7f}  {' '.join(self.status)}"


def from_shards(take: Take, key: str, layout: Layout, betas: np.ndarray, body: BodyModel) -> EvalSubject:
    """A take as the pictures and bodies of a data set show it; `body` in double precision, `betas` (10,)."""
    rest = BodyParams.rest(1, dtype=torch.float64)
    pose = BodyParams.split_full_pose(torch.from_numpy(take.full_pose)[None])
    more = {"expression": take.expression, "transl": take.transl, "betas": betas}
    params = rest.replace(**pose, **{k: torch.from_numpy(v)[None] for k, v in more.items()})
    params = params.replace(**{k: getattr(rest, k) for k in layout.lacks})
    with torch.no_grad():
        vertices, joints = body(params).vertices[0].numpy(), body.joints(params)[0].numpy()
    truth = TrueBody(vertices, {"smplx22": joints[:22]})
    cameras = [Camera(c.name, *layout.size, c.K, c.R_cam_world, c.t_cam_world) for c in take.cameras]
    images = [stored(image, layout) for image in take.images]
    boxes = [projected_box(truth, c, key) for c in cameras]
    return EvalSubject(key, images, cameras, FrameResult(0, "ok"), "", boxes, true_body=truth)


def stored(image: UInt8[np.ndarray, "H W 3"], layout: Layout) -> UInt8[np.ndarray, "h w 3"]:
    """The picture on the canvas of the layout, encoded and decoded as its files are."""
    if layout.suffix == ".png":  # lossless
        return on_canvas(image, layout.size)
    data = np.frombuffer(encode_image(image, layout.size, layout.suffix), np.uint8)
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None  # it was encoded a line above
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)


def compare(
    options: CheckOptions, setting: str, networks: Networks = PACKAGED, more: Sequence[str] = ()
) -> Differences:
    """One setting of `table1.SETTINGS`; `more` are further options of `evaluate.py`.

    Raises:
        InputError: The reader finds nobody, or gives a body another status than the shards do.
    """
    from diffproxy.commands import evaluate_command

    dataset, words = SETTINGS[setting]
    root, layout = Path(options.path).expanduser(), LAYOUTS[dataset]
    evaluate = evaluate_command().compose(
        [
            f"dataset={dataset}", f"dataset.path={root / dataset}", f"dataset.models={root / 'models'}",
            "dataset.allow_pickle=true", f"limit={options.limit}", *words, *more,
        ]
    )  # fmt: skip
    evaluator, seed = open_evaluator(evaluate, networks), evaluate.dataset.partial
    index, body = ShardIndex(options.shards), load_body("anny").to(torch.float64)
    found = Differences(setting)
    for sample, pending in enumerate(open_dataset(evaluate, evaluator.fitter.body)):
        take = take_of(index, sample, body)
        betas = take_of(index, 0, body).betas if layout.one_template else take.betas
        subject = from_shards(take, pending.key, layout, betas, body)
        subject = subject if seed < 0 else partial_subject(subject, seed)
        read = pending.load()
        apart = np.asarray(read.boxes, dtype=np.float64) - np.asarray(subject.boxes, dtype=np.float64)
        found.boxes = max(found.boxes, float(np.abs(apart).max()))
        rows = [evaluator.row(s) for s in (read, replace(subject, boxes=read.boxes))]
        status, other = (row["status"] for row in rows)
        if status != other:
            raise InputError(f"{pending.key}: {other}, as from the shards", status, "mend the reader")
        found.status.append(status)
        if "mpjpe" in rows[0]:
            ours, true = (np.array([row[k] for k in ERRORS]) for row in rows)
            found.errors.append(ours.tolist())
            found.largest = max(found.largest, float(np.abs(ours - true).max()))
    if not found.errors:
        raise InputError(f"fitted bodies in {root / dataset}", "none", "write the rehearsal again")
    return found


def run(options: CheckOptions) -> int:
    names = " ".join(f"{name:>9s}" for name in ERRORS)
    sys.stdout.write(f"{'mm':15s} {names}  difference   boxes (px)  status\n")
    defaults = EvaluateOptions()
    networks = Networks(inputs.open_generator(defaults.generator, inputs.pick_device(defaults.device)))
    agree = True
    for setting in SETTINGS:
        found = compare(options, setting, networks)
        sys.stdout.write(found.line() + "\n")
        sys.stdout.flush()
        agree &= found.agree
    return int(not agree)


def main(words: Sequence[str] | None = None) -> int:
    command = Subcommand(CheckOptions, __doc__ or "", run)
    return exit_status(lambda: command.run(sys.argv[1:] if words is None else words))


if __name__ == "__main__":
    sys.exit(main())
