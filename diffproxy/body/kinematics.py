"""Forward kinematics of a joint tree, one tree level at a time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Chain:
    """A tree sorted by depth: joints of a level, where their parents sit in the level above, and the way back."""

    levels: tuple[tuple[int, ...], ...]
    parent_slots: tuple[tuple[int, ...], ...]
    parents: tuple[int, ...]
    order_back: tuple[int, ...]

    @staticmethod
    def of(parents: tuple[int, ...]) -> Chain:
        """`parents[0]` is -1, every other parent comes before its child."""
        depth = [0] * len(parents)
        for i, p in enumerate(parents[1:], start=1):
            depth[i] = depth[p] + 1
        levels = tuple(tuple(i for i, d in enumerate(depth) if d == k) for k in range(max(depth) + 1))
        slots = tuple(
            tuple(levels[k - 1].index(parents[i]) for i in levels[k]) for k in range(1, len(levels))
        )
        order = [i for level in levels for i in level]
        return Chain(levels, slots, parents, tuple(order.index(i) for i in range(len(parents))))


def chain_transforms(
    chain: Chain, local: Float[Tensor, "B J 3 3"], rest: Float[Tensor, "B J 3"]
) -> tuple[Float[Tensor, "B J 3 3"], Float[Tensor, "B J 3"]]:
    """World rotations and positions of all joints from local rotations and rest positions.

    The root keeps its rest position, as in SMPL-X: it turns in place.
    """
    batch = torch.broadcast_shapes(local.shape[:1], rest.shape[:1])
    local, rest = local.expand(*batch, -1, -1, -1), rest.expand(*batch, -1, -1)
    R, t = local[:, :1], rest[:, :1]
    rotations, positions = [R], [t]
    for level, slots in zip(chain.levels[1:], chain.parent_slots, strict=True):
        parents = [chain.parents[i] for i in level]
        offset = rest[:, list(level)] - rest[:, parents]
        R_up, t_up = R[:, list(slots)], t[:, list(slots)]
        t = t_up + (R_up @ offset[..., None])[..., 0]
        R = R_up @ local[:, list(level)]
        rotations.append(R)
        positions.append(t)
    back = list(chain.order_back)
    return torch.cat(rotations, dim=1)[:, back], torch.cat(positions, dim=1)[:, back]
