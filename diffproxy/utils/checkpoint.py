"""Checkpoints for exact resume: trained weights, optimiser, EMA and the step; tensors only, written atomically."""

from __future__ import annotations

import logging
import pickle
import shutil
import struct
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from diffproxy.utils.ema import EMA
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import atomic_path, make_folder, remove_leftovers

log = logging.getLogger(__name__)
KEEP = 2  # older checkpoints are removed
# What torch raises for files of any content.
DAMAGED = (
    OSError, RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, MemoryError,
    AssertionError, pickle.UnpicklingError, struct.error,
)  # fmt: skip


def save_checkpoint(
    out: Path, step: int, model: nn.Module, optimizer: torch.optim.Optimizer, ema: EMA
) -> Path:
    """Write `out/checkpoints/step_XXXXXXX.pt`; a file with that name is always complete, and its weights finite."""
    require_finite_weights(model, f"weights at step {step}")
    folder = make_folder(out / "checkpoints")
    path = folder / f"step_{step:07d}.pt"
    state = {
        "step": step,
        # Frozen weights come from where the run was started: of `sd21` they would be gigabytes.
        "model": trained_state(model),
        "optimizer": optimizer.state_dict(),
        "ema": ema.state_dict(),
    }
    write_state(path, state)
    for old in sorted(folder.glob("step_*.pt"))[:-KEEP]:
        old.unlink()
    return path


def require_finite_weights(model: nn.Module, what: str) -> None:
    """InputError for a parameter with a number that is nan or infinite."""
    for name, value in model.named_parameters():
        if not torch.isfinite(value).all():
            fix = "lower lr, or check the shards with `python -m render_synth inspect`; the last checkpoint is good"
            raise InputError(f"finite {what}", f"{name} with numbers that are not", fix)


def latest_checkpoint(out: Path) -> Path | None:
    """The newest checkpoint of a run in `out`; removes unfinished files of killed processes, of the export too."""
    for folder in (out, *out.glob("*/"), *out.glob("model/*/")):
        remove_leftovers(folder)
    found = sorted((out / "checkpoints").glob("step_*.pt"))
    return found[-1] if found else None


def load_checkpoint(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, ema: EMA) -> int:
    """Restore everything; returns the step to continue after. InputError, with the file put aside, where it is damaged,
    and where it is of another network or optimiser."""
    state = read_state(path, ("step", "model", "optimizer", "ema"))
    own, stored = trained_state(model), state["model"]
    changed = sorted(own.keys() ^ stored.keys()) or sorted(k for k in own if own[k].shape != stored[k].shape)
    if changed:
        raise _of_another_run(path, f"{len(changed)} parameters are others, e.g. {changed[0]}")
    with torch.no_grad():
        for name, value in own.items():
            value.copy_(stored[name])
    try:
        optimizer.load_state_dict(state["optimizer"])
    except ValueError as error:
        raise _of_another_run(path, str(error)) from error
    ema.load_state_dict(state["ema"])
    return state["step"]


def _of_another_run(path: Path, found: str) -> InputError:
    return InputError(
        "a checkpoint of a run that trains the same parameters",
        f"{path}: {found}",
        "use the options the run was begun with, or another out=",
    )


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Tensors and plain values, atomically. InputError where there is no room for them."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:  # what torch makes of an OSError of the file
            if isinstance(error.__context__, OSError):
                raise error.__context__ from error
            raise


def read_state(path: Path, keys: Collection[str]) -> dict[str, Any]:
    """Inverse of `write_state`. InputError for a damaged file and one without all `keys`; it is renamed to `*.broken`,
    so that the next run uses the one before it."""
    file = path.open("rb")  # what it raises is not damage
    try:
        with file:
            state = torch.load(file, map_location="cpu", weights_only=True)
        if not isinstance(state, dict) or (missing := sorted(set(keys) - state.keys())):
            raise ValueError(f"no {missing[0]}" if isinstance(state, dict) else "no dictionary")
        return state
    except DAMAGED as error:
        broken = path.with_suffix(".broken")
        shutil.move(path, broken)
        found = f"{path}: {' '.join(str(error).split())[:200]}"
        fix = f"run again: the checkpoint before it is used, if there is one; this one is now {broken}"
        raise InputError("a readable checkpoint", found, fix) from error


def trained_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """The parameters that have gradients, by name; they share memory with the model's."""
    return {k: p.detach() for k, p in model.named_parameters() if p.requires_grad}
