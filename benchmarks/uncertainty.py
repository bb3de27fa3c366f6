"""Correlation of the stated uncertainty of proxies with their true error, on held-out shards. JSON out, and an image.

    python benchmarks/uncertainty.py shards=shards/test generator=nano samples=3 steps=4 out=out/uncertainty
    python benchmarks/uncertainty.py shards=shards/test samples=1 steps=0              the dense head: 1 - probability

True error: mm on the rest body between the surface points of predicted and true pixels, over pixels that are
foreground in both. Stated: `weight` as 1 - W (paper Eq. 2-5, whatever the pipeline calls its weight); with steps >= 1
also its two terms, `uv` (Eq. 3) and `label` (Eq. 4), and `spread`, the deviation in mm of the samples' surface points.
rank: Spearman's correlation of stated and true. ause: area between the mean error left when the most uncertain pixels
are dropped first and when the worst are, over the mean error; `ause_random` is that of a random order.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from script_words import read_words
from tqdm import tqdm

from diffproxy.body import BodyModel, load_body
from diffproxy.generator import DiffProxyPipeline
from diffproxy.metrics.points import MM
from diffproxy.metrics.proxies import rest_points
from diffproxy.proxies.aggregate import label_uncertainty, majority, maps_from_samples, uv_uncertainty
from diffproxy.proxies.codec import decode_rgb
from diffproxy.training.dataset import ProxySamples, SampleConfig
from diffproxy.training.validate import crop_cameras, exact_maps
from diffproxy.utils.errors import InputError

WORDS = ["device", "generator", "out", "samples", "shards", "steps", "subjects"]

Values = Float[np.ndarray, " N"]
BINS = 10
FRACTIONS = np.linspace(0, 0.95, 20)


def pixels(
    pipe: DiffProxyPipeline, data: ProxySamples, body: BodyModel, subject: int, samples: int, steps: int
) -> dict[str, Values]:
    """`error` (mm), `right` (label) and what was stated, for each pixel that is foreground in both."""
    item = data[subject]
    exact, cameras = exact_maps(item), crop_cameras(item)
    stated: dict[str, np.ndarray] = {}
    if steps == 0:
        maps = pipe(item["images"], cameras, exact.kind, num_inference_steps=0).proxies
    else:
        latents = pipe.initial_latents(samples, len(cameras), torch.Generator().manual_seed(subject))
        seg, uv = pipe.denoise(pipe.condition(item["images"], cameras, exact.kind), latents, steps)
        maps = maps_from_samples(seg, uv, pipe.palette, exact.kind, exact.cameras)
        labels, coordinates = decode_rgb(seg, uv, pipe.palette, exact.kind)
        stated["uv"] = uv_uncertainty(labels, uv.movedim(2, -1).clamp(0, 1)).numpy()
        stated["label"] = label_uncertainty(majority(labels)[1], samples).numpy()
        stated["spread"] = spread_mm(labels.numpy(), coordinates.numpy(), body)
    stated["weight"] = 1.0 - maps.weight
    both = np.flatnonzero((maps.labels > 0) & (exact.labels > 0))
    found, found_ok = rest_points(maps.labels.ravel()[both], maps.uv.reshape(-1, 2)[both], body)
    true, true_ok = rest_points(exact.labels.ravel()[both], exact.uv.reshape(-1, 2)[both], body)
    ok = found_ok & true_ok
    values = {k: v.ravel()[both][ok].astype(np.float64) for k, v in stated.items()}
    right = (maps.labels == exact.labels).ravel()[both][ok].astype(np.float64)
    return {"error": MM * np.linalg.norm(found - true, axis=-1)[ok], "right": right, **values}


def spread_mm(
    labels: UInt8[np.ndarray, "K V H W"], uv: Float[np.ndarray, "K V H W 2"], body: BodyModel
) -> Float[np.ndarray, "V H W"]:
    """Root mean square distance (mm, K - 1) of the samples' surface points to their mean; 0 where fewer than two."""
    points = np.full((labels.size, 3), np.nan)
    shown = np.flatnonzero(labels > 0)
    found, ok = rest_points(labels.ravel()[shown], uv.reshape(-1, 2)[shown], body)
    points[shown[ok]] = found[ok]
    points = points.reshape(*labels.shape, 3)
    known = np.isfinite(points[..., :1])
    count = known.sum(0)
    mean = np.where(known, points, 0).sum(0) / np.maximum(count, 1)
    square = np.where(known, (points - mean) ** 2, 0).sum((0, -1))
    return MM * np.sqrt(square / np.maximum(count[..., 0] - 1, 1))


def calibration(stated: Values, error: Values, right: Values) -> dict[str, Any]:
    """Bins of equal numbers of pixels (equal statements share one), and how the order of pixels agrees."""
    edges = np.unique(np.quantile(stated, np.linspace(0, 1, BINS + 1)[1:-1]))
    which = np.searchsorted(edges, stated, side="left")
    bins = [
        {"stated": float(stated[m].mean()), "error_mean_mm": float(error[m].mean()),
         "error_median_mm": float(np.median(error[m])), "label_right": float(right[m].mean()), "share": float(m.mean())}
        for b in range(len(edges) + 1) if (m := which == b).any()
    ]  # fmt: skip
    best, kept = sparsification(error, error), sparsification(stated, error)
    mean = float(error.mean())
    blind = float(np.mean(mean - best)) / mean
    return {"rank": rank_correlation(stated, error), "ause": float(np.mean(kept - best)) / mean,
            "ause_random": blind, "bins": bins, "left_mm": kept.tolist(), "left_best_mm": best.tolist()}  # fmt: skip


def sparsification(stated: Values, error: Values) -> Float[np.ndarray, " F"]:
    """Mean error left after dropping each of `FRACTIONS` of the pixels, most uncertain first; ties share a mean."""
    order = np.argsort(stated, kind="stable")
    _, group = np.unique(stated[order], return_inverse=True)
    means = np.bincount(group, error[order]) / np.bincount(group)
    total = np.cumsum(means[group])
    keep = np.maximum(1, np.round((1 - FRACTIONS) * len(error)).astype(int))
    return total[keep - 1] / keep


def rank_correlation(a: Values, b: Values) -> float:
    """Spearman's, ties at their mean rank; 0 where one side is constant."""
    from scipy.stats import rankdata

    x, y = rankdata(a), rankdata(b)
    return float(np.corrcoef(x, y)[0, 1]) if x.std() and y.std() else 0.0


def draw(rows: dict[str, dict[str, Any]], path: Path) -> None:
    """Per measure: left, true error of each bin; right, error left when dropping pixels, with the best possible."""
    side, pad = 300, 50
    lines = []
    for name, row in rows.items():
        panels = [np.full((side + 2 * pad, side + 2 * pad, 3), 255, np.uint8) for _ in range(2)]
        stated = [b["stated"] for b in row["bins"]]
        curves = [
            [(stated, [b["error_mean_mm"] for b in row["bins"]], (200, 80, 0)),
             (stated, [b["error_median_mm"] for b in row["bins"]], (0, 140, 0))],
            [(FRACTIONS, row["left_mm"], (200, 80, 0)), (FRACTIONS, row["left_best_mm"], (150, 150, 150))],
        ]  # fmt: skip
        titles = (f"{name}: mean (blue), median (green) error", f"error left, AUSE {row['ause']:.2f}")
        for panel, curve, title, label in zip(
            panels, curves, titles, ("stated", "share dropped"), strict=True
        ):
            right = max(max(x) for x, _, _ in curve) or 1.0
            top = max(max(y) for _, y, _ in curve) or 1.0
            corner, write = (pad, pad + side), (cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
            cv2.rectangle(panel, (pad, pad), (pad + side, pad + side), (0, 0, 0))
            for x, y, color in curve:
                at = np.stack([np.asarray(x) / right, -np.asarray(y) / top], 1) * side + corner
                cv2.polylines(panel, [at.round().astype(np.int32)], False, color, 2, cv2.LINE_AA)
                for point in at.round().astype(int):
                    cv2.circle(panel, (int(point[0]), int(point[1])), 3, color, -1, cv2.LINE_AA)
            cv2.putText(panel, title, (pad, pad - 12), *write)
            cv2.putText(
                panel, f"{label} (right edge {right:.3g}, top {top:.3g} mm)", (pad, side + pad + 20), *write
            )
        lines.append(np.concatenate(panels, 1))
    cv2.imwrite(str(path), np.concatenate(lines))


def report(pipe: DiffProxyPipeline, where: str, samples: int, steps: int, subjects: int, out: Path) -> dict:
    """All of the above over the held-out subjects of `where`; writes `out/uncertainty.json` and `.png`."""
    if samples < 2 and steps:
        raise InputError("samples >= 2", f"samples={samples}", "one sample says nothing of its spread")
    if samples > 1 and not steps:
        raise InputError(
            "samples=1 with steps=0", f"samples={samples}", "the direct head has no chance in it"
        )
    body, config = load_body("anny"), pipe.network.config
    data = ProxySamples(where, body, SampleConfig(config.image_size, config.proxy_size), None)
    number = min(subjects, len(data.index)) if subjects else len(data.index)
    parts = [pixels(pipe, data, body, i, samples, steps) for i in tqdm(range(number), desc="subjects")]
    values = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
    error, right = values.pop("error"), values.pop("right")
    if not error.size:
        raise InputError(
            "proxies that meet the true ones", "no common foreground", "train the generator first"
        )
    rows = {k: calibration(v, error, right) for k, v in values.items()}
    result = {
        "generator": config.name, "samples": samples, "steps": steps, "subjects": number, "pixels": error.size,
        "error_mean_mm": float(error.mean()), "error_median_mm": float(np.median(error)), "stated": rows,
    }  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    (out / "uncertainty.json").write_text(json.dumps(result, indent=1))
    draw(rows, out / "uncertainty.png")
    return result


def main(words: list[str]) -> dict[str, Any]:
    given = {
        "generator": "nano",
        "samples": "3",
        "steps": "4",
        "subjects": "0",
        "out": "out/uncertainty",
        "device": "cpu",
    }
    given |= read_words(words, WORDS)
    torch.manual_seed(0)
    pipe = DiffProxyPipeline.from_pretrained(given["generator"]).to(given["device"])
    numbers = (int(given[k]) for k in ("samples", "steps", "subjects"))
    return report(pipe, given["shards"], *numbers, Path(given["out"]))


if __name__ == "__main__":
    found = main(sys.argv[1:])
    for row in found["stated"].values():
        del row["left_mm"], row["left_best_mm"]
    print(json.dumps(found, indent=1))
