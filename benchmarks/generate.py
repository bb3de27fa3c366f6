"""Seconds and peak memory of every stage of the generator. JSON out.

    python benchmarks/generate.py                                   nano: 4 views K=1, 12 views K=1, 12 views K=3
    python benchmarks/generate.py generator=sd21 device=cuda        the paper's network with random weights: times only
    python benchmarks/generate.py views=12 samples=3 steps=4 threads=2 runs=5 precision=bf16 backend=flex

Stages: condition (encoder, adapter, prompts, geometry: once per image), denoise (all steps), decode, aggregate.
`direct` is the whole prediction without diffusion (steps=0). Every case runs once unmeasured; medians of `runs` follow.
Peak memory: of the device, or (CPU) the growth of the process' peak resident size while the case ran.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from fit_scenes import look_at
from script_words import read_words

from diffproxy.cameras import Camera
from diffproxy.generator import DiffProxyPipeline, ProxyGenerator, preset
from diffproxy.generator.network.schedule import make_scheduler
from diffproxy.proxies.aggregate import maps_from_samples

WORDS = ["backend", "device", "generator", "precision", "runs", "samples", "steps", "threads", "views"]

CASES = ((4, 1), (12, 1), (12, 3))


def ring(views: int, size: int) -> list[Camera]:
    """Cameras on a circle of 4 m around a person."""
    angles = 2 * np.pi * np.arange(views) / views
    centers = [np.array([4 * np.sin(a), 1.2, 4 * np.cos(a)]) for a in angles]
    return [look_at(f"c{i}", c, np.array([0, 1.0, 0]), size, 1.1) for i, c in enumerate(centers)]


def measure(pipe: DiffProxyPipeline, views: int, samples: int, steps: int, runs: int) -> dict[str, Any]:
    """Medians of seconds per stage, and the peak of memory."""
    generator, device = pipe.network, pipe.device
    config = generator.config
    images = torch.rand(
        views, 3, config.image_size, config.image_size, generator=torch.Generator().manual_seed(0)
    )
    cameras, kinds = ring(views, config.image_size), ["body"] * views
    size = config.proxy_size
    crops = [c.resize(size, size) for c in cameras]
    seconds: dict[str, list[float]] = {}

    def stage(name: str, work: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        out = work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.setdefault(name, []).append(time.perf_counter() - began)
        return out

    def denoise(conditioning: Any) -> torch.Tensor:
        shape = (samples, views, 2, config.latent_channels, *[config.latent_grid] * 2)
        latents = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(device)
        scheduler = make_scheduler(config)
        scheduler.set_timesteps(steps)
        for t in scheduler.timesteps:
            output = generator.denoise(latents, t.to(device), conditioning).float()
            latents = scheduler.step(output, t, latents).prev_sample
        return latents

    def once() -> None:
        with torch.inference_mode(), pipe.precision():
            conditioning = stage("condition", lambda: pipe.condition(images, cameras, kinds))
            latents = stage("denoise", lambda: denoise(conditioning))
            rgb = stage("decode", lambda: generator.codec.decode(latents.flatten(0, 2)).float().cpu())
        seg, uv = rgb.unflatten(0, (samples, views, 2)).unbind(2)
        stage("aggregate", lambda: maps_from_samples(seg, uv, pipe.palette, kinds, crops))
        if config.adapter == "pyramid":
            stage("dense", lambda: pipe(images, cameras, kinds, num_inference_steps=0))

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(1 + runs):
        once()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else grown
    row = {name: round(statistics.median(times[1:]), 4) for name, times in seconds.items()}
    total = sum(v for k, v in row.items() if k != "dense")
    return {"views": views, "samples": samples, "steps": steps, "total_s": round(total, 4), **row,
            "peak_mib": round(peak / 2**20)}  # fmt: skip


def main(words: list[str]) -> dict[str, Any]:
    given = {"generator": "nano", "device": "cpu", "runs": "3", "precision": "auto", "backend": "sdpa"}
    given |= read_words(words, WORDS)
    if "threads" in given:
        torch.set_num_threads(int(given["threads"]))
    note = "trained weights"
    if given["generator"] == "sd21":
        note = "random weights: times only"
        torch.manual_seed(0)
        generator = ProxyGenerator(preset("sd21"))
        palette = DiffProxyPipeline.from_pretrained("nano").palette
        pipe = DiffProxyPipeline(generator, palette, given["precision"])  # type: ignore[arg-type]
    else:
        pipe = DiffProxyPipeline.from_pretrained(given["generator"], precision=given["precision"])
    pipe.to(given["device"]).network.use_backend(given["backend"])
    steps = int(given.get("steps", max(1, pipe.network.config.steps)))
    cases = ((int(given["views"]), int(given.get("samples", 1))),) if "views" in given else CASES
    parts = {p: getattr(pipe.network, p) for p in ("unet", "adapter", "encoder", "codec")}
    count = {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}
    name = torch.cuda.get_device_name() if given["device"] == "cuda" else "CPU"
    return {
        "generator": pipe.network.config.name, "weights": note, "device": name,
        "backend": given["backend"], "threads": torch.get_num_threads(),
        "bf16": pipe.autocast, "parameters": count,
        "cases": [measure(pipe, v, k, steps, int(given["runs"])) for v, k in cases],
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:]), indent=1))
