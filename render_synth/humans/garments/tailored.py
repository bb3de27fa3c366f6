"""Random outfits of clothes that are cut wider than the body and stand off it."""

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
    kind = str(rng.choice(KINDS, p=CHANCE))
    tailor = Tailor(rng, posed, tools, folds=int(rng.integers(2**31)))
    if kind in ("casual", "shorts", "jacket", "bare"):
        return _with_trousers(tailor, kind), kind
    if kind in ("skirt", "dress"):
        return _with_skirt(tailor, kind), kind
    return _with_coat(tailor, kind), kind


@dataclass(frozen=True)
class Tailor:
    """Draws patterns for one posed person and sews them; pieces of the same `folds` fold alike."""

    rng: np.random.Generator
    posed: Posed
    tools: GarmentTools
    folds: int

    def legs(self, length: float, slim: bool = False) -> GarmentPattern:
        """Trousers or shorts; `length` 1 = ankle."""
        u = self.rng.uniform
        hem = u(0.004, 0.02) if slim else u(0.01, 0.06)
        flare = u(0.02, 0.07) if length > 0.9 and not slim and self.rng.random() < 0.15 else 0.0
        return trousers(self.rng, self.posed.a, self.tools.limbs, length, u(0.1, 0.35), hem, flare)

    def shirt(self, under: bool, hem: float | None = None) -> GarmentPattern:
        """A shirt; close-fitting where something is worn over it or it is tucked in (`under`)."""
        rng, u = self.rng, self.rng.uniform
        sleeve = u(0.0, 0.12) if rng.random() < 0.15 else u(0.2, 0.5) if rng.random() < 0.6 else u(0.75, 0.98)
        hem = u(-0.18, 0.15) if hem is None else hem
        a, limbs = self.posed.a, self.tools.limbs
        if under:
            return top(rng, a, limbs, sleeve, 0.004, hem, u(0, 0.3), tight=0.004, collar=u(0, 0.25))
        cuff = rng.choice([u(0.002, 0.015), u(0.015, 0.05)])
        return top(rng, a, limbs, sleeve, cuff, hem, u(0.0, 1.0), u(0.94, 1.06), collar=u(0, 0.25))

    def jacket(self, hem: float) -> GarmentPattern:
        """A jacket that is open in front; `hem` as torso fraction."""
        u, a = self.rng.uniform, self.posed.a
        sleeve, cuff, hang = u(0.88, 1.0), u(0.008, 0.03), u(0.3, 1.0)
        tight = u(0.012, 0.018)
        pattern = top(self.rng, a, self.tools.limbs, sleeve, cuff, hem, hang, 1.03, tight=tight)
        return open_front(self.rng, a, pattern, a.rest_normal_z, u(-0.02, 0.06))

    def skirt(self, cut: SkirtCut, under: list[ClothPanel] | None = None) -> ClothPanel:
        return hang_skirt(self.rng, self.posed, self.tools.cloth, cut, under)

    def sewn(self, pattern: GarmentPattern) -> ClothPanel:
        return sew(self.posed, self.tools.limbs, pattern, self.folds)

    def painted(self, *panels: ClothPanel) -> list[Mesh]:
        return colored(self.rng, list(panels))


def _with_trousers(tailor: Tailor, kind: str) -> list[Mesh]:
    """Trousers or shorts, with nothing above, a shirt, or a shirt and a jacket."""
    rng, u = tailor.rng, tailor.rng.uniform
    is_long = kind == "casual" or (kind != "shorts" and rng.random() < 0.7)
    low = tailor.legs(u(0.88, 1.0) if is_long else u(0.2, 0.6))
    worn = tailor.painted(tailor.sewn(low))
    if kind == "bare":
        return worn
    tucked = rng.random() < 0.4
    shirt = tailor.shirt(under=kind == "jacket" or tucked)
    shirt = tuck(shirt, low) if tucked else over(shirt, low)
    worn += tailor.painted(tailor.sewn(shirt))
    if kind == "jacket":
        worn += tailor.painted(tailor.sewn(over(tailor.jacket(u(-0.35, 0.1)), low, shirt)))
    return worn


def _with_skirt(tailor: Tailor, kind: str) -> list[Mesh]:
    """A dress, painted as one piece, or a skirt and a shirt."""
    rng, u = tailor.rng, tailor.rng.uniform
    bottom = rng.choice([u(0.2, 0.45), u(0.45, 0.7), u(0.7, 0.95)])
    narrow = rng.random() < 0.25
    flare, fullness = (u(0, 0.05), 1.0) if narrow else (u(0.08, 0.3), u(1.0, 1.45))
    pleats = int(rng.integers(5, 14))
    waist = u(0.15, 0.3) if kind == "skirt" else u(0.3, 0.45)
    cut = SkirtCut(waist + 0.05, bottom, u(0.006, 0.01), flare, fullness, pleats, straight=not narrow)
    skirt = tailor.skirt(cut)
    if kind == "dress":
        return tailor.painted(tailor.sewn(tailor.shirt(under=True, hem=waist)), skirt)
    worn = tailor.painted(skirt)
    return worn + tailor.painted(tailor.sewn(tailor.shirt(under=True, hem=u(waist - 0.08, waist + 0.1))))


def _with_coat(tailor: Tailor, kind: str) -> list[Mesh]:
    """A coat or a robe, open in front, over trousers and a shirt."""
    u = tailor.rng.uniform
    low = tailor.legs(u(0.9, 1.0), slim=True)
    shirt = tuck(tailor.shirt(under=True), low)
    trousers_panel = tailor.sewn(low)
    worn = tailor.painted(trousers_panel)
    worn += tailor.painted(tailor.sewn(shirt))
    waist, length = u(0.25, 0.4), u(0.3, 0.75) if kind == "coat" else u(0.75, 0.95)
    opening = u(0.02, 0.5)
    cut = SkirtCut(waist + 0.05, length, 0.016, u(0.05, 0.2), u(1.0, 1.25), opening=opening)
    upper = tailor.sewn(over(tailor.jacket(waist), low, shirt))
    return worn + tailor.painted(upper, tailor.skirt(cut, [trousers_panel]))
