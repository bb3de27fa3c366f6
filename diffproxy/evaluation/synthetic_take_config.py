"""What a synthetic take of several people is like."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TakeConfig:
    """What a take is like.

    Args:
        people: Number of people.
        cameras: Number of cameras, evenly on a ring.
        frames: Number of frames, 30 a second.
        noise: Standard deviation of a keypoint over the height of the person in the image.
        dropped: Share of the detections that are missing at random.
        false_people: Chance of a detection of nobody in a view and frame.
        flipped: Share of the detections with left and right exchanged.
        out_of_step: Each camera is late or early by up to this many frames, the same over the take.
        leaving: Whether people leave the room and come back.
        equal_height: All cameras at 1.5 m, where epipolar lines of different people coincide; else 1.2 to 2.6 m.
        poses: Part of the pose bank that arms and trunk follow, "train" or "test".
        seed: Of all random numbers.
    """

    people: int = 3
    cameras: int = 4
    frames: int = 250
    noise: float = 0.012
    dropped: float = 0.05
    false_people: float = 0.05
    flipped: float = 0.01
    out_of_step: int = 0
    leaving: bool = True
    equal_height: bool = False
    poses: str = "train"
    seed: int = 0
