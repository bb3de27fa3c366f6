"""Pixels and keypoints of a person that lie at somebody else's body go to them, and the person is fitted without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float

from diffproxy.body import BodyModel, BodyParams
from diffproxy.fitting.encoder_keypoints import MIN_CONFIDENCE
from diffproxy.keypoints.landmarks import encoder_points
from diffproxy.metrics import reprojections
from diffproxy.pipeline.generate_proxies import Generated
from diffproxy.pipeline.pixel_claims import without_pixels

APART_MM = 60.0  # from a person's own body, at its depth: what is nearer is an error of the network
NEARER = 0.5  # of that distance: how far from somebody else's body it lies at most
LEAST_SHARE = 0.03  # of a person's pixels; fewer do not move the body


@dataclass(frozen=True)
class Claimed:
    """Of the maps of one person: what lies at somebody else's body."""

    pixels: Bool[np.ndarray, "V H W"]
    keypoints: Bool[np.ndarray, "V 17"]

    def matter(self, made: Generated) -> bool:
        """Whether a fit without them may be another one."""
        shown = max(int((made.maps.labels > 0).sum()), 1)
        return bool(self.keypoints.any()) or int(self.pixels.sum()) > LEAST_SHARE * shown

    @property
    def said(self) -> str:
        """A note."""
        pixels, keypoints = int(self.pixels.sum()), int(self.keypoints.sum())
        return (
            f"fitted again without {pixels} pixels and {keypoints} keypoints that lie at somebody else's body"
        )

    def without(self, made: Generated) -> Generated:
        """The proxies without them, as background of which nothing is known."""
        keypoints = made.keypoints
        if keypoints is not None:
            keypoints = np.where((np.arange(4) == 2) & self.keypoints[..., None], 0.0, keypoints)
        return replace(made, maps=without_pixels(made.maps, self.pixels), keypoints=keypoints)


@dataclass(frozen=True)
class PosedPerson:
    """A body posed once, however many people are held against it.

    Attributes:
        vertices: World coordinates, metres.
        keypoints: The 17 of the encoder, world coordinates, metres.
    """

    vertices: Float[np.ndarray, "Nv 3"]
    keypoints: Float[np.ndarray, "17 3"]

    @classmethod
    def of(cls, params: BodyParams, body: BodyModel) -> PosedPerson:
        """One set of parameters, posed."""
        with torch.no_grad():
            vertices = body(params).vertices[0].cpu().numpy().astype(np.float64)
        return cls(vertices, encoder_points(body, params))


def claimed_by_others(
    made: Generated, own: PosedPerson, others: Sequence[PosedPerson], body: BodyModel
) -> Claimed:
    """What of a person's proxies and keypoints another body explains better.

    A pixel states a point of the surface, so two bodies can be asked where they have it: the skin of somebody in front
    is far from the same skin of the person meant.

    Args:
        made: Proxies and keypoints of a person.
        own: The body that was fitted to them.
        others: Those of other people in the same frame.
        body: Their body model.
    """
    maps = made.maps
    pixels, keypoints = np.zeros(maps.labels.shape, bool), np.zeros((maps.num_views, 17), bool)
    mine, theirs = _Misses.of(made, own, body), [_Misses.of(made, other, body) for other in others]
    middle = np.median(own.vertices, axis=0)
    for v, camera in enumerate(maps.cameras):
        depth = float(camera.R_cam_world[2] @ middle + camera.t_cam_world[2])
        least = APART_MM * float(camera.K[1, 1]) / (1000 * depth)
        column, row = mine.pixels[v].astype(int).T
        pixels[v, row, column] = _nearer(mine.surface[v], [t.surface[v] for t in theirs], least)
        if made.keypoints is not None and maps.kind[v] == "body":
            sure = made.keypoints[v, :, 2] >= MIN_CONFIDENCE
            keypoints[v] = sure & _nearer(mine.keypoints[v], [t.keypoints[v] for t in theirs], least)
    return Claimed(pixels, keypoints)


@dataclass(frozen=True)
class _Misses:
    """How far a body is from the proxies of each view: `surface` of `pixels`, and `keypoints`, in pixels."""

    pixels: list[np.ndarray]  # (N, 2) of each view
    surface: list[np.ndarray]  # (N,)
    keypoints: list[np.ndarray]  # (17,)

    @classmethod
    def of(cls, made: Generated, person: PosedPerson, body: BodyModel) -> _Misses:
        found = reprojections(made.maps, person.vertices, body)
        keypoints = [] if made.keypoints is None else [
            np.linalg.norm(c.project(person.keypoints) - made.keypoints[v, :, :2], axis=-1)
            for v, c in enumerate(made.maps.cameras)
        ]  # fmt: skip
        surface = [np.linalg.norm(projected - pixels, axis=-1) for projected, pixels in found]
        return cls([pixels for _, pixels in found], surface, keypoints)


def _nearer(
    mine: Float[np.ndarray, " N"], theirs: Sequence[Float[np.ndarray, " N"]], least: float
) -> Bool[np.ndarray, " N"]:
    """Where somebody else is much nearer; a body behind the camera (NaN) claims nothing and loses nothing."""
    nearest = np.fmin.reduce(theirs) if theirs else np.full_like(mine, np.inf)
    return (mine > least) & (nearest < NEARER * mine)
