"""Where the part labels of a view lie, against where the fitted body has the same parts.

A network knows better where an arm is than which point of the arm a pixel shows: across a limb, the centre of the
labelled region is two to three times as exact as the coordinates inside it (docs/fitting.md). Cloth and blur widen both
sides of a region and leave its centre where it is. So the centre of each part's region is drawn to the centre of the
part as rendered from the present body, across the bone only: along it, the region ends where a joint is, which is no
better known than the coordinates are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from diffproxy.body import BodyModel
from diffproxy.body.names import JOINT_NAMES
from diffproxy.cameras import Camera
from diffproxy.fitting.terms.correspondences import Correspondences
from diffproxy.proxies import ProxyMaps
from diffproxy.proxies.surface import Surface, SurfaceView

GRID = 64
"""Cells across a map in which regions are compared."""
LEAST_CELLS = 8
"""Of a region, in the labels and in the rendered body: the centre of fewer is mostly the grid's."""
SIMILAR_AREA = 0.6
"""Least ratio of the smaller area to the larger: what an occluder leaves of a region has its centre elsewhere."""
LEAST_LENGTH = 0.07
"""Metres that a bone spans in the image, at least: across a bone that points at the camera there is no direction."""
FARTHEST = 0.12
"""Metres between both centres, at most: beyond it one of both is another limb."""

_FOLLOWERS = {
    "pelvis": "neck", "spine1": "neck", "spine2": "neck", "spine3": "neck", "neck": "head", "head": "neck",
    "hip": "knee", "knee": "ankle", "ankle": "foot", "collar": "shoulder", "shoulder": "elbow", "elbow": "wrist",
}  # fmt: skip


def _bone_ends() -> dict[int, int]:
    """For each joint that moves a part, the joint at the other end of its bone."""
    ends = {}
    for i, name in enumerate(JOINT_NAMES):
        side, _, plain = name.rpartition("_")
        if (
            plain in _FOLLOWERS
            and (follower := "_".join(filter(None, (side, _FOLLOWERS[plain])))) in JOINT_NAMES
        ):
            ends[i] = JOINT_NAMES.index(follower)
    return ends


BONE_ENDS = _bone_ends()


@dataclass(frozen=True)
class PartRegions:
    """R regions of the labels that the body can be moved onto.

    Attributes:
        rows: Of each region, a surface point of the part near its rendered centre, and the pixel where that point
            would be if both centres were one; label 0, since one direction alone is measured.
        across: Unit vectors in the image across the bone.
    """

    rows: Correspondences
    across: Float[np.ndarray, "R 2"]


def match_part_regions(
    maps: ProxyMaps, body: BodyModel, vertices: Float[np.ndarray, "Nv 3"], joints: Float[np.ndarray, "55 3"]
) -> PartRegions:
    """Regions of all body views, matched with a posed body.

    Args:
        maps: Proxies of the subject in pinhole cameras.
        body: Body model whose atlas the labels refer to.
        vertices: The posed body, metres, world.
        joints: Its joints, metres, world.
    """
    surface = Surface(vertices, body.faces.cpu().numpy())
    step = max(1, round(maps.labels.shape[2] / GRID))
    columns, rows = (maps.labels.shape[2] // step, maps.labels.shape[1] // step)
    first = step // 2 + 0.5 - step / 2  # the middle of a cell is the centre of the pixel that stands for it
    found: list[tuple] = []
    for v, kind in enumerate(maps.kind):
        if kind != "body":
            continue
        cells = np.s_[v, step // 2 :: step, step // 2 :: step]
        box = (first, first, first + columns * step, first + rows * step)
        camera = maps.cameras[v].crop(box, (columns, rows))
        shown = surface.seen_by(camera)
        rendered = np.where(shown.visible, body.atlas.face_part[np.maximum(shown.face, 0)], 0)
        if maps.valid is not None:
            rendered = np.where(maps.valid[cells][:rows, :columns], rendered, 0)
        labels = maps.labels[cells][:rows, :columns]
        for match in _matches_of_view(labels, rendered, shown, body, camera, joints):
            found.append((v, first + step * match[0], *match[1:]))
    n = len(found)
    view, pixel, face, bary, across = zip(*found, strict=True) if n else ([], [], [], [], [])
    points = Correspondences(
        view=np.array(view, dtype=np.int64),
        pixel=np.array(pixel, dtype=np.float64).reshape(n, 2),
        label=np.zeros(n, dtype=np.int64),
        face=np.array(face, dtype=np.int64),
        bary=np.array(bary, dtype=np.float64).reshape(n, 3),
        weight=np.ones(n),
        rank=np.zeros(n),
    )
    return PartRegions(points, np.array(across, dtype=np.float64).reshape(n, 2))


def _matches_of_view(
    labels: UInt8[np.ndarray, "h w"],
    rendered: UInt8[np.ndarray, "h w"],
    shown: SurfaceView,
    body: BodyModel,
    camera: Camera,
    joints: Float[np.ndarray, "55 3"],
) -> list[tuple[np.ndarray, int, np.ndarray, np.ndarray]]:
    """Target cell, face, barycentric coordinates and direction across the bone of each region of one view."""
    depth = joints @ camera.R_cam_world[2] + camera.t_cam_world[2]
    if depth.min() < LEAST_LENGTH:
        return []
    places = camera.project(joints)
    metres_per_cell = depth / np.sqrt(camera.K[0, 0] * camera.K[1, 1])
    mover = np.asarray(body.atlas.segment_of_label)
    out = []
    for label in np.unique(rendered[rendered > 0]):
        joint = int(mover[label])
        seen, own = np.argwhere(labels == label), np.argwhere(rendered == label)
        areas = sorted((len(seen), len(own)))
        if joint not in BONE_ENDS or areas[0] < max(LEAST_CELLS, SIMILAR_AREA * areas[1]):
            continue
        along, unit = places[BONE_ENDS[joint]] - places[joint], metres_per_cell[joint]
        center = own.mean(0)
        shift = (seen.mean(0) - center)[::-1]
        if np.linalg.norm(along) * unit < LEAST_LENGTH or np.linalg.norm(shift) * unit > FARTHEST:
            continue
        row, column = own[np.square(own - center).sum(1).argmin()]
        across = np.array([-along[1], along[0]]) / np.linalg.norm(along)
        target = np.array([column, row]) + 0.5 + shift
        out.append((target, int(shown.face[row, column]), shown.bary[row, column], across))
    return out
