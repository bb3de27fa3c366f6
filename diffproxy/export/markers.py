"""Virtual markers: fixed vertices of the skin under anatomical landmarks, and the centres of the body joints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from diffproxy.body import BodyModel, BodyParams
from diffproxy.body.names import BODY_JOINT_NAMES, BODY_JOINTS, JOINT_NAMES, NUM_JOINTS
from diffproxy.export.motion import BodyMotion

OUT, IN, UP, DOWN, FRONT, BACK = "out", "in", "up", "down", "front", "back"


@dataclass(frozen=True)
class Landmark:
    """A ray of the rest body: from the point `share` of the way between two joints, until it leaves the skin.

    `{}` in the names of joints is the side; `out` is away from the middle of the body.
    """

    start: str
    end: str
    share: float
    direction: tuple[str, ...]


#: Names as in OpenSim's Rajagopal model, with R or L in front of those of a side.
MIDDLE = {
    "C7": Landmark("neck", "spine3", 0.15, (BACK,)),
    "CLAV": Landmark("neck", "spine3", 0.35, (FRONT,)),
    "T10": Landmark("spine2", "spine3", 0.5, (BACK,)),
    "STRN": Landmark("spine2", "spine3", 0.5, (FRONT,)),
    "HEAD_TOP": Landmark("head", "head", 0.0, (UP,)),
}
SIDES = {
    "ACR": Landmark("{}_shoulder", "{}_collar", 0.2, (UP,)),
    "LEL": Landmark("{}_elbow", "{}_elbow", 0.0, (BACK, UP)),
    "MEL": Landmark("{}_elbow", "{}_elbow", 0.0, (FRONT, DOWN)),
    "FAradius": Landmark("{}_wrist", "{}_elbow", 0.05, (FRONT,)),
    "FAulna": Landmark("{}_wrist", "{}_elbow", 0.05, (BACK,)),
    "ASI": Landmark("{}_hip", "spine1", 0.45, (FRONT,)),
    "PSI": Landmark("{}_hip", "spine1", 0.45, (BACK,)),
    "LFC": Landmark("{}_knee", "{}_knee", 0.0, (OUT,)),
    "MFC": Landmark("{}_knee", "{}_knee", 0.0, (IN,)),
    "TH": Landmark("{}_hip", "{}_knee", 0.5, (FRONT,)),
    "TB": Landmark("{}_knee", "{}_ankle", 0.5, (FRONT,)),
    "LMAL": Landmark("{}_ankle", "{}_ankle", 0.0, (OUT,)),
    "MMAL": Landmark("{}_ankle", "{}_ankle", 0.0, (IN,)),
    "CAL": Landmark("{}_ankle", "{}_foot", 0.1, (BACK, DOWN)),
    "TOE": Landmark("{}_foot", "{}_foot", 0.0, (FRONT,)),
    "MT5": Landmark("{}_foot", "{}_foot", 0.0, (OUT,)),
}
VECTORS = {UP: (0, 1, 0), DOWN: (0, -1, 0), FRONT: (0, 0, 1), BACK: (0, 0, -1)}


def landmarks() -> dict[str, tuple[Landmark, str]]:
    """Marker -> its landmark and side ("right", "left" or "")."""
    both = {f"{s[0].upper()}{n}": (m, s) for n, m in SIDES.items() for s in ("right", "left")}
    return {n: (m, "") for n, m in MIDDLE.items()} | both


def marker_vertices(body: BodyModel) -> dict[str, int]:
    """Marker -> vertex, the same for all shapes and poses of a body model.

    The vertex is the one nearest to where the landmark's ray leaves the skin of the mean shape in the rest pose.
    """
    from diffproxy.proxies.raycast import RayMesh

    rest = BodyParams.rest(1)
    vertices, joints = (x[0].double().numpy() for x in (body(rest).vertices, body.rest_joints(rest)))
    mesh, faces = RayMesh(vertices, body.faces.numpy()), body.faces.numpy()
    found = {}
    for name, (mark, side) in landmarks().items():
        start, end = (joints[JOINT_NAMES.index(j.format(side))] for j in (mark.start, mark.end))
        origin = (1 - mark.share) * start + mark.share * end
        ray = _direction(mark.direction, side)
        hits = mesh.cast(origin, ray[None])
        point = origin + float(hits.distance[0]) * ray
        corners = faces[hits.face[0]]
        found[name] = int(corners[np.linalg.norm(vertices[corners] - point, axis=-1).argmin()])
    return found


def marker_positions(
    motion: BodyMotion,
) -> tuple[list[str], Float[np.ndarray, "F M 3"], Int[np.ndarray, " S"]]:
    """The markers of every frame.

    Returns:
        M names: skin markers, then `<joint>_JC` for the 22 body joints; (F, M, 3) positions in metres, NaN in frames
        that are not known, and where the joint, or the one that moves a marker most, is not `motion.shown`; the
        vertices of the skin markers.
    """
    chosen = marker_vertices(motion.body)
    vertices = np.array([*chosen.values()])
    faces, bary = _as_surface_points(motion.body, vertices)
    with torch.no_grad():
        skin = motion.body.surface_points(motion.params, faces, bary).double().numpy()
    points = np.concatenate([skin, motion.joints[:, BODY_JOINTS]], axis=1)
    mover = motion.body.weights.numpy()[vertices].argmax(axis=1)
    points[~motion.shown[:, [*mover, *np.arange(NUM_JOINTS)[BODY_JOINTS]]]] = np.nan
    return [*chosen, *(f"{name}_JC" for name in BODY_JOINT_NAMES)], points, vertices


def _as_surface_points(body: BodyModel, vertices: Int[np.ndarray, " S"]) -> tuple[torch.Tensor, torch.Tensor]:
    """A face of each vertex, and which of its corners it is: so that these vertices alone are skinned."""
    corners = body.faces.numpy()
    face = np.array([np.flatnonzero((corners == v).any(axis=1))[0] for v in vertices])
    return torch.from_numpy(face)[None], torch.from_numpy(corners[face] == vertices[:, None])[None].float()


def _direction(words: tuple[str, ...], side: str) -> Float[np.ndarray, "3"]:
    outward = {"left": (1, 0, 0), "right": (-1, 0, 0)}.get(side, (0, 0, 0))
    vectors = {**VECTORS, OUT: outward, IN: tuple(-x for x in outward)}
    total = np.sum([vectors[word] for word in words], axis=0).astype(np.float64)
    return total / np.linalg.norm(total)
