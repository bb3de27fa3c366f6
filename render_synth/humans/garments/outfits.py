"""Random clothes and hair of one person: cut wider than the body or as layers on it, with shoes and small things."""

from __future__ import annotations

import numpy as np

from render_synth.humans.body.anatomy import Anatomy
from render_synth.humans.body.posed import Posed
from render_synth.humans.garments.layers import CHANCE, OUTFITS, Garment, band, layered, shoes
from render_synth.humans.garments.tailored import GarmentTools, sample_tailored
from render_synth.humans.hair.hair_mesh import sample_hair
from render_synth.humans.look import Look
from render_synth.rendering.mesh import Mesh

TAILORED_CHANCE = 0.65  # of clothes that are neither tight nor sportswear


def sample_outfit(
    rng: np.random.Generator,
    posed: Posed,
    tools: GarmentTools,
    without: frozenset[str],
    look: Look,
) -> tuple[list[Garment | Mesh], str, str]:
    """Random clothes and hair for one person: (garments, outfit name, hair kind).

    `without`: "clothes", "shoes" or "hair" that are worn from elsewhere.
    """
    pieces: list[Garment | Mesh] = []
    if "clothes" in without:
        outfit = ""
    elif "sport" in look.words:
        outfit = "sport"
    elif "tight" not in look.words and rng.random() < TAILORED_CHANCE:
        meshes, outfit = sample_tailored(rng, posed, tools)
        pieces += meshes
    else:
        outfit = str(rng.choice(OUTFITS, p=CHANCE))
    # Of all outfits: a tailored jacket or dress has the layers of its name beneath.
    pieces += layered(rng, posed.a, outfit)
    pieces += _accessories(rng, posed.a, outfit, without)
    if "hair" in without:
        return pieces, outfit, ""
    grown, hair = sample_hair(rng, posed, "skull_cap" if "skull_cap" in look.words else "", look.hair_volume)
    return pieces + grown, outfit, hair


def _accessories(rng: np.random.Generator, a: Anatomy, outfit: str, without: frozenset[str]) -> list[Garment]:
    """Socks, shoes, gloves and a wristband, each with a probability of its own."""
    u = rng.uniform
    worn: list[Garment] = []
    if rng.random() < 0.35:
        worn.append(band(rng, a, "socks", (a.leg > u(0.7, 0.97)) & (a.arm < -0.5), 0.0025))
    if rng.random() < (0.3 if outfit == "sport" else 0.68) and "shoes" not in without:
        worn.append(shoes(rng, a, a.rest_normal_z))
    if rng.random() < 0.04:
        worn.append(band(rng, a, "gloves", a.arm > u(0.9, 1.0), 0.002))
    if rng.random() < 0.15:
        start = u(0.75, 0.92)
        sides = a.rest[:, 0] * rng.choice([-1, 1]) > 0
        around = (a.arm > start) & (a.arm < start + u(0.05, 0.15)) & sides
        worn.append(band(rng, a, "wristband", around, 0.004))
    return worn
