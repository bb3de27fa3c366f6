"""Forward kinematics of a joint tree, one tree level at a time."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Chain(nn.Module):
    """A joint tree sorted by depth, so that a level is one slice and one batched product.

    `parents[0]` is -1 (the root); every other parent precedes its child. Index buffers move with the module, so that a
    GPU does not wait for index lists.
    """

    _order: Tensor
    _back: Tensor
    _parents: Tensor
    _slots: Tensor

    def __init__(self, parents: tuple[int, ...]):
        super().__init__()
        depth = [0] * len(parents)
        for i, p in enumerate(parents[1:], start=1):
            depth[i] = depth[p] + 1
        levels = [[i for i, d in enumerate(depth) if d == k] for k in range(max(depth) + 1)]
        order = [i for level in levels for i in level]
        self.level_sizes = tuple(len(level) for level in levels[1:])
        slots = [levels[k - 1].index(parents[i]) for k in range(1, len(levels)) for i in levels[k]]
        self.register_buffer("_order", torch.tensor(order), persistent=False)
        self.register_buffer(
            "_back", torch.tensor([order.index(i) for i in range(len(order))]), persistent=False
        )
        self.register_buffer("_parents", torch.tensor([max(parents[i], 0) for i in order]), persistent=False)
        self.register_buffer("_slots", torch.tensor(slots), persistent=False)

    def forward(
        self, local: Float[Tensor, "B J 3 3"], rest: Float[Tensor, "B J 3"]
    ) -> tuple[Float[Tensor, "B J 3 3"], Float[Tensor, "B J 3"]]:
        """Forward kinematics.

        Args:
            local: (B, J, 3, 3) local rotations.
            rest: (B, J, 3) joint positions in the rest pose, metres.

        Returns:
            World rotations (B, J, 3, 3) and positions (B, J, 3), metres. The root keeps its rest position, as in
            SMPL-X.
        """
        offset = (rest[:, self._order] - rest[:, self._parents])[..., None]
        turns = local[:, self._order]
        R, t = turns[:, :1], rest[:, :1, :, None]
        rotations, positions, at = [R], [t], 1
        for size in self.level_sizes:
            slots = self._slots[at - 1 : at - 1 + size]
            R_up = R[:, slots]
            t = t[:, slots] + R_up @ offset[:, at : at + size]
            R = R_up @ turns[:, at : at + size]
            rotations.append(R)
            positions.append(t)
            at += size
        return torch.cat(rotations, dim=1)[:, self._back], torch.cat(positions, dim=1)[:, self._back, :, 0]
