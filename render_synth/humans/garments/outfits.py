"""Random outfits of clothes that stand off the body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from render_synth.humans.body.anatomy import Anatomy
from render_synth.humans.body.posed import Posed
from render_synth.humans.garments.cloth_engine import ClothEngine, load_cloth
from render_synth.humans.garments.limb_tubes import LimbTubes, build_limb_tubes
from render_synth.humans.garments.pattern_cutting import (
    ClothPanel,
    GarmentPattern,
    colored,
    hang_skirt,
    open_front,
    over,
    sew,
    top,
    trousers,
    tuck,
)
from render_synth.humans.garments.skirt import SkirtCut
from render_synth.rendering.mesh import Mesh

KINDS = ("casual", "shorts", "skirt", "dress", "jacket", "coat", "robe", "bare")
CHANCE = (0.27, 0.17, 0.11, 0.12, 0.13, 0.09, 0.04, 0.07)


@dataclass(frozen=True)
class GarmentTools:
    """Measures of the rest body and the cloth engine; one for all people of a body."""

    limbs: LimbTubes
    cloth: ClothEngine


def build_garment_tools(anatomy: Anatomy, cloth: str = "none") -> GarmentTools:
    """Tools for clothes on an anatomy; `cloth` names the engine (`cloth_engine.ENGINES`)."""
    return GarmentTools(build_limb_tubes(anatomy), load_cloth(cloth))


def sample_tailored(rng: np.random.Generator, posed: Posed, tools: GarmentTools) -> tuple[list[Mesh], str]:
    """Clothes from neck to ankles for one posed person, and their kind (one of `KINDS`)."""
    kind, u = str(rng.choice(KINDS, p=CHANCE)), rng.uniform
    a, limbs = posed.a, tools.limbs
    worn: list[Mesh] = []
    folds = int(rng.integers(2**31))

    def add(*panels: ClothPanel) -> None:
        worn.extend(colored(rng, list(panels)))

    def stitch(pattern: GarmentPattern) -> ClothPanel:
        return sew(posed, limbs, pattern, folds)

    def legs(length: float, slim: bool = False) -> GarmentPattern:
        hem = u(0.004, 0.02) if slim else u(0.01, 0.06)
        flare = u(0.02, 0.07) if length > 0.9 and not slim and rng.random() < 0.15 else 0.0
        return trousers(rng, a, limbs, length, u(0.1, 0.35), hem, flare)

    def shirt(under: bool, hem: float | None = None) -> GarmentPattern:
        sleeve = u(0.0, 0.12) if rng.random() < 0.15 else u(0.2, 0.5) if rng.random() < 0.6 else u(0.75, 0.98)
        hem = u(-0.18, 0.15) if hem is None else hem
        if under:
            return top(rng, a, limbs, sleeve, 0.004, hem, u(0, 0.3), tight=0.004, collar=u(0, 0.25))
        cuff = rng.choice([u(0.002, 0.015), u(0.015, 0.05)])
        return top(rng, a, limbs, sleeve, cuff, hem, u(0.0, 1.0), u(0.94, 1.06), collar=u(0, 0.25))

    def jacket(hem: float) -> GarmentPattern:
        pattern = top(
            rng, a, limbs, u(0.88, 1.0), u(0.008, 0.03), hem, u(0.3, 1.0), 1.03, tight=u(0.012, 0.018)
        )
        return open_front(rng, a, pattern, a.rest_normal_z, u(-0.02, 0.06))

    if kind in ("casual", "shorts", "jacket", "bare"):
        length = (
            u(0.88, 1.0) if kind == "casual" or (kind != "shorts" and rng.random() < 0.7) else u(0.2, 0.6)
        )
        low = legs(length)
        add(stitch(low))
        if kind != "bare":
            tucked = rng.random() < 0.4
            upper = shirt(under=kind == "jacket" or tucked)
            upper = tuck(upper, low) if tucked else over(upper, low)
            add(stitch(upper))
            if kind == "jacket":
                add(stitch(over(jacket(u(-0.35, 0.1)), low, upper)))
    elif kind in ("skirt", "dress"):
        bottom = rng.choice([u(0.2, 0.45), u(0.45, 0.7), u(0.7, 0.95)])
        narrow = rng.random() < 0.25
        flare, fullness = (u(0, 0.05), 1.0) if narrow else (u(0.08, 0.3), u(1.0, 1.45))
        pleats = int(rng.integers(5, 14))
        waist = u(0.15, 0.3) if kind == "skirt" else u(0.3, 0.45)
        cut = SkirtCut(waist + 0.05, bottom, u(0.006, 0.01), flare, fullness, pleats, straight=not narrow)
        skirt = hang_skirt(rng, posed, tools.cloth, cut)
        if kind == "dress":
            add(stitch(shirt(under=True, hem=waist)), skirt)
        else:
            add(skirt)
            add(stitch(shirt(under=True, hem=u(waist - 0.08, waist + 0.1))))
    else:  # coats and robes: open in front, over trousers
        low = legs(u(0.9, 1.0), slim=True)
        upper = tuck(shirt(under=True), low)
        below = [stitch(low)]
        add(below[0])
        add(stitch(upper))
        waist, length = u(0.25, 0.4), u(0.3, 0.75) if kind == "coat" else u(0.75, 0.95)
        opening = u(0.02, 0.5)
        cut = SkirtCut(waist + 0.05, length, 0.016, u(0.05, 0.2), u(1.0, 1.25), opening=opening)
        add(stitch(over(jacket(waist), low, upper)), hang_skirt(rng, posed, tools.cloth, cut, below))
    return worn, kind
