"""Check the other people of shards: their bodies lie on their pixels of the masks, and are seen as the views say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import cKDTree

from diffproxy.body.names import NUM_BODY_JOINTS
from diffproxy.cameras import Camera
from diffproxy.datasets.shards import FULL, ShardView
from render_synth.rendering.visibility import FIRST_OTHER

LOOSE = 0.3  # metres that clothes and hair may be off the body
CLEAR = 0.3  # metres that clothes and hair may be in front of the body
LIMIT = 0.01  # fraction of the pixels that may be wrong
ROUNDING = 5e-5  # of the stored shares


@dataclass
class PeopleTally:
    """Counts of other people, of their pixels and of what is wrong with them."""

    people: int = 0
    unlabelled: int = 0  # bystanders of samples that store no parameters of them
    pixels: int = 0  # of masks
    off_body: int = 0  # farther than `LOOSE` from the body of this number
    anothers: int = 0  # of a body more than `CLEAR` behind somebody else's
    shares: int = 0  # visible and in-frame shares of people that the view does not have

    @property
    def wrong(self) -> float:
        """Fraction of the pixels."""
        return (self.off_body + self.anothers) / max(self.pixels, 1)

    @property
    def agrees(self) -> bool:
        return self.wrong <= LIMIT and not self.shares

    def add(self, other: PeopleTally) -> None:
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)

    def summary(self) -> dict[str, float]:
        """Plain numbers for JSON."""
        return asdict(self) | {"wrong": self.wrong}

    def line(self) -> str:
        off, others = (1e6 * n / max(self.pixels, 1) for n in (self.off_body, self.anothers))
        text = f"{self.people} other people, {self.pixels} pixels: {off:.0f} ppm off their body, {others:.0f} ppm "
        text += f"seen through somebody, {self.shares} wrong shares: they {'agree' if self.agrees else 'DISAGREE'}"
        return text + (f"; {self.unlabelled} others without parameters" if self.unlabelled else "")


def check_people(
    vertices: Float[np.ndarray, "P Nv 3"],
    joints: Float[np.ndarray, "P J 3"],
    faces: Int[np.ndarray, "Nf 3"],
    view: ShardView,
) -> PeopleTally:
    """Compare the mask of a view of bodies with everybody's bare body (metres, world), the subject's first."""
    from diffproxy.proxies.surface import render_surface

    tally = PeopleTally(people=len(vertices) - 1)
    depth = np.stack([render_surface(v, faces, [view.camera])[0].depth for v in vertices])
    on = (view.mask > 0) & (view.mask <= len(vertices))
    shown = np.where(
        on, np.take_along_axis(depth, (view.mask * on).clip(1)[None].astype(int) - 1, 0)[0], np.inf
    )
    tally.anothers = int((np.isfinite(shown) & (depth.min(0) + CLEAR < shown)).sum())
    for value, person in enumerate(vertices[1:], start=FIRST_OTHER):
        mine = view.mask == value
        tally.pixels += int(mine.sum())
        tally.off_body += int((distance_off(mine, view.camera, person) > LOOSE).sum())
    if view.kind == FULL and "people" in view.info:
        tally.shares = _wrong_shares(joints, view)
    return tally


def distance_off(
    mask: np.ndarray, camera: Camera, vertices: Float[np.ndarray, "Nv 3"]
) -> Float[np.ndarray, " N"]:
    """Metres, at the body's depth, between each pixel of a mask and the nearest projected vertex."""
    pixels = camera.project(vertices)
    seen = np.isfinite(pixels).all(1)
    rows, columns = np.nonzero(mask)
    if not len(rows) or not seen.any():
        return np.full(len(rows), np.inf)
    distance, nearest = cKDTree(pixels[seen]).query(np.stack([columns + 0.5, rows + 0.5], 1))
    z = (vertices[seen] @ camera.R_cam_world[2] + camera.t_cam_world[2])[nearest]
    return distance * z / camera.K[0, 0]


def _wrong_shares(joints: Float[np.ndarray, "P J 3"], view: ShardView) -> int:
    """People whose stored shares are not those of the mask and the joints."""
    said: Sequence[dict[str, float]] = view.info["people"]
    if len(said) != len(joints):
        return len(joints)
    size, wrong = [view.camera.width, view.camera.height], 0
    for value, (one, points) in enumerate(zip(said, joints, strict=True), start=1):
        pixels = view.camera.project(points[:NUM_BODY_JOINTS].astype(np.float64))
        in_frame = float(((pixels >= 0) & (pixels < size)).all(1).mean())
        # a joint at the border may round across it
        wrong += abs(one["in_frame"] - in_frame) > 1.5 / NUM_BODY_JOINTS
        count, most = int((view.mask == value).sum()), ROUNDING * view.mask.size
        wrong += count > most if one["visible"] == 0 else not count
    return wrong
