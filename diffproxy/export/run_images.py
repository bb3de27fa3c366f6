"""The rig of a finished run, with its images where they are still there."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from diffproxy.cameras import Camera, Rig, RigFrames, frame_matching, load_rig, open_frames
from diffproxy.cameras.image_sources import SingleImage, Video
from diffproxy.cameras.rig import cameras_digest
from diffproxy.export.run import RESULT, Run
from diffproxy.export.run_pictures import changed_pictures
from diffproxy.utils.errors import InputError
from diffproxy.utils.image_suffixes import VIDEOS

log = logging.getLogger(__name__)


def open_images(run: Run, root: Path) -> RigFrames | None:
    """The images in the chosen views; None for a run of saved proxies, or where they have gone.

    Args:
        run: The run.
        root: Folder in which the paths of presets start.
    """
    if picture := run.options.get("picture"):
        return _open_picture(run, picture)
    rig = run.options.get("rig") or {}
    if run.options.get("proxies") or not rig.get("path"):
        return None
    given = Path(rig["path"]).expanduser()
    folder = given if given.exists() or given.is_absolute() else root / given
    folder = folder / str(rig.get("prepare") or "")  # the demo that was fetched into it
    if not folder.exists():
        return None
    calibration = load_rig(folder, rig.get("calibration") or None)
    names = [n.strip() for n in str(run.options.get("views", "all")).split(",") if n.strip()]
    if names not in ([], ["all"]):
        calibration = calibration.subset(names)
    matching = frame_matching(rig.get("offsets", ""), rig.get("match", "number"), rig.get("rotate", ""))
    common = bool(run.options.get("common_frames"))
    images = rig.get("images", "")
    frames = open_frames(folder, calibration, common_frames=common, matching=matching, images=images)
    if run.settings.get("cameras") not in (None, cameras_digest(frames.cameras)):
        log.warning("%s: the cameras of %s have changed since this run", run.folder, folder)
    return frames


def images_or_none(run: Run, root: Path) -> RigFrames | None:
    """`open_images`; where they cannot be read, None and a warning."""
    try:
        frames = open_images(run, root)
    except InputError as error:
        log.warning("without cameras and pictures: expected %s, found %s", error.expected, error.found)
        return None
    if frames is None:
        log.warning("without cameras and pictures: those of this run are not there")
        return None
    say_changed_pictures(run, frames)
    return frames


def say_changed_pictures(run: Run, frames: RigFrames) -> None:
    """A warning where pictures are no longer those that this run was made of: the bodies belong to others."""
    known = run.result.meta.get("pictures") or {}
    ended = (run.folder / RESULT).stat().st_mtime
    changed, looked_at = changed_pictures(known, run.result.frame_ids.tolist(), frames, ended)
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        log.warning(
            "%s: pictures have changed since this run: %s%s (%d of %d frames looked at); "
            "fit them with overwrite=true, or put the earlier ones back",
            run.folder, ", ".join(changed[:3]), more, looked_at, len(run.result.frame_ids),
        )  # fmt: skip


def _open_picture(run: Run, picture: dict[str, Any]) -> RigFrames | None:
    """The picture or video of one camera; None where it has gone."""
    path = Path(picture["path"])
    if not path.is_file():
        return None
    camera = Camera.from_json(picture["camera"])
    source = Video(path) if path.suffix.lower() in VIDEOS else SingleImage(path)
    return RigFrames(Rig(path.name, (camera,), str(run.result.meta["up_axis"])), [source], source.frame_ids)
