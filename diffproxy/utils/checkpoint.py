"""Checkpoints for exact resume: trained weights, optimiser, EMA and the step; tensors only, written atomically."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import torch
from torch import nn

from diffproxy.utils.ema import EMA
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import atomic_path, make_folder, remove_leftovers

log = logging.getLogger(__name__)
KEEP = 2  # older checkpoints are removed


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
    with atomic_path(path) as temporary:
        torch.save(state, temporary)
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
    """Restore everything; returns the step to continue after."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError) as error:
        shutil.move(path, path.with_suffix(".broken"))
        raise InputError(
            "a readable checkpoint", f"{path}: {error}", "run again: the previous checkpoint is used"
        ) from error
    own = trained_state(model)
    if changed := sorted(own.keys() ^ state["model"].keys()):
        raise InputError(
            "a checkpoint of a run that trains the same parameters",
            f"{path}: {len(changed)} parameters are trained in one of the two only, e.g. {changed[0]}",
            "use the options the run was begun with, or another out=",
        )
    with torch.no_grad():
        for name, value in own.items():
            value.copy_(state["model"][name])
    optimizer.load_state_dict(state["optimizer"])
    ema.load_state_dict(state["ema"])
    return state["step"]


def trained_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """The parameters that have gradients, by name; they share memory with the model's."""
    return {k: p.detach() for k, p in model.named_parameters() if p.requires_grad}
