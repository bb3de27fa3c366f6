"""BLADE's table from the errors of single pictures, with the published rows, the same by distance, and best views."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from diffproxy.evaluation.single_view_errors import DISTANCE_NAMES, distance_name

COLUMNS = {
    "tz_m": ("Tz, m", 1.0, 3), "inv_tz": ("1/Tz", 1.0, 3), "xy_m": ("Txy, m", 1.0, 3), "f_percent": ("f, %", 1.0, 1),
    "pa_mpjpe": ("PA-MPJPE", 1.0, 1), "ra_mpjpe": ("MPJPE", 1.0, 1), "ra_mpvpe": ("PVE", 1.0, 1),
    "miou": ("mIoU", 100.0, 1), "pmiou": ("P-mIoU", 100.0, 1),
}  # fmt: skip
"""Of BLADE's table: heading, factor and decimals of each error."""
PUBLISHED = {
    "spec_mtp": {
        "TokenHMR (published)": (0.909, 0.436, 0.095, 112.1, 64.2, 107.1, 124.3, 49.8, 19.0),
        "BLADE (published)": (0.127, 0.112, 0.044, 15.9, 56.7, 94.1, 99.6, 69.9, 41.5),
    },
    "humman": {
        "TokenHMR (published)": (2.599, 0.307, 0.044, 41.6, 46.4, 72.2, 82.0, 60.9, 31.1),
        "BLADE (published)": (0.187, 0.058, 0.056, 8.3, 23.8, 41.1, 52.3, 70.6, 38.2),
    },
    "pdhuman": {
        "TokenHMR (published)": (2.280, 1.034, 0.068, 55.0, 92.1, 141.5, 156.7, 53.0, 27.8),
        "BLADE (published)": (0.107, 0.178, 0.049, 22.3, 61.4, 90.1, 102.6, 65.2, 41.4),
    },
}
"""From the README of github.com/NVlabs/blade ("In Paper")."""


def summaries(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Means over all pictures with a body, and over each range of distances."""
    groups = {"all": rows} | {
        name: [r for r in rows if distance_name(r["depth_m"]) == name] for name in DISTANCE_NAMES
    }
    out = {}
    for name, members in groups.items():
        fitted = [r for r in members if "tz_m" in r]
        names = [*COLUMNS, "tz_percent", "tz_signed_percent", "f_signed_percent", "mpjpe"]
        means = {
            k: float(np.mean([r[k] for r in fitted if k in r])) for k in names if any(k in r for r in fitted)
        }
        out[name] = {"pictures": len(members), "with_body": len(fitted), **means}
    return out


def of_views(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Means of instants that several cameras show, each by itself: all views, and the best ones by the true body.

    Args:
        rows: Of all pictures, with the instant (`subject`) of each; the last part of a key is the camera.

    Returns:
        `all_views`; `best_view`: of each instant the picture with the least MPJPE after aligning the root;
        `best_camera`: the one camera with the least mean of it, and its `camera`. Nothing without several cameras.
    """
    several = [r for r in rows if r["of"] > 1]
    if not several:
        return {}
    instants, cameras = defaultdict(list), defaultdict(list)
    for row in several:
        instants[row["subject"]].append(row)
        cameras[row["key"].rsplit("/", 1)[1]].append(row)
    best = [min(members, key=lambda r: r.get("ra_mpjpe", np.inf)) for members in instants.values()]
    mean = {name: summaries(members)["all"].get("ra_mpjpe", np.inf) for name, members in cameras.items()}
    camera = min(mean, key=lambda name: mean[name])
    groups = {"all_views": several, "best_view": best, "best_camera": cameras[camera]}
    out: dict[str, dict[str, Any]] = {name: summaries(members)["all"] for name, members in groups.items()}
    out["best_camera"]["camera"] = camera
    return out


def markdown_of_views(summary: dict[str, dict[str, Any]]) -> str:
    """The table of `of_views`; empty where there is nothing in it."""
    if not summary:
        return ""
    heads = " | ".join(head for head, _, _ in COLUMNS.values())
    names = {"all_views": "mean of all views", "best_view": "best view of each instant"}
    names["best_camera"] = f"best camera, {summary['best_camera']['camera']}"
    lines = [f"| several views | {heads} |", "|---" * (len(COLUMNS) + 1) + "|"]
    lines += [f"| {text}, {_count(summary[k])} | {_cells(summary[k])} |" for k, text in names.items()]
    return "\n" + "\n".join(lines) + "\n"


def markdown(summary: dict[str, dict[str, float]], dataset: str) -> str:
    """BLADE's table with the published rows, and ours by distance with the sign of Tz."""
    heads = " | ".join(head for head, _, _ in COLUMNS.values())
    lines = [f"| {dataset} | {heads} |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, values in PUBLISHED.get(dataset, {}).items():
        cells = [f"{v:.{n}f}" for v, (_, _, n) in zip(values, COLUMNS.values(), strict=True)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines.append(f"| ours, {_count(summary['all'])} | {_cells(summary['all'])} |")
    lines += ["", f"| distance | pictures | Tz with sign, % | {heads} |", "|---" * (len(COLUMNS) + 3) + "|"]
    for name in DISTANCE_NAMES:
        means = summary[name]
        if means["pictures"]:
            sign = f"{means['tz_signed_percent']:+.1f}" if "tz_signed_percent" in means else "-"
            lines.append(f"| {name} | {_count(means)} | {sign} | {_cells(means)} |")
    return "\n".join(lines) + "\n"


def _count(means: dict[str, float]) -> str:
    return f"{means['with_body']} of {means['pictures']} pictures"


def _cells(means: dict[str, float]) -> str:
    return " | ".join(f"{means[k] * f:.{n}f}" if k in means else "-" for k, (_, f, n) in COLUMNS.items())
