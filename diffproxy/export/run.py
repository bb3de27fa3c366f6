"""A finished run, opened from its folder: bodies, body model, and the rig with its images where it is still there."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffproxy.body import BodyModel, load_body
from diffproxy.cameras import Camera, Rig, RigFrames, frame_matching, load_rig, open_frames
from diffproxy.cameras.image_sources import SingleImage, Video
from diffproxy.cameras.rig import cameras_digest
from diffproxy.export.motion import BodyMotion, motion_of_result
from diffproxy.export.result import Result, load_result
from diffproxy.export.run_pictures import changed_pictures
from diffproxy.utils.errors import InputError
from diffproxy.utils.image_suffixes import VIDEOS
from diffproxy.utils.people_file import PEOPLE, folder_name, id_of_folder, read_results

log = logging.getLogger(__name__)
RESULT = "result.npz"
OWN_OPTIONS = ("out", "frames", "save", "overwrite", "device", "jobs", "share", "rig", "rig_check")
"""Options in which the runs of people of one take may differ. The rig is told by its cameras."""


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

    def open_images(self, root: Path) -> RigFrames | None:
        """The images in the chosen views; None for a run of saved proxies, or where they have gone.

        Args:
            root: Folder in which the paths of presets start.
        """
        if picture := self.options.get("picture"):
            return self._open_picture(picture)
        rig = self.options.get("rig") or {}
        if self.options.get("proxies") or not rig.get("path"):
            return None
        given = Path(rig["path"]).expanduser()
        folder = given if given.exists() or given.is_absolute() else root / given
        folder = folder / str(rig.get("prepare") or "")  # the demo that was fetched into it
        if not folder.exists():
            return None
        calibration = load_rig(folder, rig.get("calibration") or None)
        names = [n.strip() for n in str(self.options.get("views", "all")).split(",") if n.strip()]
        if names not in ([], ["all"]):
            calibration = calibration.subset(names)
        matching = frame_matching(rig.get("offsets", ""), rig.get("match", "number"), rig.get("rotate", ""))
        common = bool(self.options.get("common_frames"))
        images = rig.get("images", "")
        frames = open_frames(folder, calibration, common_frames=common, matching=matching, images=images)
        if self._settings.get("cameras") not in (None, cameras_digest(frames.cameras)):
            log.warning("%s: the cameras of %s have changed since this run", self.folder, folder)
        return frames

    def images_or_none(self, root: Path) -> RigFrames | None:
        """`open_images`; where they cannot be read, None and a warning."""
        try:
            frames = self.open_images(root)
        except InputError as error:
            log.warning("without cameras and pictures: expected %s, found %s", error.expected, error.found)
            return None
        if frames is None:
            log.warning("without cameras and pictures: those of this run are not there")
            return None
        self.say_changed_pictures(frames)
        return frames

    def say_changed_pictures(self, frames: RigFrames) -> None:
        """A warning where pictures are no longer those that this run was made of: the bodies belong to others."""
        known = self.result.meta.get("pictures") or {}
        changed, looked_at = changed_pictures(known, self.result.frame_ids.tolist(), frames)
        if changed:
            more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
            log.warning(
                "%s: pictures have changed since this run: %s%s (%d of %d frames looked at); "
                "fit them with overwrite=true, or put the earlier ones back",
                self.folder, ", ".join(changed[:3]), more, looked_at, len(self.result.frame_ids),
            )  # fmt: skip

    @property
    def person(self) -> Mapping[str, Any]:
        """Whose result it is: `id` and `take`, the stamp of the take's `people.json`; empty for one person alone."""
        return self.result.meta.get("person") or {}

    @property
    def _settings(self) -> dict[str, Any]:
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
        return {**options, **named, "cameras": self._settings.get("cameras")}

    def _open_picture(self, picture: dict[str, Any]) -> RigFrames | None:
        """The picture or video of one camera; None where it has gone."""
        path = Path(picture["path"])
        if not path.is_file():
            return None
        camera = Camera.from_json(picture["camera"])
        source = Video(path) if path.suffix.lower() in VIDEOS else SingleImage(path)
        return RigFrames(
            Rig(path.name, (camera,), str(self.result.meta["up_axis"])), [source], source.frame_ids
        )


def take_folder(folder: str | Path) -> Path:
    """The folder that `fit.py` was given as `out`, from it or from the `result.npz` or `people.json` in it."""
    path = Path(folder).expanduser()
    return path.parent if path.name in (RESULT, PEOPLE) else path


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
