"""`open_frames`: the images or videos of a rig folder, one source a camera, with the same frame numbers."""

from __future__ import annotations

from pathlib import Path

from diffproxy.cameras.find_sources import find_sources
from diffproxy.cameras.frame_matching import FrameMatching, check_camera_names, match_sources
from diffproxy.cameras.frames import RigFrames
from diffproxy.cameras.image_sources import Source, Video, open_source
from diffproxy.cameras.io import load_rig
from diffproxy.cameras.rig import Rig
from diffproxy.cameras.source_names import sources_of_cameras
from diffproxy.cameras.time_stamps import frame_times
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError


@checked
def open_frames(
    path: Path | str,
    rig: Rig | None = None,
    *,
    common_frames: bool = False,
    matching: FrameMatching | None = None,
    images: str = "",
) -> RigFrames:
    """Open the images or videos of a rig folder: `images/<cam>/*`, `images/<cam>.jpg` or `videos/<cam>.*`.

    Args:
        path: Rig folder.
        rig: The calibration; by default the one in the folder.
        common_frames: Use the frame numbers that all cameras share; otherwise they must have the same ones.
        matching: How the frames of cameras that are out of step are put together; frames that not all cameras have are
            then left out.
        images: Folder with the images or videos, if it is neither images/ nor videos/; relative to the rig folder.

    Returns:
        The images, with a camera for each.

    Raises:
        InputError: missing cameras or images, different frame numbers, sizes that cannot be matched.
    """
    root = Path(path)
    if not root.exists():
        raise InputError("a rig folder", f"{root}, which does not exist", "check the path")
    rig = load_rig(root) if rig is None else rig
    root = root if root.is_dir() else root.parent
    found = find_sources(root, images)
    matching = matching or FrameMatching()
    check_camera_names(matching, sorted({c.name for c in rig.cameras} | {*rig.left_out} | {*found}))
    found, notes = sources_of_cameras(rig, found, root)
    sources = [open_source(found[c.name]) for c in rig.cameras]
    if matching.match == "number":
        _check_rates(rig, sources)
    if not matching.is_plain:
        named = {c.name: source for c, source in zip(rig.cameras, sources, strict=True)}
        times = frame_times(root, named) if matching.match == "time" else {}
        matched, more = match_sources(named, matching, times)
        notes += more
        sources, common_frames = list(matched.values()), True
    return RigFrames(rig, sources, _common_ids(rig, sources, common_frames), notes)


def _check_rates(rig: Rig, sources: list[Source]) -> None:
    """InputError for videos of different frame rates: equal frame numbers are then different moments."""
    rates = {
        c.name: (s.fps, s.path)
        for c, s in zip(rig.cameras, sources, strict=True)
        if isinstance(s, Video) and 0 < s.fps < 1e4
    }
    values = [rate for rate, _ in rates.values()]
    if not values or max(values) <= min(values) * 1.005:
        return
    low = min(values)
    fast = next(path for rate, path in rates.values() if rate > low * 1.005)
    raise InputError(
        "videos of one frame rate",
        ", ".join(f"{name}: {rate:.4g} a second" for name, (rate, _) in rates.items()),
        "if they start together, match them by time (fit): rig.match=time; else bring them to one rate: "
        f"ffmpeg -i {fast} -vf fps={low:.6g} -crf 16 {fast.stem}_{low:.0f}.mp4 "
        f"(likewise the others), and use these in place of the originals",
    )


def _common_ids(rig: Rig, sources: list[Source], common_frames: bool) -> list[int]:
    shared = set(sources[0].frame_ids).intersection(*(s.frame_ids for s in sources[1:]))
    unequal = any(set(s.frame_ids) != shared for s in sources)
    counts = ", ".join(
        f"{c.name}: {len(s.frame_ids)} ({s.frame_ids[0]}..{s.frame_ids[-1]})"
        for c, s in zip(rig.cameras, sources, strict=True)
    )
    if not shared:
        raise InputError(
            "frame numbers that all cameras share", counts, "rename the images to common numbers"
        )
    if unequal and not common_frames:
        raise InputError(
            "the same frame numbers for every camera",
            counts,
            f"if the cameras start together, use the {len(shared)} common frames (fit): common_frames=true; "
            "otherwise cut the recordings to the same moments first",
        )
    return sorted(shared)
