"""AGORA, validation split: rendered pictures with several people each, SMPL-X bodies in the camera's axes.

    dataset.path/camera_dataframe/validation_N_withjv.pkl        or validation_SMPLX/SMPLX/..., SMPLX/...
                /images/validation/NAME_1280x720.png             or validation/...; or NAME.png, 3840 x 2160

The pickled data frames "with SMPL-X joints and vertices" have a row for each picture: `imgPath`, and of each person
`gt_verts` (10475, 3) and `gt_joints_3d` (the model's joints first) in metres, `isValid` (occluded by less than 90 %).
Every person is a subject; who is not valid does not count, and need not have a body. The focal length follows from the
name: 50 mm (hdri), 18 mm (cam00 to cam03), 28 mm (all others) before a sensor of 36 mm; the principal point is the
middle. Vertices are in the frame; dataset.models is needed for the overlap of silhouettes alone, whose triangles come
from neutral SMPL-X.

Sources: docs/gt_dataframe.md and agora_evaluation/projection.py of github.com/pixelite1201/agora_evaluation, and the
folders of docs/preprocess_dataset.md and the converter of github.com/open-mmlab/mmhuman3d, which agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy.body.smpl_family import find_model
from diffproxy.cameras import Camera
from diffproxy.cameras.image_files import read_image
from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.evaluation.datasets.data_frames import read_data_frame
from diffproxy.evaluation.datasets.model_surface import model_and_surface
from diffproxy.evaluation.datasets.moment import Moment, every, root_folder, subject_of
from diffproxy.evaluation.datasets.subject import EvalSubject, PendingSubject
from diffproxy.evaluation.true_body import BodySurface, TrueBody
from diffproxy.utils.bounded_arrays import as_numbers
from diffproxy.utils.errors import InputError

SOURCE = "agora.is.tue.mpg.de (validation images, and camera data frames with SMPL-X joints and vertices)"
FRAMES = ("camera_dataframe", "validation_SMPLX/SMPLX", "SMPLX")
IMAGES = ("images/validation", "validation")
COLUMNS = ("imgPath", "isValid", "gt_verts", "gt_joints_3d")
SENSOR_MM = 36.0
LENSES_MM = {"hdri": 50.0, "cam00": 18.0, "cam01": 18.0, "cam02": 18.0, "cam03": 18.0}
OTHER_LENS_MM = 28.0


def read(options: EvaluateOptions) -> Iterator[PendingSubject]:
    """Every person of every picture; those who are not valid do not count."""
    root = root_folder(options.dataset, ".", SOURCE)
    files = [p for folder in FRAMES for p in sorted((root / folder).glob("validation_*_withjv.pkl"))]
    images = next((root / n for n in IMAGES if (root / n).is_dir()), None)
    if not files or images is None:
        missing = f"validation_0_withjv.pkl in {' or '.join(FRAMES)}" if not files else " or ".join(IMAGES)
        raise InputError(f"agora with {missing} in dataset.path", f"not in {root}", f"get it from {SOURCE}")
    for path in files:
        columns = read_data_frame(path)
        lacking = [c for c in COLUMNS if c not in columns]
        if lacking:
            found = f"no {', '.join(lacking)} in {path}"
            raise InputError("a data frame with joints and vertices", found, f"get it from {SOURCE}")
        for row in every(range(len(columns["imgPath"])), options.dataset):
            name = Path(str(columns["imgPath"][row])).name
            where = f"of {name} in {path}"
            valid, *bodies = (columns[c][row] for c in COLUMNS[1:])
            stem = Path(name).stem
            for person, counted in enumerate(as_numbers(valid, (None,), f"isValid {where}") != 0):
                try:
                    vertices, joints = _person(bodies, person, where)
                except InputError:
                    if counted:
                        raise
                    continue  # a hidden person, of whom nothing has to be known
                load = partial(_subject, f"{stem}/{person}", images, name, vertices, joints, options)
                yield PendingSubject(f"agora/{stem}/{person}", load, f"agora/{stem}", bool(counted))


def _person(bodies: list[Any], person: int, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and joints of one person. InputError where they are damaged or missing."""
    if any(not isinstance(b, list | np.ndarray) or len(b) <= person for b in bodies):
        raise InputError(f"bodies of all people {where}", "fewer", f"get it from {SOURCE}")
    vertices, joints = (as_numbers(b[person], (None, 3), f"bodies {where}") for b in bodies)
    if len(joints) < 22:
        raise InputError(f"22 joints and more {where}", f"{len(joints)}", f"get it from {SOURCE}")
    return vertices, joints


def _subject(
    key: str, images: Path, name: str, vertices: np.ndarray, joints: np.ndarray, options: EvaluateOptions
) -> EvalSubject:
    image = read_image(image_path(images, name))
    camera = camera_of(name, image.shape[1], image.shape[0], options.dataset.pixel_center)
    surface = _surface(len(vertices), options)
    body = TrueBody(vertices, {"smplx22": joints[:22]}, surface)
    return subject_of(Moment("agora", key, (camera,), lambda: [image], lambda: body), options)


def image_path(folder: Path, name: str) -> Path:
    """The small or the large picture of this name. InputError if there is neither."""
    stem = Path(name).stem.removesuffix("_1280x720")
    for path in (folder / f"{stem}_1280x720.png", folder / f"{stem}.png"):
        if path.is_file():
            return path
    raise InputError(f"{stem}_1280x720.png or {stem}.png", f"neither in {folder}", f"get it from {SOURCE}")


def camera_of(name: str, width: int, height: int, pixel_center: float) -> Camera:
    """The camera of a picture, its pixels as in the file; its axes are the world's."""
    lens = next((mm for word, mm in LENSES_MM.items() if word in name), OTHER_LENS_MM)
    # Half of the size is the middle where pixel centres are at integer + 0.5; the file's are at + `pixel_center`.
    f, off = lens / SENSOR_MM * width, pixel_center - 0.5
    K = np.array([[f, 0, width / 2 + off], [0, f, height / 2 + off], [0, 0, 1]])
    return Camera("picture", width, height, K, np.eye(3), np.zeros(3))


def _surface(count: int, options: EvaluateOptions) -> BodySurface | None:
    if options.dataset.models is None:
        return None
    file = find_model(options.dataset.models, "smplx", "neutral")
    model, surface = model_and_surface(file, options.dataset.allow_pickle)
    if model.num_vertices != count:
        found = f"{count} vertices a body, {model.num_vertices} in {file}"
        raise InputError("the data frames with SMPL-X bodies", found, f"get them from {SOURCE}")
    return surface
