"""BEDLAM: images of one camera each, labels of the release's data_processing/df_full_body.py.

    path/SCENE.npz                     imgname, pose_world (N, 165), trans_world, shape, cam_ext (N, 4, 4), cam_int,
                                       gender
        /SCENE/png/seq_000000/*.png    imgname is relative to png/; images of *closeup* scenes lie on their side

`cam_ext` leads from the world of these labels to the camera, OpenCV axes, metres; `cam_int` has the principal point at
half the image size. Hands are relative to the flat hand. Source: github.com/pixelite1201/BEDLAM.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from diffproxy.cameras import Camera
from diffproxy.cameras.image_files import read_image
from diffproxy.conversion.options import ConversionOptions
from diffproxy.conversion.people import Person, Picture, Subject
from diffproxy.utils.bounded_arrays import as_numbers, read_npz
from diffproxy.utils.bounded_files import path_inside
from diffproxy.utils.errors import InputError

NUMBERS = {
    "pose_world": (165,), "trans_world": (3,), "shape": (None,), "cam_ext": (4, 4), "cam_int": (3, 3),
}  # fmt: skip
"""Shape of a row of each array of numbers."""
KEYS = ("imgname", *NUMBERS, "gender")
LYING = "closeup"
"""Scenes with this word in their name are stored turned by a quarter; labels are of the upright image."""
FIX = "give path=DIR with the training labels SCENE.npz beside the folders SCENE/png (bedlam.is.tue.mpg.de)"


def read(options: ConversionOptions) -> Iterator[Subject]:
    """One subject for each person in each image."""
    root = Path(options.path).expanduser()
    files = sorted(root.glob("*.npz"))
    if not files:
        raise InputError("labels of BEDLAM, SCENE.npz", f"none in {root}", FIX)
    for file in files:
        labels = read_npz(file, "labels of BEDLAM")
        if missing := [key for key in KEYS if key not in labels]:
            raise InputError(f"{', '.join(KEYS)} in {file}", f"no {', '.join(missing)}", FIX)
        yield from _scene(root / file.stem / "png", file.stem, _checked(labels, file), options.every)


def _checked(labels: Mapping[str, np.ndarray], file: Path) -> Mapping[str, np.ndarray]:
    """The labels, with one row of finite numbers for each person."""
    rows = len(labels["imgname"]) if labels["imgname"].ndim == 1 else 0
    if labels["imgname"].dtype.kind != "U" or labels["gender"].shape != (rows,):
        found = f"imgname {labels['imgname'].shape}, gender {labels['gender'].shape}"
        raise InputError(f"imgname and gender, one text for each person, in {file}", found, FIX)
    shapes = {k: as_numbers(labels[k], (rows, *shape), f"{k} in {file}", FIX) for k, shape in NUMBERS.items()}
    return {**labels, **shapes}


def _scene(folder: Path, scene: str, labels: Mapping[str, np.ndarray], every: int) -> Iterator[Subject]:
    names = [str(n) for n in labels["imgname"]]
    together: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        together.setdefault(name, []).append(row)
    for name in list(together)[::every]:
        path = path_inside(folder, name, f"imgname of {scene}.npz", FIX)
        if not path.is_file():
            raise InputError("the images of the labels", f"nothing at {path}", FIX)
        people = {row: _person(labels, row) for row in together[name]}
        for number, row in enumerate(together[name]):
            K, E = labels["cam_int"][row], labels["cam_ext"][row]
            picture = Picture(
                "cam0", partial(_image, path, LYING in scene), partial(_camera, K, E, str(path))
            )
            others = tuple(p for other, p in people.items() if other != row)
            key = re.sub(r"\W+", "-", f"{scene}-{Path(name).with_suffix('')}-{number}")
            yield Subject(key, people[row], others, (picture,))


def _person(labels: Mapping[str, np.ndarray], row: int) -> Person:
    pose, betas, transl = (labels[k][row] for k in ("pose_world", "shape", "trans_world"))
    return Person(pose, betas, transl, np.zeros(10), str(labels["gender"][row]))


def _image(path: Path, lying: bool) -> UInt8[np.ndarray, "H W 3"]:
    image = read_image(path)
    return np.ascontiguousarray(np.rot90(image, -1)) if lying else image


def _camera(K: np.ndarray, E: np.ndarray, path: str, width: int, height: int) -> Camera:
    if not np.allclose(2 * K[:2, 2], (width, height), atol=1):
        found = f"{width} x {height} pixels, principal point {K[0, 2]:g}, {K[1, 2]:g}"
        raise InputError(f"an image of the size of its labels: {path}", found, "use the released images")
    return Camera("cam0", width, height, K, E[:3, :3], E[:3, 3])
