"""Cost and accuracy of several people: seconds a frame by people and cameras, joints in a group and alone. JSON.

    python benchmarks/people_group.py
    python benchmarks/people_group.py cases=1:4,2:4,5:4,2:2,2:8 groups=1
    python benchmarks/people_group.py cases=5:4 noise=none contact=1
    python benchmarks/people_group.py quick=1

cases: PEOPLE:CAMERAS. People of random shape and pose (the pose bank's held-out part) stand on a circle, `spacing`
metres between neighbours, in the middle of cameras that are 3 m away; a pose that enters somebody is drawn again. No
network takes part: proxies are rendered from the bodies, with `noise` as in `benchmarks/fit.py`, once alone and once
with the others in front; pixels of others are background of which nothing is known, as in the pipeline.

"alone", "group": MPJPE of 22 joints, mean over people and the worst, mm; "ratio": of these means; "seen": share of a
person's pixels that nobody hides, mean and least. CPU seconds: "associate" of one frame of a take of as many people and
cameras (`diffproxy/evaluation/synthetic_people.py`), "fit" of one person in the group, with `contact=1` "contact" of
one frame, and "frame": association, all fits and contact. "depth": deepest interpenetration of each group before and
after, mm, and "apart": MPJPE of the bodies moved apart.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from fit_scenes import Scene, corrupt, look_at, random_params
from script_words import read_words

from diffproxy.association import associate
from diffproxy.body import BodyModel, BodyParams, load_body
from diffproxy.body.names import BODY_JOINTS
from diffproxy.evaluation.synthetic_people import make_take
from diffproxy.evaluation.synthetic_take_config import TakeConfig
from diffproxy.fitting import FitConfig, fit
from diffproxy.fitting.interpenetration import interpenetration, separate_people
from diffproxy.proxies import ProxyMaps
from diffproxy.proxies.render import proxies_from_surface
from diffproxy.proxies.surface import render_surface

WORDS = ["cases", "contact", "groups", "noise", "quick", "size", "spacing"]

DISTANCE = 3.0  # metres of the cameras from the middle
TOUCHING = 0.01  # metres
DRAWS, PATIENCE = 2000, 20  # people drawn for a group; for a place before the group starts anew
TAKE_FRAMES = 40  # of the take that times the association


def group_of(body: BodyModel, rng: np.random.Generator, people: int, spacing: float) -> list[BodyParams]:
    """People on a circle, pelvis at 0.9 m, of whom nobody is deeper than `TOUCHING` inside of anybody else."""
    radius = spacing / (2 * np.sin(np.pi / people)) if people > 1 else 0.0
    angles = np.arange(people) * 2 * np.pi / people
    places = torch.from_numpy(
        np.stack([radius * np.sin(angles), np.full(people, 0.9), radius * np.cos(angles)], -1)
    )
    out: list[BodyParams] = []
    for _ in range(DRAWS):
        params = random_params(rng)
        pelvis = body.joints(params)[0, 0]
        params = params.replace(transl=params.transl + places[len(out)].float() - pelvis)
        if max(interpenetration(body, [*out, params])) <= TOUCHING:
            out.append(params)
        elif rng.random() < 1 / PATIENCE:
            out = []  # there may be no room left for the next one
        if len(out) == people:
            return out
    raise ValueError(
        f"no group of {people} people who do not touch, {spacing} m apart: set a larger spacing="
    )


def crops_of(
    body: BodyModel, vertices: list[np.ndarray], who: int, views: int, size: int
) -> tuple[ProxyMaps, ProxyMaps]:
    """Exact proxies of one person: alone, and with the others in front."""
    own, faces = vertices[who], body.faces.numpy()
    center = (own.min(0) + own.max(0)) / 2
    radius = 1.05 * np.linalg.norm(own - center, axis=1).max()
    angles = np.arange(views) * 2 * np.pi / views + 0.3
    places = np.stack(
        [DISTANCE * np.sin(angles), np.resize([1.8, 1.3], views), DISTANCE * np.cos(angles)], -1
    )
    cameras = [look_at(f"cam{v}", place, center, size, radius) for v, place in enumerate(places)]
    others = [(x, faces) for k, x in enumerate(vertices) if k != who]
    seen = render_surface(own, faces, cameras, others)
    free = proxies_from_surface(body.atlas, [replace(s, visible=s.outline) for s in seen], cameras)
    known = np.ones((views, size, size), dtype=bool)
    for x, _ in others:
        known &= ~np.stack([s.outline for s in render_surface(x, faces, cameras)])
    maps = proxies_from_surface(body.atlas, seen, cameras)
    return free, replace(maps, valid=known | (maps.labels > 0))


def mpjpe(found: np.ndarray, true: np.ndarray) -> float:
    """Mean distance of the body joints, mm."""
    return 1000 * float(np.linalg.norm(found - true, axis=-1)[BODY_JOINTS].mean())


def association_seconds(body: BodyModel, people: int, views: int) -> float:
    """CPU seconds a frame."""
    take = make_take(body, TakeConfig(people=people, cameras=views, frames=TAKE_FRAMES))
    start = time.process_time()
    associate(take.detections, take.cameras)
    return (time.process_time() - start) / TAKE_FRAMES


@dataclass
class Measured:
    """What the groups of one case add up to."""

    errors: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """MPJPE of each person, mm, of kinds "alone", "group" and "apart"."""
    seen: list[float] = field(default_factory=list)
    """Share of each person's pixels that nobody hides."""
    statuses: list[str] = field(default_factory=list)
    """Of each person's fit in the group."""
    depth: list[tuple[float, float]] = field(default_factory=list)
    """Deepest interpenetration of each group before and after they are moved apart, mm."""
    fit_s: float = 0.0
    contact_s: float = 0.0


def measure_group(
    body: BodyModel, number: int, people: int, views: int, given: dict[str, Any], measured: Measured
) -> None:
    """Fit everybody of one group alone and behind the others; with `contact`, move the bodies apart."""
    config = FitConfig()
    everybody = group_of(body, np.random.default_rng(number), people, given["spacing"])
    with torch.no_grad():
        posed = [body(params) for params in everybody]
    vertices, joints = ([getattr(p, k)[0].numpy() for p in posed] for k in ("vertices", "joints"))
    maps, fitted = [], []
    for who, params in enumerate(everybody):
        alone, group = crops_of(body, vertices, who, views, given["size"])
        measured.seen.append((group.labels > 0).sum() / max((alone.labels > 0).sum(), 1))
        for name, exact in (("alone", alone), ("group", group)):
            scene = Scene(number, params, vertices[who], joints[who], exact)
            noisy = corrupt(scene, body, given["noise"], np.random.default_rng(who))
            start = time.process_time()
            found = fit(noisy, body, config)
            spent = time.process_time() - start
            measured.errors[name].append(mpjpe(found.joints, joints[who]))
            if name == "group":
                measured.fit_s += spent
                measured.statuses.append(found.status)
                maps.append(noisy)
                fitted.append(found.params)
    if given["contact"]:
        start = time.process_time()
        result = separate_people(maps, fitted, body, config)
        measured.contact_s += time.process_time() - start
        measured.depth.append((1000 * max(result.before), 1000 * max(result.after)))
        with torch.no_grad():
            apart = [body.joints(params)[0].numpy() for params in result.params]
        measured.errors["apart"] += [mpjpe(a, b) for a, b in zip(apart, joints, strict=True)]


def case_figures(body: BodyModel, people: int, views: int, given: dict[str, Any]) -> dict[str, Any]:
    """The figures of one number of people and cameras."""
    measured = Measured()
    for number in range(given["groups"]):
        measure_group(body, number, people, views, given, measured)
    means = {kind: float(np.mean(values)) for kind, values in measured.errors.items()}
    fit_s = measured.fit_s / (people * given["groups"])
    contact_s = measured.contact_s / given["groups"]
    associate_s = association_seconds(body, people, views)
    return {
        "people": people,
        "views": views,
        "seen": [round(float(np.mean(measured.seen)), 3), round(float(np.min(measured.seen)), 3)],
        **{kind: [round(means[kind], 2), round(max(values), 2)] for kind, values in measured.errors.items()},
        "ratio": round(means["group"] / max(means["alone"], 1e-9), 3),
        "not_ok": sum(status != "ok" for status in measured.statuses),
        "seconds": {
            "associate": round(associate_s, 4),
            "fit": round(fit_s, 2),
            **({"contact": round(contact_s, 2)} if given["contact"] else {}),
            "frame": round(associate_s + people * fit_s + contact_s, 2),
        },
        **({"depth": np.round(measured.depth, 1).tolist()} if measured.depth else {}),
    }


def main(argv: list[str]) -> dict[str, Any]:
    words = read_words(argv, WORDS)
    quick = words.get("quick") == "1"
    given: dict[str, Any] = {
        "groups": int(words.get("groups", 1 if quick else 2)),
        "noise": words.get("noise", "none" if quick else "uv"),
        "spacing": float(words.get("spacing", 0.8)),
        "size": int(words.get("size", 64 if quick else 192)),
        "contact": words.get("contact") == "1",
    }
    body = load_body("anny")
    rows = []
    for case in words.get("cases", "2:2" if quick else "1:4,2:4,3:4,5:4,5:2,5:8").split(","):
        people, views = (int(n) for n in case.split(":"))
        rows.append(case_figures(body, people, views, given))
        sys.stderr.write(f"{json.dumps(rows[-1])}\n")
    return {**given, "rows": rows}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:]), indent=1))
