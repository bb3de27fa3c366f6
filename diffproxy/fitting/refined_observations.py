"""Observations around bodies that are nearly right: part regions as well, and errors that lie in the surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from diffproxy.body import BodyModel, BodyParams
from diffproxy.fitting.observations import ObservationRows, batch_observations
from diffproxy.fitting.terms.part_regions import match_part_regions
from diffproxy.fitting.terms.reprojection import Observations
from diffproxy.fitting.terms.whitening import in_tangent_planes
from diffproxy.proxies import ProxyMaps

REGION_SIGMA = 0.015
"""Metres across the bone by which the centre of a part's region is off, and what its pose turns of it."""


@dataclass(frozen=True)
class Pictured:
    """Proxies of a subject, and the origin (world, metres) of its points in the solver."""

    maps: ProxyMaps
    center: Float[np.ndarray, "3"]


def refined_observations(
    rows: Sequence[ObservationRows],
    subjects: Sequence[Pictured],
    body: BodyModel,
    params: BodyParams,
    observed_body: BodyModel | None = None,
) -> Observations:
    """One batch of the rows of B subjects, of the regions of their parts, and with the directions of pixels' errors.

    Args:
        rows: What is known of each subject by itself.
        subjects: The subjects.
        body: Body model.
        params: The B bodies as they are at present, world.
        observed_body: The same with a face for each keypoint, if rows have any.
    """
    with torch.no_grad():
        posed = body(params)
    vertices, joints = (x.double().cpu().numpy() for x in (posed.vertices, posed.joints))
    both = []
    for own, subject, v, j in zip(rows, subjects, vertices, joints, strict=True):
        regions = match_part_regions(subject.maps, body, v, j)
        of_regions = ObservationRows.of(regions.rows, sigma=REGION_SIGMA, only_along=regions.across)
        both.append(ObservationRows.cat([own, of_regions]))
    centers = np.stack([s.center for s in subjects])
    cameras = [s.maps.cameras for s in subjects]
    seen = batch_observations(both, cameras, list(centers), observed_body or body)
    labelled = ~seen.silhouette_rows  # the others may have faces of their own, as keypoints
    shift = torch.as_tensor(centers).to(posed.vertices)[:, None]
    each = torch.arange(len(centers), device=shift.device)[:, None, None]
    triangles = (posed.vertices - shift)[each, body.faces[torch.where(labelled, seen.faces, 0)]]
    edges = triangles[:, :, 1:] - triangles[:, :, :1]
    normals = torch.nn.functional.normalize(torch.linalg.cross(edges[:, :, 0], edges[:, :, 1]), dim=-1)
    return in_tangent_planes(seen, normals, triangles.mean(2), labelled)
