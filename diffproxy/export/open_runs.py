"""The runs in a folder: one person, or all people of a take."""

from __future__ import annotations

import logging
from pathlib import Path

from diffproxy.export.run import RESULT, Run, open_run, take_folder
from diffproxy.utils.errors import InputError
from diffproxy.utils.people_file import PEOPLE, folder_name, id_of_folder, read_results

log = logging.getLogger(__name__)


def run_folders(folder: str | Path) -> list[Path]:
    """The runs in a folder: itself, or those of the people in its `people.json`, in the order of their ids.

    Args:
        folder: As for `take_folder`.

    Raises:
        InputError: results of one person and of several in one folder, a damaged `people.json`, or nobody in it.
    """
    path, take = Path(folder).expanduser(), take_folder(folder)
    one, several = (take / RESULT).is_file(), (take / PEOPLE).is_file()
    if one and several and path == take:
        found = f"{RESULT} and {PEOPLE} in {take}"
        raise InputError("the results of one run", found, f"write {take / RESULT} or {take / PEOPLE}")
    if path.name == RESULT or not several:
        people = [] if one else sorted(p.parent for p in take.glob(f"person_*/{RESULT}"))
        if people:
            found = f"none, but {len(people)} people such as {people[0]}"
            raise InputError(f"{RESULT} or {PEOPLE} in {take}", found, f"write {people[0]}")
        return [take]
    paths = read_results(take).paths
    if not paths:
        raise InputError(
            f"somebody with a result.npz in {take}", "nobody", f"see the status in {take / PEOPLE}"
        )
    return [p.parent for p in paths]


def open_runs(folder: str | Path, body: str = "") -> list[Run]:
    """Open the run of one person, or those of all people of a take who have a body in some frame.

    Args:
        folder: As for `run_folders`.
        body: As for `open_run`.

    Raises:
        InputError: as for `open_run`, nobody has a body, or the folders of people were exchanged.
    """
    runs = [open_run(path, body) for path in run_folders(folder)]
    _check_whose(runs, folder)
    there: list[Run] = []
    empty: list[Run] = []
    for run in runs:
        (there if run.result.has_body.any() else empty).append(run)
    if not there:
        found = ", ".join(f"none of {len(run.result.frame_ids)} in {run.folder}" for run in runs[:5])
        raise InputError("at least one frame with a body", found, "look at the frames' status")
    for run in empty:
        log.warning("left out, since no frame has a body: %s", run.folder)
    for run in there[1:]:
        if differs := there[0].unlike(run):
            log.warning("%s and %s are not of one run: %s", there[0].folder, run.folder, differs)
    return there


def _check_whose(runs: list[Run], folder: str | Path) -> None:
    """InputError where the folder of a person has somebody else's result; a warning where it is of another take."""
    for run in runs:
        named, held = id_of_folder(run.name), run.person.get("id")
        if named is not None and held not in (None, named):
            raise InputError(
                f"the result of person {named} in {run.folder}",
                f"that of person {held}",
                f"name the folder {folder_name(held)} again, or {folder_name(named)} something else to open it alone",
            )
    take = take_folder(folder)
    listed = read_results(take).take if (take / PEOPLE).is_file() and take != runs[0].folder else ""
    for run in runs:
        if listed and run.person.get("take", listed) != listed:
            log.warning("%s is of another run than %s", run.folder, take / PEOPLE)
