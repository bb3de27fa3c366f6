"""Effect of the pose prior with hidden limbs or noise: none, Gaussian, diffusion, on the same subjects. JSON out.

    python benchmarks/prior.py subjects=24 scenes=arm,one_view priors=none,gaussian,diffusion

Held-out poses, random shapes, views of 256². scenes: clean (4 exact views) | arm (4 views, UV noise of 2 cm, one arm
and its hand unseen) | legs (the same, both legs unseen) | half (the same, all limbs of one side unseen) | one_view and
one_view_arm (UV noise) | two_views_bad (5 cm smooth noise, 15 % nonsense). priors: none | gaussian | diffusion |
a path; `diffusion!` stops the gradient as in the paper, instead of using the denoiser's curvature.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from corruption import blobs, drop_labels, uv_noise
from fit_scenes import random_params, ring
from script_words import read_words
from tqdm import tqdm

from diffproxy.body import BodyModel, load_body
from diffproxy.fitting import FitConfig, fit_many
from diffproxy.fitting.terms.diffusion_prior import DiffusionPrior
from diffproxy.fitting.terms.priors import default_priors
from diffproxy.proxies import ProxyMaps, render_proxies

WORDS = ["diffusion", "first", "priors", "scenes", "subjects"]

ARM = ("arm", "hand", "palm", "finger", "thumb", "index", "middle", "ring", "pinky")
LEG = ("thigh", "shin", "foot", "leg", "toe")
SCENES = {
    "clean": (4, (), ()),
    "arm": (4, ARM, ("side",)),
    "legs": (4, LEG, ("_l", "_r")),
    "half": (4, (*ARM, *LEG), ("side",)),
    "one_view": (1, (), ()),
    "one_view_arm": (1, ARM, ("side",)),
    "two_views_bad": (2, (), ()),
}
HIDDEN = {"_l": {ARM: (16, 18, 20), LEG: (4, 7, 10)}, "_r": {ARM: (17, 19, 21), LEG: (5, 8, 11)}}
"""Joints of the hidden limbs: shoulder, elbow, wrist; knee, ankle, foot."""


def corrupt(
    maps: ProxyMaps, body: BodyModel, scene: str, rng: np.random.Generator
) -> tuple[ProxyMaps, list[int]]:
    """The proxies of a scene, and the joints that they hide."""
    _, words, sides = SCENES[scene]
    if scene == "clean":
        return maps, []
    if scene == "two_views_bad":
        return blobs(uv_noise(maps, rng, 0.12, 0.05), rng, 0.15), []
    maps = uv_noise(maps, rng, 0.05, 0.03)
    ends = ("_l", "_r")[int(rng.integers(2))] if sides == ("side",) else sides
    ends = (ends,) if isinstance(ends, str) else ends
    gone = [
        i for i, n in body.atlas.palette.names.items()
        if words and n.endswith(ends) and any(w in n for w in words)
    ]  # fmt: skip
    joints = [j for e in ends for kind, js in HIDDEN[e].items() if set(kind) <= set(words) for j in js]
    return drop_labels(maps, gone), joints


def main(options: dict[str, str]) -> None:
    subjects = int(options.get("subjects", 24))
    first = int(options.get("first", 0))
    scenes = options.get("scenes", ",".join(SCENES)).split(",")
    priors = options.get("priors", "none,gaussian,diffusion").split(",")
    body = load_body("anny")
    table: dict[str, dict[str, dict[str, float]]] = {}
    for scene in scenes:
        maps, truths, hidden = [], [], []
        for k in tqdm(range(first, first + subjects), desc=scene, disable=None):
            rng = np.random.default_rng([k, 5])
            params = random_params(np.random.default_rng(k))
            with torch.no_grad():
                truth = body(params)
            vertices = truth.vertices[0].numpy()
            shown = render_proxies(body, vertices, ring(vertices, SCENES[scene][0], 256))
            corrupted, joints = corrupt(shown, body, scene, rng)
            maps.append(corrupted)
            hidden.append(joints)
            truths.append(truth.joints[0].numpy())
        for name in priors:
            config = FitConfig(prior=name.rstrip("!"), hands=False)
            terms = default_priors(body.v_template, config)
            change = json.loads(options.get("diffusion", "{}"))
            if name.endswith("!"):
                change["curvature"] = False
            terms = [replace(t, **change) if isinstance(t, DiffusionPrior) else t for t in terms]
            began = time.process_time()
            run = partial(fit_many, body=body, config=config, priors=terms)
            found = [r for i in range(0, subjects, 8) for r in run(maps[i : i + 8])]
            cpu = (time.process_time() - began) / subjects
            table.setdefault(scene, {})[name] = _row(found, truths, hidden, cpu)
    print(json.dumps({"options": options, "mm": table}, indent=1))


def _row(found: list, truths: list[np.ndarray], hidden: list[list[int]], cpu: float) -> dict[str, float]:
    error = [
        1000 * np.linalg.norm(r.joints[:22] - t[:22], axis=-1) for r, t in zip(found, truths, strict=True)
    ]
    mean = np.array([e.mean() for e in error])
    # one standard deviation of three axes: measured and stated
    promised = [1000 * np.asarray(r.joint_std[:22]) for r in found]
    row = {
        "mpjpe_mean": float(mean.mean()), "mpjpe_median": float(np.median(mean)), "worst": float(mean.max()),
        "within_one_std": float(np.mean([(e < p).mean() for e, p in zip(error, promised, strict=True)])),
        "cpu_seconds": cpu,
    }  # fmt: skip
    unseen = np.concatenate([e[j] for e, j in zip(error, hidden, strict=True)])
    if len(unseen):
        row |= {"hidden_mean": float(unseen.mean()), "hidden_median": float(np.median(unseen))}
    return {k: round(v, 3) for k, v in row.items()}


if __name__ == "__main__":
    main(read_words(sys.argv[1:], WORDS))
