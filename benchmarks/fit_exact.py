"""How precisely and how fast a body is fitted: exact proxies, or proxies spoilt as small networks spoil them. JSON out.

    python benchmarks/fit_exact.py subjects=50 views=4 size=256 solver=lm noise=none hands=0

noise: none | uv (2 cm smooth, 1 cm rough) | bad (5 cm smooth, 10 % blobs of nonsense, 5 % of it on the background) |
legs (left and right leg swapped in one view) | flip (all sides swapped in one view) |
awful (10 cm smooth, 5 cm rough, 35 % blobs, 15 % on the background, and flip). hands=1 adds hand crops.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import torch
from tqdm import tqdm

from diffproxy.body import BodyModel, BodyParams, load_body
from diffproxy.cameras import Camera
from diffproxy.data.poses import load_pose_bank
from diffproxy.fitting import FitConfig, fit
from diffproxy.fitting.corruption import blobs, side_pairs, swap_labels, uv_noise
from diffproxy.proxies import ProxyMaps, render_proxies


def random_params(rng: np.random.Generator) -> BodyParams:
    """A pose of the bank's held-out part, any heading, betas of unit variance, somewhere near the origin."""
    pose = load_pose_bank().sample(rng, split="test")
    values = {k: torch.as_tensor(np.asarray(v), dtype=torch.float32)[None] for k, v in pose.items()}
    betas = torch.as_tensor(rng.normal(size=(1, 10)), dtype=torch.float32)
    transl = torch.as_tensor(rng.normal(size=(1, 3)) * 0.5, dtype=torch.float32)
    return BodyParams.rest(1).replace(betas=betas, transl=transl, **values)


def look_at(name: str, position: np.ndarray, target: np.ndarray, size: int, radius: float) -> Camera:
    """A square view that just holds a ball of `radius` metres around the target."""
    forward = target - position
    distance = np.linalg.norm(forward)
    forward = forward / distance
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    R = np.stack([right, np.cross(forward, right), forward])
    f = size / 2 * distance / radius
    return Camera(
        name, size, size, np.array([[f, 0, size / 2], [0, f, size / 2], [0, 0, 1.0]]), R, -R @ position
    )


def ring(vertices: np.ndarray, views: int, size: int) -> tuple[Camera, ...]:
    """Cameras 3 m away at about chest height, all around."""
    center = (vertices.min(0) + vertices.max(0)) / 2
    radius = 1.05 * np.linalg.norm(vertices - center, axis=1).max()
    angles = np.arange(views) * 2 * np.pi / views + 0.3
    offsets = np.stack([3 * np.sin(angles), np.resize([0.9, 0.4], views), 3 * np.cos(angles)], axis=-1)
    return tuple(look_at(f"cam{i}", center + o, center, size, radius) for i, o in enumerate(offsets))


def with_hand_crops(maps: ProxyMaps, body: BodyModel, vertices: np.ndarray) -> ProxyMaps:
    """Both hands of every view where they are seen, as extra maps of the same size."""
    from diffproxy.proxies import hand_boxes

    cameras, kinds = list(maps.cameras), list(maps.kind)
    size = maps.labels.shape[1]
    for (view, kind), box in hand_boxes(maps, body.atlas).items():
        if box is not None:
            cameras.append(maps.cameras[view].crop(box, (size, size)))
            kinds.append(kind)
    return render_proxies(body, vertices, cameras, kinds)


def spoil(maps: ProxyMaps, body: BodyModel, noise: str, rng: np.random.Generator) -> ProxyMaps:
    names = dict(body.atlas.palette.names)
    if noise == "uv":
        return uv_noise(maps, rng, 0.05, 0.03)
    if noise == "bad":
        return blobs(blobs(uv_noise(maps, rng, 0.12, 0.05), rng, 0.1), rng, 0.05, on_background=True)
    if noise == "awful":
        maps = swap_labels(maps, int(rng.integers(len(maps.cameras))), side_pairs(names))
        return blobs(blobs(uv_noise(maps, rng, 0.2, 0.1), rng, 0.35), rng, 0.15, on_background=True)
    if noise == "legs":
        return swap_labels(
            maps, int(rng.integers(len(maps.cameras))), side_pairs(names, ("thigh", "shin", "foot"))
        )
    if noise == "flip":
        return swap_labels(maps, int(rng.integers(len(maps.cameras))), side_pairs(names))
    return maps


def main(options: dict[str, str]) -> None:
    subjects, views, size = (
        int(options.get(k, d)) for k, d in (("subjects", 50), ("views", 4), ("size", 256))
    )
    solver, noise, hands = (
        options.get("solver", "lm"),
        options.get("noise", "none"),
        options.get("hands", "0") == "1",
    )
    first = int(options.get("first", 0))
    torch.set_num_threads(int(options.get("threads", torch.get_num_threads())))
    body = load_body("anny")
    config = FitConfig(solver=solver)  # type: ignore[arg-type]
    rows = []
    for k in tqdm(range(first, first + subjects), disable=None):
        rng = np.random.default_rng(k)
        params = random_params(rng)
        with torch.no_grad():
            truth = body(params)
        vertices = truth.vertices[0].numpy()
        maps = render_proxies(body, vertices, ring(vertices, views, size))
        if hands:
            maps = with_hand_crops(maps, body, vertices)
        maps = spoil(maps, body, noise, rng)
        if not rows:
            fit(maps, body, config)  # warm up
        began, cpu_began = time.perf_counter(), time.process_time()
        result = fit(maps, body, config)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
        with torch.no_grad():
            error = (body(result.params).vertices - truth.vertices).norm(dim=-1)[0].numpy() * 1000
        joints = np.linalg.norm(result.joints - truth.joints[0].numpy(), axis=-1) * 1000
        rows.append(
            {"subject": k, "mpvpe": float(error.mean()), "worst_vertex": float(error.max()),
             "mpjpe_body": float(joints[:22].mean()), "mpjpe_hands": float(joints[25:].mean()),
             "seconds": seconds, "cpu": cpu,
             "sigma_mm": result.sigma * 1000, "inliers": result.inliers,
             "std_mm": float(result.joint_std[:22].mean()) * 1000,
             "status": result.status, "timings": result.timings}
        )  # fmt: skip
        if options.get("verbose") == "1":
            print(
                {k: round(v, 3) if isinstance(v, float) else v for k, v in rows[-1].items() if k != "timings"}
            )

    def column(name: str) -> np.ndarray:
        return np.array([r[name] for r in rows])

    summary = {
        "options": options,
        "subjects": subjects,
        "mpvpe_mm": {q: round(float(f(column("mpvpe"))), 3) for q, f in _STATS.items()},
        "mpjpe_body_mm": {q: round(float(f(column("mpjpe_body"))), 3) for q, f in _STATS.items()},
        "mpjpe_hands_mm": {q: round(float(f(column("mpjpe_hands"))), 3) for q, f in _STATS.items()},
        "seconds": {q: round(float(f(column("seconds"))), 3) for q, f in _STATS.items()},
        "cpu_seconds": {q: round(float(f(column("cpu"))), 3) for q, f in _STATS.items()},
        "over_20mm": [r["subject"] for r in rows if r["mpvpe"] > 20],
        "status": {s: int((column("status") == s).sum()) for s in sorted(set(column("status")))},
        "step_seconds": {
            k: round(float(np.median([r["timings"].get(k, 0.0) for r in rows])), 4)
            for k in rows[0]["timings"]
        },
    }
    print(json.dumps(summary, indent=1))


_STATS = {"median": np.median, "mean": np.mean, "p90": lambda a: np.quantile(a, 0.9), "max": np.max}

if __name__ == "__main__":
    main(dict(a.split("=", 1) for a in sys.argv[1:]))
