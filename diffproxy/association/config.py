"""Settings of the association."""

from __future__ import annotations

from dataclasses import dataclass

from diffproxy.utils.checked import checked


@checked
@dataclass(frozen=True)
class AssociationConfig:
    """Tolerances of the association of people over views and frames.

    Args:
        tolerance: Metres by which a detection's joint may miss the joint in 3D and still support it.
        loss_scale: Metres, scale of the robust loss on these distances.
        gate: Largest mean loss, in [0, 1], with which a detection still belongs to a person.
        min_joints: Joints that a detection must share with a person to be compared.
        min_agreement: Share of the joints seen by two views that must agree before a new person is assumed, and for two
            views alone to be evidence of a known one.
        confirm_frames: Frames in a row (two may fail) on which two views or more must agree before a person is
            reported; fewer in shorter takes.
        max_missing: Frames without any detection after which a person counts as gone.
        duplicate: Mean distance in metres of joints below which two people are one.
    """

    tolerance: float = 0.12
    loss_scale: float = 0.15
    gate: float = 0.6
    min_joints: int = 5
    min_agreement: float = 0.7
    confirm_frames: int = 5
    max_missing: int = 15
    duplicate: float = 0.15
