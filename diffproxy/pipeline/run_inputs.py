"""Digests of what a run reads: results stay in use only as long as their inputs are the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffproxy.cameras import RigFrames
from diffproxy.pipeline.config import FitOptions
from diffproxy.pipeline.results import FrameResult
from diffproxy.utils.digests import path_digest
from diffproxy.utils.errors import InputError

INDEX = "model_index.json"  # of a generator: it holds the SHA-256 of every file, which loading checks


def shared_inputs(options: FitOptions) -> dict[str, str]:
    """Digests of the files that all frames depend on, by option; what is no file is left out."""
    weights = Path(options.generator.weights)
    files: dict[str, Path | str] = {"body": options.body.path, "prior": options.prior}
    if not options.proxies:
        files |= {"boxes": options.boxes, "generator": weights / INDEX}
        files |= {f"generator.{part}": folder for part, folder in options.generator.sources.items()}
    files |= {k: v for k, v in (("keypoints", options.keypoints), ("predictions", options.predictions)) if v}
    found = {name: path_digest(Path(path).expanduser()) for name, path in files.items()}
    return {name: digest for name, digest in found.items() if digest}


def frame_inputs(frames: RigFrames, frame_id: int, masks: str) -> dict[str, str]:
    """Digests of the files of one frame: the images, or videos, of all cameras, and the masks."""
    out = {f"image {name}": path_digest(path) for name, path in frames.files(frame_id).items()}
    if masks:
        for name, number in frames.file_numbers(frame_id).items():
            found = [p for p in (Path(masks) / name).glob(f"*{number}.[pP][nN][gG]") if p.stem.isdigit()]
            out |= {f"mask {name}": path_digest(p) for p in found if int(p.stem) == number}
    return out


def input_paths(options: FitOptions, frames: RigFrames | None) -> list[Path]:
    """Files and folders that must not be removed while a run reads them."""
    named = [options.boxes, options.masks, options.keypoints, options.proxies, options.prior]
    named += [options.predictions, options.rig.calibration]
    paths = [Path(p).expanduser() for p in (*named, options.body.path) if p]
    paths.append(Path(options.generator.weights).expanduser() / INDEX)
    if frames is not None:
        root = frames.rig.root
        names = ("images", "videos", options.rig.images or "images", "ground_truth.npz", "rig.json")
        paths += [root / name for name in names] if root is not None else []
    return [p for p in paths if p.exists()]


def check_unchanged(record: FrameResult, now: Mapping[str, str], out: Path) -> bool:
    """Whether a finished frame was computed from these inputs.

    A frame with images that could not be read is computed again after a repair; any other change is an InputError.
    """
    before: dict[str, Any] = record.info.get("inputs", {})
    changed = sorted(k for k in {*before, *now} if before.get(k) != now.get(k))
    if changed and not record.info.get("unreadable"):
        raise InputError(
            f"the files that the results in {out} were computed from",
            f"frame {record.frame_id}: {', '.join(changed[:5])} changed since",
            "add overwrite=true to start again, or choose another out=DIR",
        )
    return not changed
