"""Accuracy, stated deviations and time of the fitter: exact and corrupted proxies, views, solvers, priors, baselines.

    python benchmarks/fit.py                                          # the whole table, 20 subjects a row
    python benchmarks/fit.py cases=exact:4,legs:4 subjects=200        # some rows
    python benchmarks/fit.py cases=exact:4 hands=1 methods=lm,adam priors=gaussian,none
    python benchmarks/fit.py calibration=1 cases=pixels:4,uv:4 subjects=50

cases: NOISE:VIEWS, noise as listed in `fit_scenes.NOISE` (`exact` is `none`). methods: lm, adam, paper (the settings of
`preset=paper`), sparse (triangulated joints with 3 px of detector noise, then a body), smplfitter (the package, on
triangulated vertices). Other options: first=N, size=256, hands=0|1, batch=1, threads=N, out=FILE (JSON with every
subject).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fit_baselines import detected, smplfitter_fit, sparse_fit
from fit_scenes import NOISE, Scene, corrupt, make_scene
from rich.console import Console
from rich.table import Table
from script_words import read_words
from tqdm import tqdm

from diffproxy.body import BodyModel, BodyParams, load_body
from diffproxy.commands import fit_command
from diffproxy.fitting import FitConfig, FitResult, fit, fit_many
from diffproxy.pipeline.take import fit_config
from diffproxy.proxies import ProxyMaps

WORDS = [
    "batch",
    "calibration",
    "cases",
    "first",
    "hands",
    "methods",
    "out",
    "priors",
    "size",
    "subjects",
    "threads",
]

CASES = "exact:1,exact:2,exact:3,exact:4,exact:8,uv:4,bad:4,parts:4,severe:4,legs:4,legs3:4,nohands:4,occluded:4,bad:2"
COLUMNS = (
    *(
        "proxies",
        "views",
        "method",
        "prior",
        "MPVPE mm",
        "p90",
        "worst",
        "pelvis-aligned",
        "MPJPE",
        "fingers",
    ),
    *("limbs off", "CPU s", "status"),
)
LEVELS = (0.5, 1.0, 1.5, 2.0, 3.0)
"""Multiples of the stated standard deviation at which coverage is counted."""
NORMAL = (0.383, 0.683, 0.866, 0.954, 0.997)
FLIPPED = 0.2
"""Metres; a body joint farther off than this is a limb in the wrong place."""


def errors(body: BodyModel, scene: Scene, params: BodyParams) -> dict[str, float]:
    """Millimetres: vertices, 22 body joints, worst of them, fingers; the first with the pelvis laid on the true one."""
    with torch.no_grad():
        posed = body(params)
    vertices, joints = posed.vertices[0].numpy(), posed.joints[0].numpy()
    off = 1000 * np.linalg.norm(joints - scene.joints, axis=-1)
    shift = scene.joints[0] - joints[0]
    return {
        "mpvpe": 1000 * float(np.linalg.norm(vertices - scene.vertices, axis=-1).mean()),
        "mpvpe_pelvis": 1000 * float(np.linalg.norm(vertices + shift - scene.vertices, axis=-1).mean()),
        "mpjpe": float(off[:22].mean()),
        "worst_joint": float(off[:22].max()),
        "hands": float(off[25:].mean()),
    }


def run_method(method: str, body: BodyModel, scene: Scene, maps: ProxyMaps, config: FitConfig) -> Any:
    """A FitResult, or the parameters of a baseline, or None where it has no answer."""
    if method == "sparse":
        pixels = detected(scene.joints, maps, 3.0, np.random.default_rng(scene.number))
        return sparse_fit(body, maps, pixels)
    if method == "smplfitter":
        return smplfitter_fit(body, maps)
    return fit(maps, body, config)


def paper_config() -> FitConfig:
    """The settings of `preset=paper`."""
    options = fit_command().compose(["preset=paper"])
    return fit_config(options.solver, options.hands, options.prior)


def run_case(body: BodyModel, noise: str, views: int, method: str, prior: str, options: dict) -> list[dict]:
    config = (
        paper_config()
        if method == "paper"
        else FitConfig(solver="adam" if method == "adam" else "lm", prior=prior)
    )
    first, subjects = int(options.get("first", 0)), int(options.get("subjects", 20))
    hands, size = options.get("hands", "0") == "1", int(options.get("size", 256))
    rows = []
    for k in tqdm(range(first, first + subjects), desc=f"{noise}:{views} {method} {prior}", disable=None):
        scene = make_scene(body, k, views, size, hands)
        maps = corrupt(scene, body, noise, np.random.default_rng([k, 1]))
        if not rows:
            run_method(method, body, scene, maps, config)  # warm up
        began, cpu = time.perf_counter(), time.process_time()
        found = run_method(method, body, scene, maps, config)
        row = {"subject": k, "seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
        if isinstance(found, FitResult):
            row |= errors(body, scene, found.params) | {
                "status": found.status,
                "reason": found.reason,
                "sigma_mm": 1000 * found.sigma,
                "inlier_ratio": found.inlier_ratio,
                "robust_loss": found.robust_loss,
                "flip_ratio": found.flip_ratio,
                "odd": oddest(found.view_residuals[:views]),
                "warning": found.warning,
                "timings": found.timings,
                "joint_off": np.linalg.norm(found.joints - scene.joints, axis=-1)[:22].tolist(),
                "joint_std": found.joint_std[:22].tolist(),
            }
        elif found is None:
            row |= {"status": "none"}
        else:
            row |= errors(body, scene, found) | {"status": "ok"}
        rows.append(row)
    return rows


def oddest(residuals: tuple[float, ...]) -> tuple[float, float]:
    """Of the view that misses the body most: by how much (mm), and how many times the median of the others."""
    v = int(np.argmax(np.nan_to_num(residuals)))
    others = float(np.nanmedian([*residuals[:v], *residuals[v + 1 :], np.nan]))
    return 1000 * residuals[v], residuals[v] / max(others, 1e-6)


def summary(rows: list[dict]) -> dict[str, Any]:
    """One line of the table; millimetres, seconds."""
    done = [r for r in rows if "mpvpe" in r]
    counts = {s: sum(r["status"] == s for r in rows) for s in dict.fromkeys(r["status"] for r in rows)}
    if not done:
        return {"status": counts}
    keys = ("mpvpe", "mpvpe_pelvis", "mpjpe", "worst_joint", "hands", "cpu", "seconds")
    value = {k: np.array([r[k] for r in done]) for k in keys}
    return {
        "mpvpe": float(np.median(value["mpvpe"])),
        "p90": float(np.quantile(value["mpvpe"], 0.9)),
        "worst": float(value["mpvpe"].max()),
        "pelvis": float(np.median(value["mpvpe_pelvis"])),
        "mpjpe": float(np.median(value["mpjpe"])),
        "hands": float(np.median(value["hands"])),
        "flipped": int((value["worst_joint"] > 1000 * FLIPPED).sum()),
        "cpu": float(np.median(value["cpu"])),
        "seconds": float(np.median(value["seconds"])),
        "status": counts,
    }


def cells(line: dict[str, Any]) -> list[str]:
    """A summary as text, in the order of `COLUMNS`."""
    keys = ("mpvpe", "p90", "worst", "pelvis", "mpjpe", "hands")
    numbers = [f"{line[k]:.2f}" if k in line else "-" for k in keys]
    status = ", ".join(f"{n} {s}" for s, n in line["status"].items())
    return [*numbers, str(line.get("flipped", "-")), f"{line.get('cpu', float('nan')):.2f}", status]


def calibration(rows: list[dict]) -> list[float]:
    """Share of body joints whose error is below each of `LEVELS` times the stated deviation."""
    off = np.array([r["joint_off"] for r in rows])
    std = np.array([r["joint_std"] for r in rows])
    return [float((off <= level * std).mean()) for level in LEVELS]


def batch_speed(body: BodyModel, count: int, options: dict) -> dict[str, float]:
    """CPU seconds per subject of `count` subjects as one batch and one by one."""
    size = int(options.get("size", 256))
    maps = [make_scene(body, k, 4, size, False).maps for k in range(count)]
    fit(maps[0], body)
    began = time.process_time()
    for m in maps:
        fit(m, body)
    single = time.process_time() - began
    began = time.process_time()
    fit_many(maps, body)
    return {"count": count, "single": single / count, "batch": (time.process_time() - began) / count}


def main(options: dict[str, str]) -> None:
    torch.set_num_threads(int(options.get("threads", torch.get_num_threads())))
    body, console = load_body("anny"), Console(width=150)
    methods, priors = options.get("methods", "lm").split(","), options.get("priors", "gaussian").split(",")
    table = Table(*COLUMNS)
    report: dict[str, Any] = {"options": options, "noise": NOISE, "cases": []}
    curves = Table("proxies", "views", *(f"within {level} sigma" for level in LEVELS))
    curves.add_row("(normal)", "", *(f"{share:.0%}" for share in NORMAL))
    for case in options.get("cases", CASES).split(","):
        name, _, views = case.partition(":")
        noise = "none" if name == "exact" else name
        for method, prior in [(m, p) for m in methods for p in (priors if m in ("lm", "adam") else ["-"])]:
            rows = run_case(body, noise, int(views or 4), method, prior, options)
            line = summary(rows)
            about = {"case": case, "method": method, "prior": prior}
            report["cases"].append(about | {"summary": line, "rows": rows})
            table.add_row(name, views, method, prior, *cells(line))
            if "joint_std" in rows[0] and options.get("calibration") == "1":
                curve = calibration(rows)
                report["cases"][-1]["calibration"] = dict(zip(map(str, LEVELS), curve, strict=True))
                curves.add_row(name, views, *(f"{share:.0%}" for share in curve))
            if "out" in options:
                Path(options["out"]).write_text(json.dumps(report))
    if int(options.get("batch", 1)) > 1:
        report["batch"] = batch_speed(body, int(options["batch"]), options)
        console.print(report["batch"])
    console.print(table)
    if options.get("calibration") == "1":
        console.print(curves)
    if "out" in options:
        Path(options["out"]).write_text(json.dumps(report))


if __name__ == "__main__":
    main(read_words(sys.argv[1:], WORDS))
