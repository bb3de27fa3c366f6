"""What `diffproxy demo` prints: the error against the truth, and which file to look at first."""

from __future__ import annotations

from pathlib import Path

from diffproxy.utils.bounded_text import read_json

FILES = (
    ("report.html", "pictures, numbers and plots; begin here"),
    ("viewer.html", "the body between the cameras, in the browser"),
    ("overlay", "the body over every picture"),
    ("mesh", "the body as GLB, for Blender and other viewers"),
    ("result.npz", "parameters, joints and their deviations, for numpy"),
)
ERRORS = {
    "mpjpe_mm": "mean error of the 22 body joints in the world (MPJPE)",
    "pa_mpjpe_mm": "the same after a similarity transform (PA-MPJPE)",
    "mpvpe_mm": "mean error of the vertices in the world (MPVPE)",
}


def demo_summary(out: Path) -> str:
    """The text for the run in `out`."""
    metrics = read_json(out / "metrics.json", "metrics of a run")
    status = ", ".join(f"{n} {name}" for name, n in metrics["status"].items())
    lines = [
        "",
        f"Four rendered views of a person whose true body is known; {metrics['frames']} frame: {status}.",
    ]
    truth = metrics.get("ground_truth") or {}
    lines += [f"  {truth[key]:6.1f} mm  {text}" for key, text in ERRORS.items() if key in truth]
    lines += ["", "Look at:"]
    lines += [f"  {out / name!s:<28}{text}" for name, text in FILES if (out / name).exists()]
    lines += [
        "",
        "Next, with your own cameras (docs/rigs.md):",
        "  diffproxy check-rig FOLDER",
        "  diffproxy fit rig=FOLDER",
        "",
    ]
    return "\n".join(lines)
