"""Which files a run will write."""

from __future__ import annotations

from collections.abc import Sequence

from diffproxy.pipeline.config import FitOptions


def keeps_proxies(options: FitOptions) -> bool:
    """Whether the run writes its proxies, because it is told to or reads them again."""
    return not options.proxies and (options.save.proxies or options.shape == "shared")


def planned_files(frame_ids: Sequence[int], cameras: Sequence[str], options: FitOptions) -> list[str]:
    """What a run of these frames may write, relative to its folder; a name that ends with / is a folder of proxies."""
    together = options.shape == "shared"
    out = ["config.yaml", "result.npz", "metrics.json", "drawn.json"]
    out += ["sequence.json"] if together else []
    out += ["report.html"] if options.save.report else []
    out += ["viewer.html"] if options.save.viewer else []
    for name in (f"{k:06d}" for k in frame_ids):
        out += [f"frames/{name}.npz"] + ([f"frames_shared/{name}.npz"] if together else [])
        if keeps_proxies(options):
            out.append(f"proxies/{name}/")
        if options.save.mesh != "none":
            out.append(f"mesh/{name}.{options.save.mesh}")
        if options.save.overlay and not options.proxies:
            out += [f"overlay/{camera}/{name}.jpg" for camera in cameras]
    if options.save.overlay_video and not options.proxies:
        out += [f"video/{camera}.mp4" for camera in cameras]
    return out
