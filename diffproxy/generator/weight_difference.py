"""A fine-tuned network as its rounded difference to the published one: a third of the size of float16.

Fine-tuned weights lie close to where they started, so a few bits of the difference say as much as all bits of a weight.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from diffproxy.generator.state_dicts import check_fit
from diffproxy.utils.errors import InputError

LEVELS = 127  # steps from zero to the largest change of an output channel: all of int8
MAX_ROUNDING = 1e-3  # norm of what rounding changes, relative to that of the tensor; that of float16 is 3e-4
SCALE = ".scale"


def rounded_difference(state: Mapping[str, Tensor], published: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """What `add_difference` needs to make `state` from `published`, up to rounding.

    Args:
        state: The fine-tuned tensors.
        published: Tensors of the same names and shapes.

    Returns:
        For each tensor that changed its int8 steps, and under its name + ".scale" the float32 size of a step for each
        output channel (first axis).

    Raises:
        InputError: other names or shapes, or weights so far from the published ones that rounding would change them.
    """
    whole = "save the generator without difference=True"
    check_fit(published, state, "the published network", whole)
    arrays: dict[str, np.ndarray] = {}
    for name, start in published.items():
        start = start.detach().cpu().float()
        change = state[name].detach().cpu().float() - start
        if not change.any():
            continue
        rows = change.reshape(len(change), -1)
        scale = rows.abs().amax(1, keepdim=True) / LEVELS
        steps = (rows / scale.clamp(min=torch.finfo(torch.float32).tiny)).round()
        error = torch.linalg.norm(steps * scale - rows) / torch.linalg.norm(start + change)
        if not error <= MAX_ROUNDING:
            found = f"{name} would change by {float(error):.1e} of its norm"
            raise InputError(
                f"weights that lie close to the published ones ({MAX_ROUNDING:.0e})", found, whole
            )
        arrays[name] = steps.reshape(change.shape).numpy().astype(np.int8)
        arrays[name + SCALE] = scale[:, 0].numpy()
    return arrays


def add_difference(
    published: Mapping[str, Tensor], arrays: Mapping[str, np.ndarray], what: str
) -> dict[str, Tensor]:
    """Inverse of `rounded_difference`.

    Args:
        published: Tensors of the published network.
        arrays: The difference.
        what: Where it was read, for errors.

    Returns:
        The fine-tuned tensors, float32.

    Raises:
        InputError: a difference of another network.
    """
    state = {name: tensor.float() for name, tensor in published.items()}
    for name in [n for n in arrays if not n.endswith(SCALE)]:
        steps, scale = arrays[name], arrays.get(name + SCALE)
        base = state.get(name)
        if (
            base is None
            or steps.shape != tuple(base.shape)
            or scale is None
            or scale.shape != steps.shape[:1]
        ):
            fix = "restore the folder from its source"
            raise InputError(f"{what} of the network that config.json names", f"{name} does not fit", fix)
        change = steps.astype(np.float32) * scale.astype(np.float32).reshape(-1, *[1] * (steps.ndim - 1))
        state[name] = base + torch.from_numpy(change)
    return state
