"""MPI-INF-3DHP, S8 as HeatFormer evaluates on it: cameras 0, 2, 7, 8, NeuralAnnot's SMPL bodies, annotated joints.

    dataset.path/S8/Seq1/camera.calibration                    text, world to camera, millimetres
                        /annot.mat                             annot3: 28 joints in each camera's frame, millimetres
                        /imageSequence/video_K.avi             or frames video_K/NNNNNN.jpg, numbered from 1
    dataset.path/MPI-INF-3DHP_SMPL_NeuralAnnot.json            SMPL neutral, world, metres; keys from 1

Video numbers name cameras: 7 and 8 are blocks 7 and 8 of the calibration. Frame f is row f - 1 of annot.mat. As in
HeatFormer's list, instants with one of the 17 annotated joints outside a chosen picture do not count, and every n-th of
the others is taken (dataset.joints_inside=false: of all).
Sources: the data set's README; HeatFormer (github.com/kyotovision-public/HeatFormer), posepile, NeuralAnnot_RELEASE.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from diffproxy.body.smpl_family import SmplFamilyBody, find_model, load_smpl_family
from diffproxy.cameras import Camera
from diffproxy.cameras.image_sources import Video
from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.evaluation.datasets.moment import (
    Moment,
    chosen_sequences,
    every,
    images_of,
    need,
    reader_of_moments,
    root_folder,
)
from diffproxy.evaluation.true_body import TrueBody
from diffproxy.utils.bounded_arrays import as_numbers
from diffproxy.utils.errors import InputError
from diffproxy.utils.matlab_trial import refuse_crashing

VIEWS = (0, 2, 7, 8)
SIZE = 2048
MM = 1e-3
NEURAL_ANNOT = "MPI-INF-3DHP_SMPL_NeuralAnnot.json"
PARAMETERS = {"pose": 72, "shape": 10, "trans": 3}  # numbers of a body
SOURCE = "vcai.mpi-inf.mpg.de/3dhp-dataset, the SMPL bodies at github.com/mks0601/NeuralAnnot_RELEASE"
TO_H36M_17 = (4, 23, 24, 25, 18, 19, 20, 3, 5, 6, 7, 9, 10, 11, 14, 15, 16)
"""Rows of the 28 annotated joints in the order of `H36M_17`."""
KEYS = ("name", "sensor", "size", "animated", "intrinsic", "extrinsic", "radial")


@reader_of_moments
def read(options: EvaluateOptions) -> Iterator[Moment]:
    """Frames for which all chosen views, and a body or annotated joints, are there."""
    data = options.dataset
    root = root_folder(data, "S8", SOURCE)
    views = [int(v) for v in data.views] or list(VIEWS)
    names = sorted(f"S8/{p.name}" for p in (root / "S8").glob("Seq*"))
    bodies = read_bodies(root, options)
    for name in chosen_sequences(names, data, root):
        folder = root / name
        cameras = read_calibration(
            need(folder / "camera.calibration", "the calibration of a sequence", f"get it from {SOURCE}")
        )
        missing = [v for v in views if v not in cameras]
        if missing:
            found = f"{missing} not among {sorted(cameras)} of {folder}"
            raise InputError("dataset.views that the calibration has", found, "leave dataset.views out")
        rig = tuple(cameras[v] for v in views)
        frames, images = open_images(folder, views)
        joints = read_joints(folder, views[0], rig[0])
        subject, sequence = re.findall(r"\d+", name)
        known = [f for f in frames if (subject, sequence, str(f)) in bodies or f - 1 in joints]
        if data.joints_inside:
            known = [f for f in known if f - 1 not in joints or is_inside(joints[f - 1], rig)]
        for frame in every(known, data):
            body = bodies.get((subject, sequence, str(frame)))
            yield Moment(name, f"{frame:06d}", rig, images(frame), truth_of(body, joints.get(frame - 1)))


def read_calibration(path: Path) -> dict[int, Camera]:
    """Cameras by number, from the text format of Skeletool: seven named lines a camera, millimetres."""
    lines = [line.split() for line in path.read_text().splitlines()[1:] if line.strip()]
    if len(lines) % len(KEYS) or any(w[0] != KEYS[i % len(KEYS)] for i, w in enumerate(lines)):
        raise InputError(
            f"{len(KEYS)} lines ({', '.join(KEYS)}) a camera", f"others in {path}", "download it again"
        )
    cameras = {}
    for at in range(0, len(lines), len(KEYS)):
        block = {w[0]: w[1:] for w in lines[at : at + len(KEYS)]}
        try:
            number, size = int(block["name"][0]), [int(float(v)) for v in block["size"]]
            K, E = (np.array(block[k], dtype=np.float64).reshape(4, 4) for k in ("intrinsic", "extrinsic"))
        except (ValueError, IndexError) as error:
            raise InputError("numbers in a calibration", f"{error} in {path}", "download it again") from error
        cameras[number] = Camera(str(number), size[0], size[1], K[:3, :3], E[:3, :3], E[:3, 3] * MM)
    return cameras


def open_images(
    folder: Path, views: list[int]
) -> tuple[list[int], Callable[[int], Callable[[], list[np.ndarray]]]]:
    """Frame numbers, from 1, that all views have, and how to read one: from extracted frames, or from the videos."""
    extracted = [next((p for p in (folder / f"video_{v}", folder / f"imageFrames/video_{v}") if p.is_dir()), None)
                 for v in views]  # fmt: skip
    if all(extracted):
        files = [{int(re.findall(r"\d+", p.stem)[-1]): p for p in d.glob("*.jpg")} for d in extracted if d]
        frames = sorted(set.intersection(*(set(f) for f in files)))
        return frames, lambda frame: images_of([f[frame] for f in files])
    paths = [folder / "imageSequence" / f"video_{v}.avi" for v in views]
    for path in paths:
        need(path, "the video of a camera, or its frames in video_K/", f"get it from {SOURCE}")
    videos = [Video(p) for p in paths]
    count = min(len(v.frame_ids) for v in videos)
    return list(range(1, count + 1)), lambda frame: lambda: [v.read(frame - 1) for v in videos]


def read_joints(folder: Path, view: int, camera: Camera) -> dict[int, np.ndarray]:
    """Annotated joints (17, 3) in the world by row of annot.mat; none without the file."""
    path = folder / "annot.mat"
    if not path.is_file():
        return {}
    from scipy.io import loadmat

    refuse_crashing(path)
    try:
        annot = np.asarray(loadmat(path)["annot3"][view][0], dtype=np.float64)
        x_cam = annot.reshape(len(annot), 28, 3)[:, TO_H36M_17] * MM
    except Exception as error:  # scipy raises many kinds for damaged files
        raise InputError(
            "annot3 of 28 joints for each camera", f"{error} in {path}", "download it again"
        ) from error
    return dict(enumerate((x_cam - camera.t_cam_world) @ camera.R_cam_world))


def is_inside(points: Float[np.ndarray, "N 3"], rig: tuple[Camera, ...]) -> bool:
    """Whether all points of the world are in the pictures of all cameras; points behind a camera are not."""
    return all(
        bool(((pixels >= 0) & (pixels < [camera.width, camera.height])).all())
        for camera in rig
        for pixels in [camera.project(points)]
    )


Bodies = dict[tuple[str, str, str], tuple[SmplFamilyBody, dict[str, Any]]]


def read_bodies(root: Path, options: EvaluateOptions) -> Bodies:
    """NeuralAnnot's SMPL parameters of S8 with their model; none without dataset.models or without the file."""
    if options.dataset.models is None or not (root / NEURAL_ANNOT).is_file():
        return {}
    model = load_smpl_family(
        find_model(options.dataset.models, "smpl", "neutral"), options.dataset.allow_pickle
    )
    try:
        rows = json.loads((root / NEURAL_ANNOT).read_text())["8"]
        return {("8", s, f): (model, dict(p)) for s, frames in rows.items() for f, p in frames.items()}
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise InputError(
            "[subject][sequence][frame] of NeuralAnnot", f"{error} in {NEURAL_ANNOT}", "download it again"
        ) from error


def truth_of(
    body: tuple[SmplFamilyBody, dict[str, Any]] | None, joints: np.ndarray | None
) -> Callable[[], TrueBody]:
    """SMPL vertices where NeuralAnnot has them; the annotated joints where they are there, else SMPL's own."""

    def truth() -> TrueBody:
        annotated = {} if joints is None else {"h36m17": joints}
        if body is None:
            return TrueBody(None, annotated)
        model, p = body
        pose, shape, trans = (
            as_numbers(p.get(k), (n,), f"{k} of a body in {NEURAL_ANNOT}")[None]
            for k, n in PARAMETERS.items()
        )
        posed = TrueBody.of(model.pose(pose, shape, trans))
        return TrueBody(posed.vertices, {**posed.joints, **annotated})

    return truth
