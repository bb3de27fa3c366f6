"""Data sets for `evaluate.py`. A reader is one module here with `read(options) -> Iterator[PendingSubject]`."""

from diffproxy.evaluation.datasets.registry import READERS, open_dataset
from diffproxy.evaluation.datasets.subject import EvalSubject

__all__ = ["READERS", "EvalSubject", "open_dataset"]
