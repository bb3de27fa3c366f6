"""A finished run of one person, opened from its folder: bodies, body model and options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffproxy.body import BodyModel, load_body
from diffproxy.export.motion import BodyMotion
from diffproxy.export.result import Result, load_result
from diffproxy.export.result_motion import motion_of_result
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.people_file import PEOPLE

RESULT = "result.npz"
OWN_OPTIONS = ("out", "frames", "save", "overwrite", "device", "jobs", "share", "rig", "rig_check")
"""Options in which the runs of people of one take may differ. The rig is told by its cameras."""


@checked
@dataclass(frozen=True)
class Run:
    """What `fit.py` left in a folder.

    Args:
        folder: The folder.
        result: Content of `result.npz`.
        body: The body model that was fitted.
        options: The options of the run.
    """

    folder: Path
    result: Result
    body: BodyModel
    options: dict[str, Any]

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    @property
    def frame_rate(self) -> float:
        """Frames per second of the frame numbers, as the option `fps` of the run says."""
        return float(self.options.get("fps", 30.0))

    def motion(self, frame_rate: float = 0.0, fps: float = 0.0) -> BodyMotion:
        """The bodies, evenly spaced; see `motion_of_result`. `frame_rate` 0 is that of the run."""
        return motion_of_result(self.result, self.body, frame_rate or self.frame_rate, fps, self.name)

    @property
    def person(self) -> Mapping[str, Any]:
        """Whose result it is: `id` and `take`, the stamp of the take's `people.json`; empty for one person alone."""
        return self.result.meta.get("person") or {}

    @property
    def settings(self) -> dict[str, Any]:
        """What the bodies depend on, such as the digest of the cameras."""
        return dict(self.result.meta.get("settings") or {})

    def unlike(self, other: Run) -> str:
        """In what this run and another one differ that people of one take have in common; "" where in nothing."""
        mine, others = self._common, other._common
        both = {name: f"{mine.get(name)} and {others.get(name)}" for name in {**mine, **others}}
        return ", ".join(f"{k} {text[:60]}" for k, text in both.items() if mine.get(k) != others.get(k))

    @property
    def _common(self) -> dict[str, Any]:
        """What people of one take have in common."""
        options = {k: v for k, v in self.options.items() if k not in OWN_OPTIONS}
        named = {k: self.result.meta.get(k) for k in ("up_axis", "rig")}
        return {**options, **named, "cameras": self.settings.get("cameras")}


@checked
def open_run(folder: str | Path, body: str = "") -> Run:
    """Open the folder of a run.

    Args:
        folder: What `fit.py` was given as `out`, or the `result.npz` in it.
        body: Body file to use instead of the one that the run names, such as one that has been moved.

    Returns:
        The run.

    Raises:
        InputError: no result, or a body model of another topology than the run's.
    """
    path = take_folder(folder)
    result = load_result(path / RESULT)
    options = dict(result.meta.get("options") or {})
    named = options.get("body") or {}
    model = load_body(body or named.get("path", "anny"), allow_pickle=bool(named.get("allow_pickle")))
    expected = (result.meta.get("body") or {}).get("topology", model.topology_id)
    if model.topology_id != expected:
        raise InputError(
            f"the body model of the run, topology {expected}", f"{model.name}, topology {model.topology_id}",
            "name its file: body=FILE",
        )  # fmt: skip
    return Run(path, result, model, options)


def take_folder(folder: str | Path) -> Path:
    """The folder that `fit.py` was given as `out`, from it or from the `result.npz` or `people.json` in it."""
    path = Path(folder).expanduser()
    return path.parent if path.name in (RESULT, PEOPLE) else path
