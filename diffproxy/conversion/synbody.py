"""SynBody: a folder for each camera of a performance.

    path/**/NAME_CAM002/seq_data.json       Actors: CameraActor {location, rotation, fov}, CharacterActors {..., smplx}
                       /rgb/0001.jpeg       frame f is row f of the parameters; row 0 is a T pose
                       /smplx/*.npz         HumanData: smplx {global_orient, body_pose, ..., transl}, meta {gender}

Locations are Unreal's, centimetres (x forward, y right, z up): (y, -z, x) / 100 is in OpenCV axes. Rotations are Euler
angles in degrees, scipy's extrinsic `zxy`, camera to world. Hands are relative to the mean hands. Folders that
differ in _CAMnnn alone are taken as cameras of one performance (inferred from the names). An actor's placement turns
its path about the first row, as in the reader of XRPrimer (openxrlab), which is the source of all of this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from jaxtyping import Float
from pydantic import Field
from scipy.spatial.transform import Rotation

from diffproxy.body.unpickle import plain_dict, read_plain_npz
from diffproxy.cameras import Camera
from diffproxy.cameras.image_files import read_image
from diffproxy.conversion.options import ConversionOptions
from diffproxy.conversion.people import POSE, Person, Picture, Subject
from diffproxy.utils.bounded_arrays import as_numbers
from diffproxy.utils.bounded_files import Limits
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.errors import InputError
from diffproxy.utils.validation import Number, OpenSchema, validated

FIX = "get the sequence again from synbody.github.io"
Triple = tuple[Number, Number, Number]


class _CameraActor(OpenSchema):
    location: Triple
    rotation: Triple
    fov: Annotated[Number, Field(gt=0, lt=180)]


class _Character(OpenSchema):
    location: Triple
    rotation: Triple
    smplx: str


class _Actors(OpenSchema):
    CameraActor: _CameraActor
    CharacterActors: dict[str, _Character]


class _Sequence(OpenSchema):
    Actors: _Actors


def read(options: ConversionOptions) -> Iterator[Subject]:
    """One subject for each actor and frame, with the images of all cameras that have the frame."""
    root = Path(options.path).expanduser()
    performances: dict[str, list[Path]] = {}
    for file in sorted(root.rglob("seq_data.json")):
        name = re.sub(r"_CAM\d+$", "", str(file.parent.relative_to(root)))
        performances.setdefault(name, []).append(file.parent)
    if not performances:
        raise InputError("sequences of SynBody, with seq_data.json", f"none in {root}", FIX)
    for name, folders in performances.items():
        yield from _performance(name, folders, options.every)


def _performance(name: str, folders: list[Path], every: int) -> Iterator[Subject]:
    data = [_read_sequence(folder) for folder in folders]
    actors = {key: _actor(folders[0], value) for key, value in sorted(data[0].CharacterActors.items())}
    frames = sorted({_frame(p) for folder in folders for p in (folder / "rgb").glob("*.jpeg")})
    for frame in frames[::every]:
        pictures = []
        for folder, content in zip(folders, data, strict=True):
            path = folder / "rgb" / f"{frame:04d}.jpeg"
            if path.is_file():
                camera = partial(_camera, folder.name, content.CameraActor)
                pictures.append(Picture(folder.name, partial(read_image, path), camera))
        people = {key: rows(frame) for key, rows in actors.items()}
        for key, person in people.items():
            if person is not None:
                others = tuple(p for other, p in people.items() if other != key and p is not None)
                stem = re.sub(r"\W+", "-", f"{name}-{frame:04d}-{key}").strip("-")
                yield Subject(stem, person, others, tuple(pictures))


def _frame(path: Path) -> int:
    if not path.stem.isdecimal() or len(path.stem) > Limits.NUMBER_DIGITS:
        raise InputError(f"images 0001.jpeg, 0002.jpeg, ... in {path.parent}", path.name, FIX)
    return int(path.stem)


def _read_sequence(folder: Path) -> _Actors:
    what = "seq_data.json of SynBody"
    content = read_json(folder / "seq_data.json", what)
    return validated(_Sequence, content, f"{what} in {folder}", FIX).Actors


def opencv_place(location: Triple) -> Float[np.ndarray, " 3"]:
    """Unreal's centimetres as metres in OpenCV axes."""
    x, y, z = (v / 100 for v in location)
    return np.array([y, -z, x])


def _camera(name: str, actor: _CameraActor, width: int, height: int) -> Camera:
    R = Rotation.from_euler("zxy", actor.rotation, degrees=True).as_matrix().T  # camera from world
    f = max(width, height) / 2 / np.tan(np.radians(actor.fov) / 2)
    K = np.array([[f, 0, width / 2], [0, f, height / 2], [0, 0, 1.0]])
    return Camera(name, width, height, K, R, -R @ opencv_place(actor.location))


def _actor(folder: Path, actor: _Character) -> Callable[[int], Person | None]:
    """From a frame to the person, None beyond the last row."""
    gender, transl, pose, betas, expression = read_human_data(folder / "smplx" / Path(actor.smplx).name)
    turn = Rotation.from_euler("zxy", actor.rotation, degrees=True)
    pose[:, :3] = (turn * Rotation.from_rotvec(pose[:, :3])).as_rotvec()
    path_world = turn.apply(transl - transl[0]) + transl[0] + opencv_place(actor.location)

    def person(frame: int) -> Person | None:
        if frame >= len(pose):
            return None
        row = betas[min(frame, len(betas) - 1)]
        return Person(pose[frame], row, path_world[frame], expression[frame], gender, mean_hands=True)

    return person


def read_human_data(path: Path) -> tuple[str, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Gender, translations (N, 3), poses (N, 165), betas (1 or N, B) and expressions (N, 10) of a HumanData .npz.

    Its members are pickles; nothing in them is run. Parts of the pose that it lacks are at rest.

    Raises:
        InputError: damaged, another content, or numbers that are missing, of other shapes or not finite.
    """
    what = f"SMPL-X parameters of SynBody in {path}"
    content = read_plain_npz(path, "SMPL-X parameters of SynBody")
    smplx, meta = (plain_dict(content.get(name)) for name in ("smplx", "meta"))
    if missing := [k for k in ("global_orient", "body_pose", "transl", "betas") if k not in smplx]:
        raise InputError(what, f"no {', '.join(missing)} in smplx", FIX)
    transl = as_numbers(smplx["transl"], None, f"transl, {what}", FIX)
    rows = transl.size // 3
    tables = {"transl": transl} | {
        k: as_numbers(smplx[k], None, f"{k}, {what}", FIX) for k in smplx if k in POSE
    }
    sizes = {"transl": 3} | {k: part.stop - part.start for k, part in POSE.items()}
    for name, values in tables.items():
        if not rows or values.size != rows * sizes[name]:
            raise InputError(
                f"{rows or 'some'} rows of {sizes[name]} numbers: {name}, {what}", f"{values.shape}", FIX
            )
    pose = np.zeros((rows, 165))
    for name, part in POSE.items():
        if name in tables:
            pose[:, part] = tables[name].reshape(rows, -1)
    betas = np.atleast_2d(as_numbers(smplx["betas"], None, f"betas, {what}", FIX))
    given = as_numbers(smplx.get("expression", np.zeros((rows, 10))), None, f"expression, {what}", FIX)
    if betas.ndim > 2 or not betas.size or len(given) != rows:
        raise InputError(
            f"betas and an expression for each frame: {what}", f"{betas.shape}, {given.shape}", FIX
        )
    expression = np.zeros((rows, 10))
    width = min(10, given.size // rows)
    expression[:, :width] = given.reshape(rows, -1)[:, :width]
    return str(meta.get("gender", "neutral")), transl.reshape(-1, 3), pose, betas, expression
