"""Exponential moving average of trainable parameters, with warm-up, saved and resumed with the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class EMA:
    """Shadow weights `s ← d s + (1 - d) w`, `d = min(decay, (1 + n) / (10 + n))` after n updates."""

    def __init__(self, model: nn.Module, decay: float = 0.999):
        self.decay, self.updates = decay, 0
        self.shadow: dict[str, Tensor] = {
            k: p.detach().clone() for k, p in model.named_parameters() if p.requires_grad
        }

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        self.updates += 1
        keep = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, parameter in model.named_parameters():
            if name in self.shadow:
                self.shadow[name].lerp_(parameter.detach(), 1 - keep)
            elif parameter.requires_grad:  # a branch that a later stage switched on
                self.shadow[name] = parameter.detach().clone()

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """Inside the block the model holds the averaged weights."""
        live = dict(model.named_parameters())
        backup = {k: live[k].detach().clone() for k in self.shadow}
        with torch.no_grad():
            for k, value in self.shadow.items():
                live[k].copy_(value)
        try:
            yield
        finally:
            with torch.no_grad():
                for k, value in backup.items():
                    live[k].copy_(value)

    def state_dict(self) -> dict:
        return {"decay": self.decay, "updates": self.updates, "shadow": self.shadow}

    def load_state_dict(self, state: dict) -> None:
        self.decay, self.updates = state["decay"], state["updates"]
        own = self.shadow
        # Checkpoints are read to the CPU: the average has to stay where the model is.
        self.shadow = {
            k: v.to(own[k].device if k in own else v.device, copy=True) for k, v in state["shadow"].items()
        }
