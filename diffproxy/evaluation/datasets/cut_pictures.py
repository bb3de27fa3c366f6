"""Pictures that end within the person: a third to two thirds of the body lie outside of every picture.

The plane of a random cut runs across the rest pose: everything below it (legs, pelvis), above it (head, arms, chest)
or on one side of it has to be outside. Each picture is cut along one of its sides, where that leaves most of the
person. Equal seeds and keys give equal cuts.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float

from diffproxy.body import BodyModel
from diffproxy.evaluation.datasets.subject import EvalSubject
from diffproxy.pipeline.crop_refinement import whole_image_box
from diffproxy.proxies import ProxyMaps
from diffproxy.utils.errors import InputError

OUTSIDE = (1 / 3, 2 / 3)  # share of the skin (by area at rest) that no picture may show
TRIES = 80  # planes; crossed limbs and odd views leave few that work
LEAST_SIDE = 32  # pixels of a cut picture
LEAST_SHOWN = 0.1  # of the person's pixels, in each view
DIRECTIONS = {"below": (0, -1, 0), "above": (0, 1, 0), "left": (1, 0, 0), "right": (-1, 0, 0)}

Window = tuple[int, int, int, int]  # x0, y0, x1, y1: pixels that are kept


def cut_subjects(subjects: Iterator[EvalSubject], body: BodyModel, seed: int) -> Iterator[EvalSubject]:
    """Every subject whose pictures can be cut so, with cut pictures; the others are left out."""
    for subject in subjects:
        cut = cut_subject(subject, body, seed)
        if cut is not None:
            yield cut


def cut_subject(subject: EvalSubject, body: BodyModel, seed: int) -> EvalSubject | None:
    """The subject as seen by pictures that end within the body; None where no plane of `TRIES` gives such pictures.

    The pictures become smaller (their cameras with them): they end there, nothing is painted over. `exact` keeps its
    pixel grids and loses the labels outside; hand crops are dropped. `info` gets the share of the skin outside and
    the side of the plane.

    Raises:
        InputError: the subject has no true proxies on the pixels of its pictures.
    """
    if subject.exact is None:
        raise InputError("a data set with true proxies to cut", subject.key, "write images=crops")
    views = [v for v, kind in enumerate(subject.exact.kind) if kind == "body"]
    exact = subject.exact.select(views)
    with torch.no_grad():
        vertices = body(subject.truth.body_params()).vertices[0].double().numpy()
    pixels = np.stack([c.project(vertices) for c in subject.cameras])
    area = vertex_areas(body)
    rng = np.random.default_rng([seed, zlib.crc32(subject.key.encode())])
    for _ in range(TRIES):
        side = str(rng.choice(list(DIRECTIONS)))
        beyond = beyond_plane(body, area, side, rng.uniform(OUTSIDE[0], 0.6))
        windows = [window(pixels[v], beyond, exact.labels[v] > 0) for v in range(len(views))]
        if any(w is None for w in windows):
            continue
        kept: list[Window] = [w for w in windows if w is not None]
        outside = ~np.any([inside(p, w) for p, w in zip(pixels, kept, strict=True)], axis=0)
        share = float(area[outside].sum() / area.sum())
        if OUTSIDE[0] <= share <= OUTSIDE[1]:
            return _cut(subject, exact, kept, {"outside": round(share, 3), "cut": side})
    return None


def _cut(subject: EvalSubject, exact: ProxyMaps, windows: list[Window], info: dict) -> EvalSubject:
    images, cameras, labels = [], [], exact.labels.copy()
    for v, (x0, y0, x1, y1) in enumerate(windows):
        images.append(np.ascontiguousarray(subject.images[v][y0:y1, x0:x1]))
        cameras.append(subject.cameras[v].crop((x0, y0, x1, y1), (x1 - x0, y1 - y0)))
        shown = np.zeros(labels[v].shape, dtype=bool)
        shown[y0:y1, x0:x1] = True
        labels[v][~shown] = 0
    on = (labels > 0).astype(np.float32)
    return replace(
        subject,
        images=images,
        cameras=cameras,
        boxes=[whole_image_box(c) for c in cameras],
        exact=replace(exact, labels=labels, uv=exact.uv * on[..., None], weight=on),
        info=subject.info | info,
    )


def vertex_areas(body: BodyModel) -> Float[np.ndarray, " Nv"]:
    """Skin that belongs to each vertex of the rest body, square metres."""
    vertices, faces = body.v_template.double().numpy(), body.faces.numpy()
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=-1) / 2
    return np.bincount(faces.ravel(), np.repeat(area / 3, 3), minlength=len(vertices))


def beyond_plane(
    body: BodyModel, area: Float[np.ndarray, " Nv"], side: str, share: float
) -> Bool[np.ndarray, " Nv"]:
    """The vertices on one side of the plane across the rest pose that has `share` of the skin on that side."""
    height = body.v_template.double().numpy() @ np.array(DIRECTIONS[side], dtype=np.float64)
    order = np.argsort(-height)
    many = int(np.searchsorted(np.cumsum(area[order]), share * area.sum()))
    beyond = np.zeros(len(height), dtype=bool)
    beyond[order[: max(many, 1)]] = True
    return beyond


def window(
    pixels: Float[np.ndarray, "Nv 2"], beyond: Bool[np.ndarray, " Nv"], shown: Bool[np.ndarray, "H W"]
) -> Window | None:
    """What is left of a picture cut along one side so that no vertex of `beyond` is inside.

    Of the four sides the one that keeps most of the person (`shown`); None where all leave too little.
    """
    height, width = shown.shape
    low, high = np.floor(pixels[beyond].min(axis=0)), np.ceil(pixels[beyond].max(axis=0))
    if not np.isfinite([low, high]).all():
        return None
    (x0, y0), (x1, y1) = (np.clip(p, 0, (width, height)).astype(int).tolist() for p in (low, high))
    choices: list[Window] = [
        (0, 0, width, y0),
        (0, y1, width, height),
        (0, 0, x0, height),
        (x1, 0, width, height),
    ]
    count, best = max((int(shown[w[1] : w[3], w[0] : w[2]].sum()), w) for w in choices)
    too_small = min(best[2] - best[0], best[3] - best[1]) < LEAST_SIDE
    return None if too_small or count < LEAST_SHOWN * shown.sum() else best


def inside(pixels: Float[np.ndarray, "Nv 2"], kept: Window) -> Bool[np.ndarray, " Nv"]:
    """Which points lie in the window; points behind the camera do not."""
    x0, y0, x1, y1 = kept
    x, y = pixels.T
    return (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
