"""Clothes as layers on the body's surface: a mask, a distance and a colour each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from render_synth import colors, noise
from render_synth.humans.body.anatomy import Anatomy
from render_synth.humans.garments.fabric_patterns import paint

OUTFITS = (
    "bare_shorts",
    "tee_shorts",
    "tee_trousers",
    "long_trousers",
    "tank_shorts",
    "suit",
    "jacket",
    "dress",
    "briefs",
)
CHANCE = (0.2, 0.15, 0.17, 0.17, 0.08, 0.06, 0.09, 0.05, 0.03)


@dataclass(frozen=True)
class Garment:
    """`lift` in metres off the skin, along smoothed normals; `color` linear RGB; valid where `mask`."""

    name: str
    mask: Bool[np.ndarray, " N"]
    lift: Float[np.ndarray, " N"]
    color: Float[np.ndarray, "N 3"]


def wavy(rng: np.random.Generator, a: Anatomy) -> Float[np.ndarray, " N"]:
    """Border unevenness, as a fraction of a limb."""
    return rng.uniform(0, 0.02) * noise.field(rng, a.rest, 0.25, 5)


def folds(
    rng: np.random.Generator, a: Anatomy, tight: float, loose: float, toward_hem: Float[np.ndarray, " N"]
) -> Float[np.ndarray, " N"]:
    """Distance off the skin: `tight` everywhere plus up to `loose` toward the hem, with folds; metres."""
    reach = tight + loose * np.clip(toward_hem, 0, 1)
    stretched = a.rest * rng.uniform(0.3, 1.0, 3)
    wrinkle = 0.6 * noise.field(rng, stretched, rng.uniform(0.05, 0.14)) + 0.4 * noise.field(
        rng, a.rest, 0.04
    )
    return np.maximum(reach * (1 + rng.uniform(0.15, 0.55) * wrinkle), 0.0015).astype(np.float32)


def upper(
    rng: np.random.Generator,
    a: Anatomy,
    normal_z: Float[np.ndarray, " N"],
    sleeve: float,
    hem: float,
    loose: float,
    tight: float = 0.005,
) -> Garment:
    """Shirt-like: from `hem` (torso fraction, 0 = hips) to the neck, arms covered up to `sleeve` (1 = wrist)."""
    neck = 1.0 + rng.uniform(-0.06, 0.06)
    deep = rng.uniform(0, 0.25) * np.exp(-((a.rest[:, 0] / 0.07) ** 2)) * (normal_z > 0)
    edge = wavy(rng, a)
    mask = (
        (a.torso > hem + edge)
        & (a.torso < neck - deep + 0.35 * (a.arm > -0.5))
        & (a.arm < sleeve + edge)
        & (a.head < 0.7)
    )
    toward = np.where(a.arm > 0, a.arm / max(sleeve, 0.1), (0.9 - a.torso) / (0.9 - hem))
    return Garment("upper", mask, folds(rng, a, tight, loose, toward), paint(rng, a.rest, normal_z))


def lower(
    rng: np.random.Generator,
    a: Anatomy,
    normal_z: Float[np.ndarray, " N"],
    length: float,
    waist: float,
    loose: float,
) -> Garment:
    """Trousers-like: from `waist` (torso fraction) down the legs to `length` (1 = ankle)."""
    edge = wavy(rng, a)
    mask = (a.torso < waist) & (a.leg < length + edge) & (a.arm < -0.5)
    return Garment(
        "lower", mask, folds(rng, a, 0.004, loose, a.leg / max(length, 0.1)), paint(rng, a.rest, normal_z)
    )


def sportswear(rng: np.random.Generator, a: Anatomy, normal_z: Float[np.ndarray, " N"]) -> list[Garment]:
    """Swim briefs, shorts or tights; and nothing above, or a tight short top."""
    length = rng.choice(
        [rng.uniform(0.02, 0.1), rng.uniform(0.15, 0.55), rng.uniform(0.85, 1.0)], p=[0.3, 0.5, 0.2]
    )
    loose = rng.uniform(0.002, 0.02) if 0.1 < length < 0.6 else 0.0
    out = [lower(rng, a, normal_z, length, rng.uniform(0.02, 0.25), loose)]
    if rng.random() < 0.4:
        sleeve = rng.uniform(-0.1, 0.0)
        out.append(upper(rng, a, normal_z, sleeve, rng.uniform(0.45, 0.6), 0.0, tight=0.003))
    return out


def open_coat(
    rng: np.random.Generator, a: Anatomy, normal_z: Float[np.ndarray, " N"], loose: float
) -> Garment:
    """A jacket with long sleeves over something else; open in front, or closed."""
    u = rng.uniform
    coat = upper(rng, a, normal_z, u(0.85, 1.0), u(-0.4, 0.2), loose, tight=0.016)
    gap = (np.abs(a.rest[:, 0]) < u(-0.05, 0.09)) & (normal_z > 0.1)
    return Garment("coat", coat.mask & ~gap, coat.lift, coat.color)


def suit(rng: np.random.Generator, a: Anatomy, normal_z: Float[np.ndarray, " N"]) -> Garment:
    """Tight clothes of one piece, as for motion capture."""
    u = rng.uniform
    top = upper(rng, a, normal_z, u(0.4, 1.0), -0.2, 0.006)
    low = lower(rng, a, normal_z, u(0.5, 1.0), 0.3, 0.006)
    return Garment("suit", top.mask | low.mask, np.where(top.mask, top.lift, low.lift), top.color)


def shoes(rng: np.random.Generator, a: Anatomy, normal_z: Float[np.ndarray, " N"]) -> Garment:
    top = rng.choice([1.0, 0.9, 0.75], p=[0.6, 0.25, 0.15])
    mask = (a.leg > top) & (a.arm < -0.5)
    color = paint(rng, a.rest, normal_z)
    sole = a.rest[:, 1] < a.rest[:, 1].min() + 0.018
    color[sole] = colors.cloth(rng)
    lift = np.where(sole, 0.008, rng.uniform(0.004, 0.010)) * np.ones(len(a.rest), np.float32)
    return Garment("shoes", mask, lift, color)


def band(
    rng: np.random.Generator, a: Anatomy, name: str, mask: Bool[np.ndarray, " N"], lift: float
) -> Garment:
    color = np.repeat(colors.cloth(rng)[None], len(a.rest), 0)
    return Garment(name, mask, np.full(len(a.rest), lift, np.float32), color)


def layered(rng: np.random.Generator, a: Anatomy, outfit: str) -> list[Garment]:
    """The pieces of an outfit of `OUTFITS` or of "sport"; none for another name, for which the same is drawn."""
    u, normal_z = rng.uniform, a.rest_normal_z
    loose_up, loose_low = u(0.002, 0.03), u(0.002, 0.028)
    long_leg, short_leg = u(0.88, 1.0), u(0.15, 0.55)
    waist, hem = u(0.1, 0.4), u(-0.15, 0.25)
    out: list[Garment] = []
    if outfit == "sport":
        out += sportswear(rng, a, normal_z)
    elif outfit in ("bare_shorts", "tee_shorts", "tank_shorts"):
        out.append(lower(rng, a, normal_z, short_leg, waist, loose_low))
    elif outfit in ("tee_trousers", "long_trousers", "jacket"):
        out.append(lower(rng, a, normal_z, long_leg, waist, loose_low))
    elif outfit in ("briefs", "dress"):
        out.append(lower(rng, a, normal_z, u(0.02, 0.12), u(0.05, 0.3), 0.002))
    if outfit in ("tee_shorts", "tee_trousers"):
        out.append(upper(rng, a, normal_z, u(0.2, 0.55), hem, loose_up))
    elif outfit == "tank_shorts":
        out.append(upper(rng, a, normal_z, u(-0.05, 0.1), hem, loose_up))
    elif outfit == "long_trousers":
        out.append(upper(rng, a, normal_z, u(0.75, 1.0), hem, loose_up))
    elif outfit == "jacket":
        out.append(upper(rng, a, normal_z, u(0.2, 0.9), hem, 0.004))
        out.append(open_coat(rng, a, normal_z, loose_up))
    elif outfit == "dress":
        out.append(upper(rng, a, normal_z, u(-0.05, 0.6), u(-0.9, -0.4), u(0.01, 0.04)))
    elif outfit == "suit":
        out.append(suit(rng, a, normal_z))
    return out
