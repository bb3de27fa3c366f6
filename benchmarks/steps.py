"""Quality of proxies against the number of denoising steps, on held-out shards. JSON out, and an image.

    python benchmarks/steps.py shards=shards/test                      nano: 0 (its dense head), 1, 2, 4, 8, 16 steps
    python benchmarks/steps.py shards=shards/test steps=4,10,25 samples=3 subjects=50 fit=20 generator=DIR device=cuda

Per number of steps: the scores of `diffproxy.metrics.proxies` over all pixels of all subjects, seconds a subject, and,
of the first `fit` subjects, MPJPE and MPVPE in mm of the bodies fitted to the proxies (`unfitted`: without a body).
The image shows a view of the first subjects: image, true labels, then the prediction of each number of steps.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from script_words import read_words
from tqdm import tqdm

from diffproxy.body import BodyModel, load_body
from diffproxy.generator import DiffProxyPipeline
from diffproxy.metrics.proxies import proxy_scores
from diffproxy.proxies.maps import ProxyMaps
from diffproxy.training.dataset import ProxySamples, SampleConfig
from diffproxy.training.validate import crop_cameras, exact_maps, fit_errors
from diffproxy.utils.errors import InputError
from diffproxy.visualization.maps import draw_labels
from diffproxy.visualization.sheet import contact_sheet

WORDS = ["device", "fit", "generator", "out", "samples", "shards", "steps", "subjects"]

DRAWN = 6


def quality(
    pipe: DiffProxyPipeline,
    data: ProxySamples,
    body: BodyModel,
    steps: int,
    samples: int,
    subjects: int,
    fit: int,
) -> tuple[dict[str, Any], list[ProxyMaps]]:
    """One row of the curve, and the proxies it was made of. The noise of a subject is the same for every row."""
    truth: list[ProxyMaps] = []
    found: list[ProxyMaps] = []
    errors: list[dict[str, float]] = []
    seconds = 0.0
    for i in tqdm(range(subjects), desc=f"{steps} steps"):
        item = data[i]
        truth.append(exact_maps(item))
        kinds = truth[-1].kind
        began = time.perf_counter()
        noise = torch.Generator().manual_seed(i)
        output = pipe(item["images"], crop_cameras(item), kinds, steps, samples if steps else 1, noise)
        found.append(output.proxies)
        seconds += time.perf_counter() - began
        if i < fit:
            errors.append(fit_errors(found[-1], body, data, i))
    pairs = [
        np.concatenate([getattr(m, k) for m in maps]) for maps in (found, truth) for k in ("labels", "uv")
    ]
    row: dict[str, Any] = {"steps": steps, "samples": samples if steps else 1}
    row |= {k: round(float(v), 4) for k, v in proxy_scores(*pairs, body).items()}
    row["s_per_subject"] = round(seconds / subjects, 3)
    if fitted := [e for e in errors if e]:
        row |= {k: round(float(np.mean([e[k] for e in fitted])), 1) for k in ("mpjpe", "mpvpe")}
    return row | ({"unfitted": len(errors) - len(fitted)} if fit else {}), found


def image(
    data: ProxySamples, steps: Sequence[int], columns: Sequence[list[ProxyMaps]], body: BodyModel, path: Path
) -> None:
    """First view of the first subjects, a row each."""
    names = ["image", "true labels", *(f"{n} steps" for n in steps)]
    tiles = []
    for i in range(min(DRAWN, len(columns[0]))):
        image = (data[i]["images"][0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
        labels = [exact_maps(data[i]).labels[0], *(maps[i].labels[0] for maps in columns)]
        drawn = [draw_labels(x, body.atlas.palette) for x in labels]
        size = image.shape[1::-1]
        tiles += [image, *(cv2.resize(x, size, interpolation=cv2.INTER_NEAREST) for x in drawn)]
    captions = names + [""] * (len(tiles) - len(names))
    cv2.imwrite(str(path), contact_sheet(tiles, captions, len(names))[..., ::-1])


def main(words: list[str]) -> list[dict[str, Any]]:
    given = {"generator": "nano", "steps": "", "samples": "1", "subjects": "24", "fit": "0", "device": "cpu"}
    given |= {"out": "out/steps"} | read_words(words, WORDS)
    if "shards" not in given:
        raise InputError("shards=DIR of python -m render_synth", "none", "add shards=shards/test")
    pipe, body = DiffProxyPipeline.from_pretrained(given["generator"]).to(given["device"]), load_body("anny")
    config = pipe.network.config
    direct = [0] if config.adapter == "pyramid" else []
    steps = [int(n) for n in given["steps"].split(",")] if given["steps"] else [*direct, 1, 2, 4, 8, 16]
    data = ProxySamples(given["shards"], body, SampleConfig(config.image_size, config.proxy_size), None)
    samples, subjects, fit = (int(given[k]) for k in ("samples", "subjects", "fit"))
    subjects = min(subjects, len(data.index))
    rows, columns = zip(*(quality(pipe, data, body, n, samples, subjects, fit) for n in steps), strict=True)
    out = Path(given["out"])
    out.mkdir(parents=True, exist_ok=True)
    (out / "steps.json").write_text(
        json.dumps({"generator": config.name, "subjects": subjects, "rows": rows}, indent=1)
    )
    image(data, steps, columns, body, out / "steps.png")
    return list(rows)


if __name__ == "__main__":
    for row in main(sys.argv[1:]):
        print(json.dumps(row))
