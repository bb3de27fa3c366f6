"""A finished run, opened from its folder: bodies, body model, and the rig with its images where it is still there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffproxy.body import BodyModel, load_body
from diffproxy.cameras import Camera, Rig, RigFrames, frame_matching, load_rig, open_frames
from diffproxy.cameras.image_sources import SingleImage, Video
from diffproxy.export.motion import BodyMotion, motion_of_result
from diffproxy.export.result import Result, load_result
from diffproxy.utils.errors import InputError
from diffproxy.utils.image_suffixes import VIDEOS
from diffproxy.utils.people_file import PEOPLE, read_result_paths


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
        return open_frames(folder, calibration, common_frames=common, matching=matching, images=images)

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


def run_folders(folder: str | Path) -> list[Path]:
    """The runs in a folder: itself, or those of the people in its `people.json`, in the order of their ids."""
    path = Path(folder).expanduser()
    if path.name == "result.npz" or (path / "result.npz").is_file():
        return [path]
    if not (path / PEOPLE).is_file():
        return [path]
    paths = read_result_paths(path)
    if not paths:
        raise InputError(
            f"somebody with a result.npz in {path}", "nobody", f"see the status in {path / PEOPLE}"
        )
    return [p.parent for p in paths]


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
    path = Path(folder).expanduser()
    path = path.parent if path.name == "result.npz" else path
    result = load_result(path / "result.npz")
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
