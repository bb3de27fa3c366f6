"""Which samples a process trains on in which step."""

from __future__ import annotations

from collections.abc import Iterator

from torch.utils.data import Sampler


class StepSampler(Sampler[int]):
    """Sample numbers of steps `start` + 1 to `steps`: the share of this process in each step; stateless.

    Args:
        start: Steps that are done already.
        steps: Steps of the whole run.
        share: Samples of one process in one step: batch times accumulated batches.
        rank: Number of this process.
        world: Number of processes.
    """

    def __init__(self, start: int, steps: int, share: int, rank: int, world: int):
        self.start, self.steps, self.share, self.rank, self.world = start, steps, share, rank, world

    def first(self, step: int) -> int:
        """Number of this process's first sample of a step (from 1)."""
        return ((step - 1) * self.world + self.rank) * self.share

    def __iter__(self) -> Iterator[int]:
        for step in range(self.start + 1, self.steps + 1):
            yield from range(self.first(step), self.first(step) + self.share)

    def __len__(self) -> int:
        return (self.steps - self.start) * self.share
