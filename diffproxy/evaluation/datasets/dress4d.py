"""4D-DRESS: clothed people, cameras 0004, 0028, 0052, 0076, gendered SMPL and SMPL-X bodies.

    dataset.path/00NNN/{Inner,Outer}/TakeN/basic_info.pkl             gender, scan_frames
                                          /Capture/cameras.pkl        K and world to camera, OpenCV axes
                                          /Capture/CCCC/images/capture-fNNNNN.png
                                          /SMPLX/mesh-fNNNNN_smplx.{pkl,ply}, /SMPL/mesh-fNNNNN_smpl.{pkl,ply}

The matrices are OpenCV's, in spite of the README's remark on PyTorch3D. `dataset.partial=SEED` cuts each image to a
random window of the person ("4D-DRESS partial"). Sources: github.com/eth-ait/4d-dress, MPMAvatar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator

from diffproxy.body.smpl_family import find_model, load_smpl_family
from diffproxy.cameras import Camera
from diffproxy.evaluation.config import DatasetOption, EvaluateOptions
from diffproxy.evaluation.datasets.moment import (
    Moment,
    chosen_sequences,
    every,
    images_of,
    need,
    read_mesh,
    read_pickle,
    reader_of_moments,
    root_folder,
)
from diffproxy.evaluation.datasets.rich import SmplxBody, pose_smplx
from diffproxy.evaluation.true_body import TrueBody
from diffproxy.utils.errors import InputError
from diffproxy.utils.validation import Matrix, OpenSchema, array_of, validated

VIEWS = ("0004", "0028", "0052", "0076")
SIZE = (940, 1280)
SOURCE = "4d-dress.ait.ethz.ch"


class _Take(OpenSchema):
    gender: str
    scan_frames: Annotated[
        list[str | int], BeforeValidator(lambda v: v.tolist() if isinstance(v, np.ndarray) else v)
    ]


class _Camera(OpenSchema):
    """World to camera."""

    intrinsics: Matrix
    extrinsics: Annotated[np.ndarray, BeforeValidator(partial(array_of, (3, 4)))]


@reader_of_moments
def read(options: EvaluateOptions) -> Iterator[Moment]:
    """Scan frames with a body and an image of all chosen cameras."""
    data = options.dataset
    root = root_folder(data, ".", SOURCE)
    views = [str(v).zfill(4) for v in data.views] or list(VIEWS)
    takes = {str(p.parent.relative_to(root)): p.parent for p in sorted(root.glob("**/Take*/basic_info.pkl"))}
    if not takes:
        raise InputError(
            "takes, as 00122/Outer/Take1", f"none with basic_info.pkl in {root}", f"get them from {SOURCE}"
        )
    for name in chosen_sequences([*takes], data, root):
        folder = takes[name]
        info = read_pickle(_Take, folder / "basic_info.pkl", "the description of a take", options)
        rig = read_cameras(folder / "Capture/cameras.pkl", views, options)
        paths = {
            str(f): [folder / "Capture" / v / "images" / f"capture-f{f}.png" for v in views]
            for f in info.scan_frames
        }
        known = [f for f, files in paths.items() if all(p.is_file() for p in files)]
        for frame in numbered(known, data) if data.step_by == "number" else every(known, data):
            truth = truth_of(folder, frame, info.gender, options)
            yield Moment(name, f"f{frame}", rig, images_of(paths[frame]), truth)


def numbered(frames: list[str], dataset: DatasetOption) -> list[str]:
    """From `start` on, the frames whose number the step divides."""
    if others := [f for f in frames if not f.isdecimal()]:
        raise InputError("numbers in scan_frames", repr(others[0]), "write dataset.step_by=list")
    return [f for f in frames[dataset.start :] if int(f) % dataset.step == 0]


def read_cameras(path: Path, views: list[str], options: EvaluateOptions) -> tuple[Camera, ...]:
    """The pinhole cameras of `views` from the pickle of a take, in that order."""
    cameras = read_pickle(dict[str, Any], path, "the cameras of a take", options)
    found = {
        v: validated(_Camera, cameras.get(v, {}), f"camera {v} in {path}", "get it again") for v in views
    }
    return tuple(
        Camera(v, *SIZE, c.intrinsics, c.extrinsics[:, :3], c.extrinsics[:, 3]) for v, c in found.items()
    )


def truth_of(folder: Path, frame: str, gender: str, options: EvaluateOptions) -> Callable[[], TrueBody]:
    """SMPL-X where dataset.models is given, else the mesh of the .ply alone."""

    def truth() -> TrueBody:
        stem = folder / "SMPLX" / f"mesh-f{frame}_smplx"
        if options.dataset.models is None:
            return TrueBody(
                read_mesh(
                    need(stem.with_suffix(".ply"), "the SMPL-X mesh of a frame", f"get it from {SOURCE}")
                )
            )
        model = load_smpl_family(
            find_model(options.dataset.models, "smplx", gender), options.dataset.allow_pickle
        )
        return TrueBody.of(
            pose_smplx(model, read_pickle(SmplxBody, stem.with_suffix(".pkl"), "a body of 4D-DRESS", options))
        )

    return truth
