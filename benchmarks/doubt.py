"""Fit diagnostics against the true error, for the thresholds of `failed` and of the warnings. JSON.

    python benchmarks/doubt.py shards=DIR subjects=30 out=FILE

Corrupted proxies of `fit_scenes.NOISE`, random proxies, four views of four people, and, with `shards`, the
packaged network's proxies of held-out subjects. Fits use no thresholds; the table counts bodies by `robust_loss`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from corruption import blobs
from fit_scenes import Scene, corrupt, make_scene
from script_words import read_words
from tqdm import tqdm

from diffproxy.body import BodyModel, load_body
from diffproxy.fitting import FitConfig, fit
from diffproxy.proxies import ProxyMaps

WORDS = ["out", "shards", "subjects"]

KINDS = ("exact", "uv", "bad", "parts", "severe", "mirror", "nonsense", "four people")
ANY = FitConfig(fail_robust_loss=1.0, fail_inlier_ratio=0.0)
FIRST = 1000


def corrupted(kind: str, scenes: list[Scene], i: int, body: BodyModel) -> tuple[ProxyMaps, np.ndarray | None]:
    """Proxies of a kind and the true joints; None where there is no true body."""
    maps = scenes[i].maps
    if kind == "nonsense":
        return blobs(maps, np.random.default_rng(i), 1.0), None
    if kind == "four people":
        others = [scenes[(i + v) % len(scenes)].maps for v in range(4)]
        stacks = {
            k: np.stack([getattr(m, k)[v] for v, m in enumerate(others)]) for k in ("labels", "uv", "weight")
        }
        return replace(maps, **stacks), None
    name = "none" if kind == "exact" else kind
    return corrupt(scenes[i], body, name, np.random.default_rng(i)), scenes[i].joints


def network_cases(shards: str, subjects: int, body: BodyModel) -> list[tuple[ProxyMaps, np.ndarray]]:
    """The packaged network on held-out crops of four views, and the true joints."""
    from diffproxy.generator import DiffProxyPipeline
    from diffproxy.training.dataset import ProxySamples, SampleConfig
    from diffproxy.training.validate import crop_cameras, exact_maps

    pipe = DiffProxyPipeline.from_pretrained("nano")
    config = pipe.network.config
    data = ProxySamples(shards, body, SampleConfig(config.image_size, config.proxy_size), None)
    cases = []
    for i in tqdm(range(min(subjects, len(data.index))), desc="network"):
        item = data[i]
        noise = torch.Generator().manual_seed(i)
        maps = pipe(item["images"], crop_cameras(item), exact_maps(item).kind, generator=noise).proxies
        with torch.no_grad():
            cases.append((maps, body.joints(data.index.params(i))[0].numpy()))
    return cases


def measure(maps: ProxyMaps, truth: np.ndarray | None, body: BodyModel) -> dict[str, float]:
    result = fit(maps, body, ANY)
    row = {
        "robust_loss": float(result.robust_loss),
        "inlier_ratio": float(result.inlier_ratio),
        "warned": float(bool(result.warning)),
    }
    if truth is not None:
        row["mpjpe_mm"] = 1000 * float(np.linalg.norm(result.joints[:22] - truth[:22], axis=-1).mean())
    return row


def main(options: dict[str, str]) -> None:
    body, count = load_body("anny"), int(options.get("subjects", 12))
    scenes = [make_scene(body, FIRST + i, 4, 256, False) for i in tqdm(range(count), desc="scenes")]
    cases = {kind: [corrupted(kind, scenes, i, body) for i in range(count)] for kind in KINDS}
    if "shards" in options:
        cases[f"network on {Path(options['shards']).name}"] = network_cases(options["shards"], count, body)
    rows = {k: [measure(m, t, body) for m, t in tqdm(v, desc=k)] for k, v in cases.items()}
    print(
        "proxies | robust loss least / median / largest | inliers | MPJPE median / largest, mm | with a warning"
    )
    for kind, found in rows.items():
        robust_loss, inliers = (np.array([r[k] for r in found]) for k in ("robust_loss", "inlier_ratio"))
        error = [r["mpjpe_mm"] for r in found if "mpjpe_mm" in r]
        said = f"{np.median(error):.0f} / {max(error):.0f}" if error else "-"
        print(
            f"{kind} | {robust_loss.min():.3f} / {np.median(robust_loss):.3f} / {robust_loss.max():.3f} | "
            f"{inliers.min():.2f} / {np.median(inliers):.2f} / {inliers.max():.2f} | {said} | "
            f"{sum(r['warned'] for r in found):.0f} of {len(found)}"
        )
    if "out" in options:
        Path(options["out"]).write_text(json.dumps({"options": options, "rows": rows}, indent=1))


if __name__ == "__main__":
    main(read_words(sys.argv[1:], WORDS))
