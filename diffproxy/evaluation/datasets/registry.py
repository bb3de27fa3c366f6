"""The readers of data sets by name."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from functools import partial
from importlib import import_module

from diffproxy.body import BodyModel
from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.evaluation.datasets.cut_pictures import cut_subjects
from diffproxy.evaluation.datasets.partial import partial_subject
from diffproxy.evaluation.datasets.subject import EvalSubject, PendingSubject
from diffproxy.utils.errors import InputError

# A new data set is a line here, a module beside this one, and conf/dataset/<name>.yaml.
READERS: dict[str, str] = {
    name: f"diffproxy.evaluation.datasets.{name}"
    for name in ("synthetic", "mpi_inf_3dhp", "behave", "rich", "moyo", "dress4d", "agora", "rendered")
} | dict.fromkeys(("spec_mtp", "humman", "pdhuman"), "diffproxy.evaluation.datasets.human_data")


def open_dataset(options: EvaluateOptions, body: BodyModel, hidden: bool = False) -> Iterator[PendingSubject]:
    """The subjects of the data set that the options name, at most `options.limit`; with `dataset.cut` cut off.

    `hidden`: also people who need not be found, not `counted`.

    Images are read when a subject is loaded; with `dataset.cut` at once, since some subjects cannot be cut.
    """
    name = options.dataset.name
    if name not in READERS:
        raise InputError(f"dataset among {', '.join(READERS)}", name, "write dataset=synthetic")
    everybody: Iterator[PendingSubject] = import_module(READERS[name]).read(options)
    subjects = (s for s in everybody if s.counted or hidden)
    if options.dataset.cut >= 0:
        cut = cut_subjects((s.load() for s in subjects), body, options.dataset.cut)
        subjects = (PendingSubject(s.key, partial(copy, s)) for s in cut)
    if options.dataset.partial >= 0:
        seed = options.dataset.partial
        subjects = (PendingSubject(s.key, partial(_window, s, seed)) for s in subjects)
    for number, subject in enumerate(subjects):
        if number >= options.limit:
            return
        yield subject


def _window(subject: PendingSubject, seed: int) -> EvalSubject:
    return partial_subject(subject.load(), seed)
