"""The processes of a launcher such as torchrun or `accelerate launch`, known by its environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta

LONGEST_WAIT = timedelta(days=7)
"""Shares of the work may differ by hours."""


@dataclass(frozen=True)
class Processes:
    """This process among all: number `rank` of `world`."""

    rank: int = 0
    world: int = 1

    @staticmethod
    def current() -> Processes:
        """As the launcher says; one process where there is none."""
        return Processes(int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1)))

    @property
    def is_main(self) -> bool:
        """Whether this process writes what all have in common."""
        return self.rank == 0

    def owns(self, number: int) -> bool:
        """Whether item `number` of the work is this process's share."""
        return number % self.world == self.rank

    def wait_for_all(self) -> None:
        """Return when every process has called this."""
        if self.world == 1:
            return
        import torch.distributed as dist

        if not dist.is_initialized():
            dist.init_process_group("gloo", timeout=LONGEST_WAIT)
        dist.barrier()
