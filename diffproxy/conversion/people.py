"""What the readers of foreign renders give: people with SMPL-X parameters, and the images that show them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from diffproxy.cameras import Camera

POSE = {
    "global_orient": slice(0, 3), "body_pose": slice(3, 66), "jaw_pose": slice(66, 69), "leye_pose": slice(69, 72),
    "reye_pose": slice(72, 75), "left_hand_pose": slice(75, 120), "right_hand_pose": slice(120, 165),
}  # fmt: skip
"""Where each part of an SMPL-X pose lies in the full pose."""


@dataclass(frozen=True)
class Person:
    """SMPL-X parameters of one person at one instant.

    Args:
        full_pose: Axis-angle of the 55 joints; hands relative to the flat hand, unless `mean_hands`.
        transl: Added to the posed body, metres.
        mean_hands: The hands are relative to the model file's mean hands (`flat_hand_mean=False`).
    """

    full_pose: Float[np.ndarray, " 165"]
    betas: Float[np.ndarray, " B"]
    transl: Float[np.ndarray, " 3"]
    expression: Float[np.ndarray, " 10"]
    gender: str
    mean_hands: bool = False


@dataclass(frozen=True)
class Picture:
    """An image, read when it is needed, and its camera (of that image's size once it is read)."""

    name: str
    read: Callable[[], UInt8[np.ndarray, "H W 3"]]
    camera: Callable[[int, int], Camera]
    """From width and height in pixels."""


@dataclass(frozen=True)
class Subject:
    """One person, everybody else who is known in the same world, and the images."""

    key: str
    person: Person
    others: tuple[Person, ...]
    pictures: tuple[Picture, ...]
