"""The processes of a launcher such as torchrun or `accelerate launch`, known by its environment variables."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

LONGEST_START = timedelta(days=7)
"""Until the first process has begun to wait, where it keeps the store: shares of the work may differ by hours."""
POLL = 0.1  # seconds


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
    def is_alone(self) -> bool:
        """Whether no launcher has started others."""
        return self.world == 1

    @property
    def is_main(self) -> bool:
        """Whether this process writes what all have in common."""
        return self.rank == 0

    def owns(self, number: int) -> bool:
        """Whether item `number` of the work is this process's share."""
        return number % self.world == self.rank

    def wait_for_all(self) -> None:
        """Return when every process has called this.

        The waiting is Python's: in a barrier of torch a signal has no effect, and the launcher that sent it would kill
        this process after half a minute.
        """
        if not self.is_alone:
            self._count("arrived")
            self._count("left", is_waiting=self.is_main)  # the first one may keep the store for the others

    def _count(self, name: str, is_waiting: bool = True) -> None:
        """Count this process, and wait until as many are counted as there are, or twice as many, and so on."""
        key = f"{name}/{os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}"
        mine = self._store.add(key, 1)
        while is_waiting and self._store.add(key, 0) < math.ceil(mine / self.world) * self.world:
            time.sleep(POLL)

    @cached_property
    def _store(self) -> Any:
        """What all processes share: that of the launcher, or else of the first process."""
        from torch.distributed import TCPStore

        is_launchers = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
        address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        is_host = self.is_main and not is_launchers
        return TCPStore(address, port, is_master=is_host, timeout=LONGEST_START, wait_for_workers=False)
