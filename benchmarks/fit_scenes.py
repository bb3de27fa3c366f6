"""Subjects, cameras and corrupted proxies for `benchmarks/fit.py`: everything a function of the subject's number."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from corruption import blobs, drop_labels, side_pairs, swap_labels, uv_noise
from scipy.spatial.transform import Rotation

from diffproxy.body import BodyModel, BodyParams
from diffproxy.cameras import Camera
from diffproxy.geometry.directions import look_at_rotation
from diffproxy.motion.pose_bank.sampler import load_pose_bank
from diffproxy.proxies import ProxyMaps, render_proxies
from diffproxy.proxies.aggregate import aggregate_samples

LEGS = ("thigh", "shin", "foot")
NOISE = {
    "none": "exact",
    "pixels": "1 cm of independent noise per pixel",
    "uv": "2 cm smooth, 1 cm rough",
    "bad": "5 cm smooth, 10 % blobs of nonsense, 5 % more on the background",
    "parts": "5 cm smooth, 10 % blobs, each pair of parts swapped in 20 % of the views, each part missing in 10 %",
    "severe": "10 cm smooth, 5 cm rough, 35 % blobs, 15 % more on the background, all sides swapped in one view",
    "legs": "left and right leg swapped in one view (paper Fig. 7)",
    "legs3": "the same in two of K=3 samples: the majority is wrong, the weights say so (paper Eq. 2-5)",
    "flip": "all sides swapped in one view",
    "nohands": "hands and forearms missing everywhere",
    "stranger": "one view shows somebody else of much the same pose, in the same place",
    "moved": "one camera is 4 degrees and 10 cm away from where its calibration has it",
    "mirror": "all sides swapped in every view",
    "mirrorlegs": "left and right leg swapped in every view",
    "occluded": "a box of background over a third of every view, elsewhere in each",
}


@dataclass(frozen=True)
class Scene:
    """One posed body and its exact proxies."""

    number: int
    params: BodyParams
    vertices: np.ndarray
    joints: np.ndarray
    maps: ProxyMaps


def random_params(rng: np.random.Generator) -> BodyParams:
    """A pose of the bank's held-out part, any heading, betas of unit variance, somewhere near the origin."""
    pose = load_pose_bank().sample(rng, split="test")
    values = {k: torch.as_tensor(np.asarray(v), dtype=torch.float32)[None] for k, v in pose.items()}
    betas = torch.as_tensor(rng.normal(size=(1, 10)), dtype=torch.float32)
    transl = torch.as_tensor(rng.normal(size=(1, 3)) * 0.5, dtype=torch.float32)
    return BodyParams.rest(1).replace(betas=betas, transl=transl, **values)


def look_at(name: str, position: np.ndarray, target: np.ndarray, size: int, radius: float) -> Camera:
    """A square view that just holds a ball of `radius` metres around the target."""
    R = look_at_rotation(position, target)
    f = size / 2 * np.linalg.norm(target - position) / radius
    K = np.array([[f, 0, size / 2], [0, f, size / 2], [0, 0, 1.0]])
    return Camera(name, size, size, K, R, -R @ position)


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


def make_scene(body: BodyModel, number: int, views: int, size: int, hands: bool) -> Scene:
    params = random_params(np.random.default_rng(number))
    with torch.no_grad():
        posed = body(params)
    vertices = posed.vertices[0].numpy()
    maps = render_proxies(body, vertices, ring(vertices, views, size))
    if hands:
        maps = with_hand_crops(maps, body, vertices)
    return Scene(number, params, vertices, posed.joints[0].numpy(), maps)


def corrupt(scene: Scene, body: BodyModel, noise: str, rng: np.random.Generator) -> ProxyMaps:
    """The scene's maps with one of the kinds of `NOISE`."""
    maps = scene.maps
    names = dict(body.atlas.palette.names)
    view = int(rng.integers(maps.kind.count("body")))
    if noise == "pixels":
        return uv_noise(maps, rng, 0.0, 0.03)
    if noise == "uv":
        return uv_noise(maps, rng, 0.05, 0.03)
    if noise == "bad":
        return blobs(blobs(uv_noise(maps, rng, 0.12, 0.05), rng, 0.1), rng, 0.05, on_background=True)
    if noise == "severe":
        maps = swap_labels(maps, view, side_pairs(names))
        return blobs(blobs(uv_noise(maps, rng, 0.2, 0.1), rng, 0.35), rng, 0.15, on_background=True)
    if noise == "parts":
        for v in range(maps.num_views):
            chosen = [pair for pair in side_pairs(names) if rng.random() < 0.2]
            missing = [i for i in names if rng.random() < 0.1]
            maps = drop_labels(swap_labels(maps, v, chosen), missing, [v])
        return blobs(uv_noise(maps, rng, 0.12, 0.05), rng, 0.1)
    if noise in ("legs", "flip"):
        return swap_labels(maps, view, side_pairs(names, LEGS if noise == "legs" else ("",)))
    if noise in ("mirror", "mirrorlegs"):
        pairs = side_pairs(names, LEGS if noise == "mirrorlegs" else ("",))
        for v in range(maps.num_views):
            maps = swap_labels(maps, v, pairs)
        return maps
    if noise == "stranger":
        return stranger(scene, body, view, rng)
    if noise == "moved":
        turn, shift = (x / np.linalg.norm(x) for x in rng.normal(size=(2, 3)))
        camera = maps.cameras[view]
        R = Rotation.from_rotvec(np.radians(4) * turn).as_matrix()
        moved = replace(
            camera, R_cam_world=R @ camera.R_cam_world, t_cam_world=R @ camera.t_cam_world + 0.1 * shift
        )
        return replace(maps, cameras=(*maps.cameras[:view], moved, *maps.cameras[view + 1 :]))
    if noise == "legs3":
        wrong = swap_labels(maps, view, side_pairs(names, LEGS))
        labels = torch.from_numpy(np.stack([wrong.labels, wrong.labels, maps.labels]))
        uv = torch.from_numpy(np.stack([maps.uv] * 3))
        voted, median, weight = aggregate_samples(labels, uv)
        return replace(maps, labels=voted.numpy(), uv=median.numpy(), weight=weight.numpy())
    if noise == "nohands":
        return drop_labels(maps, [i for i, n in names.items() if "hand" in n or "forearm" in n])
    if noise == "occluded":
        return occlude(maps, rng)
    return maps


def stranger(scene: Scene, body: BodyModel, view: int, rng: np.random.Generator) -> ProxyMaps:
    """Another shape, every joint turned by some 6 degrees per axis, in this view alone."""
    old = scene.params
    params = old.replace(
        betas=torch.as_tensor(rng.normal(size=(1, 10))).float(),
        body_pose=old.body_pose + torch.as_tensor(0.1 * rng.normal(size=(1, 63))).float(),
    )
    with torch.no_grad():
        vertices = body(params).vertices[0].numpy()
    seen = render_proxies(
        body, vertices, scene.maps.cameras[view : view + 1], scene.maps.kind[view : view + 1]
    )
    mixed = {k: getattr(scene.maps, k).copy() for k in ("labels", "uv", "weight")}
    for k, values in mixed.items():
        values[view] = getattr(seen, k)[0]
    return replace(scene.maps, **mixed)


def occlude(maps: ProxyMaps, rng: np.random.Generator) -> ProxyMaps:
    """Background over a band of a third of the person's height or width in every view."""
    labels = maps.labels.copy()
    for v in range(len(labels)):
        rows, columns = np.nonzero(labels[v])
        if len(rows) == 0:
            continue
        along = rows if rng.random() < 0.5 else columns
        low, high = along.min(), along.max() + 1
        first = low + rng.random() * (high - low) * 2 / 3
        band = (along >= first) & (along < first + (high - low) / 3)
        labels[v][rows[band], columns[band]] = 0
    return replace(maps, labels=labels, weight=np.where(labels > 0, maps.weight, 0).astype(np.float32))
