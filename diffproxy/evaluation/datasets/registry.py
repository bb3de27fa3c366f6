"""The readers of data sets by name."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from diffproxy.body import BodyModel
from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.evaluation.datasets.cut_pictures import cut_subjects
from diffproxy.evaluation.datasets.partial import partial_subject
from diffproxy.evaluation.datasets.subject import EvalSubject
from diffproxy.utils.errors import InputError

# A new data set is a line here, a module beside this one, and conf/dataset/<name>.yaml.
READERS: dict[str, str] = {
    name: f"diffproxy.evaluation.datasets.{name}"
    for name in ("synthetic", "mpi_inf_3dhp", "behave", "rich", "moyo", "dress4d")
}


def open_dataset(options: EvaluateOptions, body: BodyModel) -> Iterator[EvalSubject]:
    """The subjects of the data set that the options name, at most `options.limit`; with `dataset.cut` cut off."""
    name = options.dataset.name
    if name not in READERS:
        raise InputError(f"dataset among {', '.join(READERS)}", name, "write dataset=synthetic")
    subjects = import_module(READERS[name]).read(options)
    if options.dataset.cut >= 0:
        subjects = cut_subjects(subjects, body, options.dataset.cut)
    if options.dataset.partial >= 0:
        subjects = (partial_subject(s, options.dataset.partial) for s in subjects)
    for number, subject in enumerate(subjects):
        if number >= options.limit:
            return
        yield subject
