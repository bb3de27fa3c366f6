"""Body shapes: tall, short, thin, heavy, and children as far as an adult's shape space allows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float

from diffproxy.body import BodyModel, BodyParams

LARGEST = 3.2  # of any beta: bodies were looked at up to there
DENSITY = 1000.0  # kg / m^3


@dataclass(frozen=True)
class ShapeAxes:
    """Unit directions among the betas of a body along which stature and body mass index grow fastest."""

    tall: Float[np.ndarray, "10"]
    heavy: Float[np.ndarray, "10"]


@lru_cache(maxsize=4)
def shape_axes(body: BodyModel) -> ShapeAxes:
    """Measured on the body itself, so that they mean the same for any file."""
    betas = torch.cat([torch.eye(10), -torch.eye(10)])
    params = BodyParams.rest(20).replace(betas=betas)
    with torch.no_grad():
        vertices = body(params).vertices.double().numpy()
    faces = body.faces.numpy()
    stature = np.ptp(vertices[:, :, 1], axis=1)
    a, b, c = (vertices[:, faces[:, i]] for i in range(3))
    mass = np.abs(np.einsum("nfi,nfi->n", a, np.cross(b, c))) / 6 * DENSITY
    index = mass / stature**2
    tall, heavy = (x[:10] - x[10:] for x in (stature, index))
    tall = tall / np.linalg.norm(tall)
    heavy = heavy - (heavy @ tall) * tall
    return ShapeAxes(tall, heavy / np.linalg.norm(heavy))


def sample_shape(
    rng: np.random.Generator, body: BodyModel, children: float = 0.0
) -> tuple[Float[np.ndarray, "10"], float, str]:
    """Betas, scale and kind: "adult", "thin", "heavy", "tall", "short" or "child" (of probability `children`).

    A child is a small adult: short and slender betas, which have the largest heads, scaled to 0.85-1.4 m. Its head is
    still too small, for no combination of an adult's betas has a child's proportions.
    """
    axes = shape_axes(body)
    if rng.random() < children:
        betas = (
            rng.normal(0, 0.6, 10) - rng.uniform(1.5, 3.0) * axes.tall + rng.uniform(-2.0, 0.6) * axes.heavy
        )
        betas = np.clip(betas, -LARGEST, LARGEST)
        return betas, float(np.clip(rng.uniform(0.85, 1.4) / stature_of(body, betas), 0.55, 0.95)), "child"
    betas = rng.normal(0, 1.15, 10)
    kinds = ("adult", "thin", "heavy", "tall", "short")
    kind = str(rng.choice(kinds, p=[0.66, 0.08, 0.14, 0.06, 0.06]))
    push = {"thin": -rng.uniform(1.2, 2.5) * axes.heavy, "heavy": rng.uniform(1.5, 4.5) * axes.heavy,
            "tall": rng.uniform(1.5, 2.8) * axes.tall, "short": -rng.uniform(1.5, 2.8) * axes.tall}  # fmt: skip
    if kind != "adult":
        axis = axes.heavy if kind in ("thin", "heavy") else axes.tall
        betas = 0.8 * (betas - (betas @ axis) * axis) + push[kind]
    scale = float(np.clip(rng.normal(1, 0.04), 0.9, 1.1)) if rng.random() < 0.3 else 1.0
    return np.clip(betas, -LARGEST, LARGEST), scale, kind


def stature_of(body: BodyModel, betas: Float[np.ndarray, "10"]) -> float:
    """Height of the rest body (metres)."""
    shape = torch.tensor(betas, dtype=torch.float32)
    y = body.v_template[:, 1] + body.shapedirs[:, 1, :10] @ shape
    return float(y.max() - y.min())
