"""Data sets for `evaluate.py`. A reader is one module here with `read(options) -> Iterator[EvalSubject]`."""

from diffproxy.evaluation.datasets.registry import READERS, EvalSubject, open_dataset

__all__ = ["READERS", "EvalSubject", "open_dataset"]
