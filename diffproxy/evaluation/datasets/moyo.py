"""MoYo, val split: yoga, cameras 1, 3, 4, 5, one woman, SMPL-X with a template of her own.

    dataset.path/20220923_20220926_with_hands/images/val/SEQ/YOGI_Cam_0N/SEQ_YOGI_Cam_0N_FFFF.jpg
                                             /cameras/DATE/..._PROCESSED_CAMERA_PARAMS/cameras_param.json
                                             /mosh/val/SEQ_stageii.pkl
                /20221004_with_com/...                                the same
                /220923_yogi_03596_minimal_simple_female/mesh.ply     of moyo_toolkit (data/v_templates)

Cameras: rotation world to camera, centre in millimetres, of images twice as large as the released ones. Mocap has
two rows an image: image n is row 2 n + dataset.frame_offset (the authors admit an error of a frame).
Sources: github.com/sha2nkt/moyo_toolkit and its issues, posepile.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator

from diffproxy.body.smpl_family import SmplFamilyBody, find_model, load_smpl_family
from diffproxy.cameras import Camera
from diffproxy.cameras.image_files import read_image
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
from diffproxy.utils.errors import InputError
from diffproxy.utils.validation import Matrix, Number, OpenSchema, Vector, array_of, validated

VIEWS = (1, 3, 4, 5)
SESSIONS = ("20220923_20220926_with_hands", "20221004_with_com")
SIZE = (2056, 1504)  # of the released images
HALF = 0.5  # of the calibration's pixels
MM = 1e-3
TEMPLATE = "220923_yogi_03596_minimal_simple_female/mesh.ply"
SOURCE = "moyo.is.tue.mpg.de, the template in github.com/sha2nkt/moyo_toolkit (data/v_templates)"


class _Camera(OpenSchema):
    """World to camera; the centre in millimetres."""

    rotation: Matrix
    position: Vector
    focal: Number
    princpt: tuple[Number, Number]


class _Motion(OpenSchema):
    """SMPL-X, a row for each frame of mocap."""

    fullpose: Annotated[np.ndarray, BeforeValidator(partial(array_of, (-1, 165)))]
    trans: Annotated[np.ndarray, BeforeValidator(partial(array_of, (-1, 3)))]


@reader_of_moments
def read(options: EvaluateOptions) -> Iterator[Moment]:
    """Images of all chosen cameras with a row of mocap."""
    data = options.dataset
    session = next(
        (s for s in SESSIONS if data.path and (Path(data.path).expanduser() / s).is_dir()), SESSIONS[0]
    )
    root = root_folder(data, session, SOURCE)
    views = [int(v) for v in data.views] or list(VIEWS)
    folders = {p.name: p for s in SESSIONS for p in sorted((root / s / "images/val").glob("*")) if p.is_dir()}
    shared: dict[str, SmplFamilyBody] = {}
    for name in chosen_sequences([*folders], data, root):
        folder = folders[name]
        mosh = need(
            folder.parents[2] / "mosh/val" / f"{name}_stageii.pkl",
            "the bodies of a sequence",
            f"get them from {SOURCE}",
        )
        files = [
            {int(re.findall(r"\d+", p.stem)[-1]): p for p in (folder / f"YOGI_Cam_{v:02d}").glob("*.jpg")}
            for v in views
        ]
        rig = read_cameras(folder.parents[2], name, dict(zip(views, map(size_of, files), strict=True)))
        motion = read_pickle(_Motion, mosh, "the bodies of a sequence", options)
        rows = {n: 2 * n + data.frame_offset for n in sorted(set.intersection(*(set(f) for f in files)))}
        known = [n for n, row in rows.items() if 0 <= row < min(len(motion.fullpose), len(motion.trans))]
        for n in every(known, data):
            truth = truth_of(root, motion, rows[n], shared, options)
            yield Moment(name, f"{n:04d}", rig, images_of([f[n] for f in files]), truth)


def size_of(files: dict[int, Path]) -> tuple[int, int]:
    """SIZE as the first image is turned: nothing published says which cameras stood upright."""
    if not files:
        return SIZE
    height, width = read_image(files[min(files)]).shape[:2]
    return SIZE if width >= height else SIZE[::-1]


def read_cameras(session: Path, sequence: str, sizes: dict[int, tuple[int, int]]) -> tuple[Camera, ...]:
    """Cameras of the recording day, which the first six characters of a sequence name; `sizes` by their numbers."""
    pattern = f"cameras/*{sequence[:6]}*/**/cameras_param.json"
    files = sorted(session.glob(pattern))
    if not files:
        raise InputError(
            f"cameras_param.json of {sequence[:6]}", f"none as {session / pattern}", f"get it from {SOURCE}"
        )
    params = read_as(dict[str, Any], files[0], "the cameras of MoYo", "get it again")
    cameras = []
    for v, size in sizes.items():
        c = validated(_Camera, params.get(f"cam_{v}", {}), f"cam_{v} in {files[0]}", "get it again")
        f, (cx, cy) = HALF * c.focal, (HALF * p for p in c.princpt)
        K = np.array([[f, 0, cx], [0, f, cy], [0, 0, 1.0]])
        cameras.append(Camera(f"cam_{v}", *size, K, c.rotation, -c.rotation @ (MM * c.position)))
    return tuple(cameras)


def truth_of(
    root: Path, motion: _Motion, row: int, shared: dict[str, SmplFamilyBody], options: EvaluateOptions
) -> Callable[[], TrueBody]:
    """SMPL-X, female, her own template, axis-angle hands about the flat hand, no betas."""

    def truth() -> TrueBody:
        if options.dataset.models is None:
            raise InputError("the SMPL-X models, to pose MoYo's bodies", "none", "give dataset.models=DIR")
        if "female" not in shared:
            file = find_model(options.dataset.models, "smplx", "female")
            shared["female"] = load_smpl_family(file, options.dataset.allow_pickle)
        template = read_mesh(need(root / TEMPLATE, "the template of MoYo's subject", f"get it from {SOURCE}"))
        pose, trans = motion.fullpose[row][None], motion.trans[row][None]
        return TrueBody.of(shared["female"].pose(pose, np.zeros((1, 0)), trans, v_template=template))

    return truth
