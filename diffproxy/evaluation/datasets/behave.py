"""BEHAVE, test split: four Kinects, gendered SMPL-H registrations.

    dataset.path/split.json                                    {"train": [...], "test": [...]}
                /calibs/intrinsics/K/calibration.json          OpenCV's rational lens
                /calibs/DateXX/config/K/config.json            camera to world, metres
                /sequences/SEQ/info.json                       gender and folders of the calibration
                              /tSSSS.000/kK.color.jpg, person/fit02/person_fit.{pkl,ply}

World is the colour camera of Kinect 1. The mesh is read from the .ply; joints need dataset.models. Sources:
github.com/xiexh20/behave-dataset, posepile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from pydantic import Field

from diffproxy.body.smpl_family import find_model, load_smpl_family
from diffproxy.cameras import Camera
from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.evaluation.datasets.moment import (
    Moment,
    chosen_sequences,
    every,
    images_of,
    need,
    read_as,
    read_mesh,
    read_pickle,
    reader_of_moments,
    root_folder,
)
from diffproxy.evaluation.true_body import TrueBody
from diffproxy.geometry.procrustes import nearest_rotation
from diffproxy.utils.errors import InputError
from diffproxy.utils.validation import Matrix, Number, Numbers, OpenSchema, Size, Vector

VIEWS = (0, 1, 2, 3)
SOURCE = "virtualhumans.mpi-inf.mpg.de/behave"
FIT = "person/fit02/person_fit"
FIX = f"get it from {SOURCE}"


class _Split(OpenSchema):
    test: list[str]


class _Sequence(OpenSchema):
    """Folders of the calibration, relative to that of the sequence."""

    intrinsic: str
    config: str
    gender: str


class _Lens(OpenSchema):
    """`opencv` repeats fx, fy, cx, cy before the coefficients of the lens."""

    fx: Number
    fy: Number
    cx: Number
    cy: Number
    width: Size
    height: Size
    opencv: list[Number] = Field(min_length=4)


class _Intrinsics(OpenSchema):
    color: _Lens


class _Pose(OpenSchema):
    """Camera to world."""

    rotation: Matrix
    translation: Vector


class _Body(OpenSchema):
    """SMPL-H."""

    pose: Numbers
    betas: Numbers
    trans: Vector


@reader_of_moments
def read(options: EvaluateOptions) -> Iterator[Moment]:
    """Instants with a registered body and an image of all chosen Kinects."""
    data = options.dataset
    root = root_folder(data, "split.json", SOURCE)
    views = [int(v) for v in data.views] or list(VIEWS)
    split = read_as(_Split, root / "split.json", "the split of BEHAVE", FIX)
    names = [n for n in split.test if (root / "sequences" / n).is_dir()]
    if not names:
        raise InputError(
            "sequences of the test split (Date03)", f"none in {root / 'sequences'}", f"get them from {SOURCE}"
        )
    for name in chosen_sequences(names, data, root):
        folder = root / "sequences" / name
        info = read_as(_Sequence, folder / "info.json", "the description of a sequence", FIX)
        rig = tuple(read_camera(folder / info.intrinsic, folder / info.config, v) for v in views)
        instants = sorted(p.parents[2] for p in folder.glob(f"t*/{FIT}.*"))
        instants = [
            p for p in dict.fromkeys(instants) if all((p / f"k{v}.color.jpg").is_file() for v in views)
        ]
        for at in every(instants, data):
            images = images_of([at / f"k{v}.color.jpg" for v in views])
            yield Moment(name, at.name, rig, images, truth_of(at, info.gender, options))


def read_camera(intrinsics: Path, config: Path, number: int) -> Camera:
    """One Kinect's colour camera: poses on disk lead from the camera to the world, and are rounded."""
    fix = f"get the calibration from {SOURCE}"
    path = intrinsics / str(number) / "calibration.json"
    color = read_as(_Intrinsics, path, "intrinsics of a Kinect", fix).color
    pose = read_as(_Pose, config / str(number) / "config.json", "the pose of a Kinect", fix)
    R_world_cam = nearest_rotation(pose.rotation)
    lens = np.array(color.opencv[4:], dtype=np.float64)
    K = np.array([[color.fx, 0, color.cx], [0, color.fy, color.cy], [0, 0, 1.0]])
    t_cam_world = -R_world_cam.T @ pose.translation
    return Camera(f"k{number}", color.width, color.height, K, R_world_cam.T, t_cam_world, lens)


def truth_of(instant: Path, gender: str, options: EvaluateOptions) -> Callable[[], TrueBody]:
    """The mesh of the .ply, or posed from the .pkl; SMPL-H's joints where dataset.models is given."""

    def truth() -> TrueBody:
        ply, pkl = instant / f"{FIT}.ply", instant / f"{FIT}.pkl"
        if options.dataset.models is None or not pkl.is_file():
            return TrueBody(read_mesh(need(ply, "the mesh of a body", "or give dataset.models=DIR")))
        p = read_pickle(_Body, pkl, "the body of an instant", options)
        path = find_model(options.dataset.models, "smplh", gender)
        model = load_smpl_family(path, options.dataset.allow_pickle)
        return TrueBody.of(model.pose(p.pose[None], p.betas[None, :10], p.trans[None]))

    return truth
