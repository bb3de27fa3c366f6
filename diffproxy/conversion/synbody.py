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

import io
import pickle
import re
import zipfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from diffproxy.cameras import Camera
from diffproxy.cameras.image_files import read_image
from diffproxy.conversion.options import ConversionOptions
from diffproxy.conversion.people import POSE, Person, Picture, Subject
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.errors import InputError
from diffproxy.utils.unpickle import RestrictedUnpickler

FIX = "get the sequence again from synbody.github.io"


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
    actors = {key: _actor(folders[0], value) for key, value in sorted(data[0]["CharacterActors"].items())}
    frames = sorted({int(p.stem) for folder in folders for p in (folder / "rgb").glob("*.jpeg")})
    for frame in frames[::every]:
        pictures = []
        for folder, content in zip(folders, data, strict=True):
            path = folder / "rgb" / f"{frame:04d}.jpeg"
            if path.is_file():
                camera = partial(_camera, folder.name, content["CameraActor"])
                pictures.append(Picture(folder.name, partial(read_image, path), camera))
        people = {key: rows(frame) for key, rows in actors.items()}
        for key, person in people.items():
            if person is not None:
                others = tuple(p for other, p in people.items() if other != key and p is not None)
                stem = re.sub(r"\W+", "-", f"{name}-{frame:04d}-{key}").strip("-")
                yield Subject(stem, person, others, tuple(pictures))


def _read_sequence(folder: Path) -> Mapping[str, Any]:
    content = read_json(folder / "seq_data.json", "seq_data.json of SynBody")
    try:
        actors = content["Actors"]
        return {"CameraActor": actors["CameraActor"], "CharacterActors": actors["CharacterActors"]}
    except (KeyError, TypeError) as error:
        raise InputError(f"Actors with camera and characters in {folder}", repr(error), FIX) from error


def opencv_place(location: Any) -> Float[np.ndarray, " 3"]:
    """Unreal's centimetres as metres in OpenCV axes."""
    x, y, z = (float(v) / 100 for v in location)
    return np.array([y, -z, x])


def _camera(name: str, actor: Mapping[str, Any], width: int, height: int) -> Camera:
    R = Rotation.from_euler("zxy", actor["rotation"], degrees=True).as_matrix().T  # camera from world
    f = max(width, height) / 2 / np.tan(np.radians(float(actor["fov"])) / 2)
    K = np.array([[f, 0, width / 2], [0, f, height / 2], [0, 0, 1.0]])
    return Camera(name, width, height, K, R, -R @ opencv_place(actor["location"]))


def _actor(folder: Path, actor: Mapping[str, Any]) -> Any:
    """From a frame to the person, None beyond the last row."""
    path = folder / "smplx" / Path(str(actor["smplx"])).name
    content = read_human_data(path)
    p = {k: np.asarray(v, dtype=np.float64) for k, v in content["smplx"].items()}
    gender = str(content.get("meta", {}).get("gender", "neutral"))
    turn = Rotation.from_euler("zxy", actor["rotation"], degrees=True)
    orient = (turn * Rotation.from_rotvec(p["global_orient"].reshape(-1, 3))).as_rotvec()
    path_world = p["transl"].reshape(-1, 3)
    path_world = turn.apply(path_world - path_world[0]) + path_world[0] + opencv_place(actor["location"])
    count = len(path_world)

    def person(frame: int) -> Person | None:
        if frame >= count:
            return None
        pose = np.zeros(165)
        for name, part in POSE.items():
            if name in p:
                pose[part] = p[name].reshape(count, -1)[frame]
        pose[:3] = orient[frame]
        expression = p.get("expression", np.zeros((count, 10))).reshape(count, -1)[frame]
        betas = p["betas"].reshape(-1, p["betas"].shape[-1])
        row = betas[min(frame, len(betas) - 1)]
        return Person(pose, row, path_world[frame], expression[:10], gender, mean_hands=True)

    return person


def read_human_data(path: Path) -> dict[str, Any]:
    """The dictionaries of a HumanData .npz, whose members are pickles; nothing in them is run."""
    out: dict[str, Any] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in ("smplx", "meta"):
                if f"{name}.npy" in archive.namelist():
                    file = io.BytesIO(archive.read(f"{name}.npy"))
                    version = np.lib.format.read_magic(file)
                    read_header = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
                    if read_header(file)[2] == np.dtype(object):
                        out[name] = RestrictedUnpickler(file, encoding="latin1").load().item()
        if not {"global_orient", "body_pose", "transl", "betas"} <= out["smplx"].keys():
            raise KeyError("parameters in smplx")
    except (
        OSError,
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        AttributeError,
        pickle.UnpicklingError,
    ) as error:
        raise InputError("SMPL-X parameters of SynBody", f"{path}: {error!r}", FIX) from error
    return out
