"""SPEC-MTP, HuMMan and PDHuman as Zolly and BLADE evaluate them: one camera, labels as MMHuman3D's `HumanData`.

    dataset.path/preprocessed_datasets/spec_mtp_p3.npz       humman_test_p3.npz, pdhuman_test_p5.npz
                /datasets/spec_mtp/...                       images, by `image_path` of the .npz

The .npz holds `image_path` (N,), `smpl` (a pickled dict: body_pose (N, 23, 3), global_orient (N, 3), betas (N, 10),
transl (N, 3)) and the camera: `K` (N, 3, 3), or `focal_length` (N,) to (N, 2) in pixels of the image. Bodies are in the
camera's axes (x right, y down, z forward, metres), and are neutral SMPL in both evaluations. Without `K` the principal
point is the middle of the image. Everything else in the file (keypoints, boxes, `distortion_max`) is not needed.

Sources: docs/human_data.md and `HumanData.dump` of github.com/open-mmlab/mmhuman3d, and the loaders of
github.com/WenjiaWang0312/Zolly and github.com/NVlabs/blade, which agree; only BLADE's states that without `K` the
principal point is the middle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from diffproxy.body.smpl_family import find_model
from diffproxy.body.unpickle import plain_dict, read_plain_npz
from diffproxy.cameras import Camera
from diffproxy.cameras.image_files import read_image
from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.evaluation.datasets.model_surface import model_and_surface
from diffproxy.evaluation.datasets.moment import Moment, every, need, root_folder, subject_of
from diffproxy.evaluation.datasets.subject import EvalSubject, PendingSubject
from diffproxy.evaluation.true_body import TrueBody
from diffproxy.utils.bounded_arrays import as_numbers
from diffproxy.utils.bounded_files import path_inside
from diffproxy.utils.errors import InputError

FILES = {
    "spec_mtp": ("spec_mtp_p3.npz", "spec_mtp.npz"),
    "humman": ("humman_test_p3.npz",),
    "pdhuman": ("pdhuman_test_p5.npz", "pdhuman_test.npz"),
}
"""Label files of each data set, the first that is there."""
LABELS, IMAGES = "preprocessed_datasets", "datasets"
SOURCE = "github.com/SMPLCap/Zolly and github.com/NVlabs/blade (preprocessed_datasets, and the images of each data set)"
SIZES = {"body_pose": 69, "global_orient": 3, "betas": 10, "transl": 3}


@dataclass(frozen=True)
class Labels:
    """What an .npz says of its N pictures; lengths in metres, pixels of the images."""

    images: list[str]
    smpl: dict[str, Float[np.ndarray, "N _"]]
    K: Float[np.ndarray, "N 3 3"] | None
    focal: Float[np.ndarray, " N"] | None


def read(options: EvaluateOptions) -> Iterator[PendingSubject]:
    """Every picture with its body."""
    data = options.dataset
    root = root_folder(data, LABELS, SOURCE)
    names = FILES[data.name]
    path = next((p for n in names if (p := root / LABELS / n).is_file()), root / LABELS / names[0])
    labels = read_labels(need(path, f"the labels of {data.name}", f"get them from {SOURCE}"))
    folder = need(root / IMAGES / data.name, f"the images of {data.name}", f"get them from {SOURCE}")
    rows = every(range(len(labels.images)), data)
    first = {labels.images[row]: row for row in reversed(rows)}
    for row in sorted(rows, key=lambda row: first[labels.images[row]]):
        # Several people of one picture are several rows, here one after the other.
        name = labels.images[row]
        frame = f"{Path(name).with_suffix('').as_posix()}/{row}"
        image = path_inside(folder, name, f"the images of {path.name}", f"get the labels from {SOURCE}")
        load = partial(_subject, labels, row, frame, image, options)
        yield PendingSubject(f"{data.name}/{frame}", load, f"{data.name}/{name}")


def _subject(labels: Labels, row: int, frame: str, path: Path, options: EvaluateOptions) -> EvalSubject:
    image = read_image(need(path, f"image {row} of {options.dataset.name}", f"get the images from {SOURCE}"))
    camera = camera_of(labels, row, (image.shape[1], image.shape[0]), options.dataset.pixel_center)
    truth = truth_of(labels, row, options)
    return subject_of(Moment(options.dataset.name, frame, (camera,), lambda: [image], truth), options)


def read_labels(path: Path) -> Labels:
    """Pictures, bodies and cameras of a `HumanData` file.

    Raises:
        InputError: damaged, or something is missing or has another shape.
    """
    content = read_plain_npz(path, "MMHuman3D labels")
    images = [str(name) for name in np.ravel(content.get("image_path", []))]
    smpl = plain_dict(content.get("smpl"))
    missing = [k for k in SIZES if k not in smpl]
    if not images or missing:
        what = f"no {', '.join(missing)} in `smpl`" if images else "no `image_path`"
        raise InputError(f"image_path and smpl in {path}", what, f"get the file again from {SOURCE}")
    count = len(images)
    bodies = {k: table(smpl[k], count, size, f"smpl[{k!r}] in {path}") for k, size in SIZES.items()}
    K, focal = None, None
    if "K" in content:
        K = table(content["K"], count, 9, f"K in {path}").reshape(-1, 3, 3)
    elif "focal_length" in content:
        focal = table(content["focal_length"], count, None, f"focal_length in {path}")[:, 0]
    else:
        raise InputError(f"K or focal_length in {path}", "neither", f"get the file again from {SOURCE}")
    return Labels(images, bodies, K, focal)


def table(value: Any, rows: int, columns: int | None, what: str) -> Float[np.ndarray, "N _"]:
    """Finite numbers as (rows, columns); None: any number of columns above 0."""
    fix = f"get the file again from {SOURCE}"
    numbers = as_numbers(value, None, what, fix)
    wide = numbers.size // rows
    if not numbers.size or numbers.size % rows or columns not in (None, wide) or len(numbers) != rows:
        raise InputError(f"{what} of shape ({rows}, {columns or 'any'})", f"{numbers.shape}", fix)
    return numbers.reshape(rows, wide)


def camera_of(labels: Labels, row: int, size: tuple[int, int], pixel_center: float) -> Camera:
    """The camera of a picture of (width, height), its pixels as in the file; its axes are the world's."""
    if labels.K is not None:
        K = labels.K[row].copy()
    elif labels.focal is not None:
        # Half of the size is the middle where pixel centres are at integer + 0.5; the file's are at + `pixel_center`.
        middle = np.array(size) / 2 + pixel_center - 0.5
        K = np.array([[labels.focal[row], 0, middle[0]], [0, labels.focal[row], middle[1]], [0, 0, 1.0]])
    if not (K[0, 0] > 0 and K[1, 1] > 0):
        raise InputError(f"a focal length above 0 for image {row}", f"{K[0, 0]:g}", "get the labels again")
    return Camera("picture", *size, K, np.eye(3), np.zeros(3))


def truth_of(labels: Labels, row: int, options: EvaluateOptions) -> Callable[[], TrueBody]:
    """What poses the true body of one row when it is called, so that models are read only where they are needed."""

    def truth() -> TrueBody:
        if options.dataset.models is None:
            fix = "give dataset.models=DIR"
            raise InputError(
                f"the neutral SMPL model, to pose the bodies of {options.dataset.name}", "none", fix
            )
        file = find_model(options.dataset.models, "smpl", "neutral")
        model, surface = model_and_surface(file, options.dataset.allow_pickle)
        p = {k: v[row : row + 1] for k, v in labels.smpl.items()}
        pose = np.concatenate([p["global_orient"], p["body_pose"]], axis=1)
        return TrueBody.of(model.pose(pose, p["betas"], p["transl"]), surface=surface)

    return truth
