"""The epipolar mask must contain the true match of any visible point, crops included, and still exclude most cells."""

import math

import numpy as np
import pytest
import torch

from diffproxy.cameras import Camera
from diffproxy.generator.network.camera_conditioning import CameraBatch, plucker_rays
from diffproxy.generator.network.epipolar import epipolar_mask
from diffproxy.geometry.directions import look_at_rotation


def look_at(center, target, size=256, focal=1.4) -> Camera:
    R = look_at_rotation(center, target)
    K = np.array([[focal * size, 0, size / 2], [0, focal * size, size / 2], [0, 0, 1.0]])
    return Camera("c", size, size, K, R, -R @ center)


def rig(rng, views=4, crops=2) -> list[Camera]:
    """Cameras around a subject at a random place, plus small crops of some of them around a point on the subject."""
    subject = rng.normal(size=3) * 3
    cameras = []
    for i in range(views):
        angle = 2 * math.pi * i / views + rng.uniform(-0.4, 0.4)
        offset = rng.uniform(2, 5) * np.array([math.sin(angle), rng.uniform(-0.3, 0.8), math.cos(angle)])
        camera = look_at(subject + offset, subject + rng.normal(size=3) * 0.1)
        half = rng.uniform(1.0, 1.3) * camera.K[0, 0] / np.linalg.norm(offset)
        u, v = camera.project(subject)
        cameras.append(camera.crop((u - half, v - half, u + half, v + half), (256, 256)))
    hand = subject + rng.uniform(-0.5, 0.5, 3)
    for camera in cameras[:crops]:
        u, v = camera.project(hand)
        cameras.append(camera.crop((u - 20, v - 20, u + 20, v + 20), (256, 256)))
    return cameras, subject, hand


def cells(camera, points, n):
    """Cell index of each point, -1 outside the image."""
    p = camera.project(points) / camera.width * n
    i = np.floor(p)
    inside = np.isfinite(p).all(-1) & (i >= 0).all(-1) & (i < n).all(-1)
    return np.where(inside, np.nan_to_num(i[:, 1]) * n + np.nan_to_num(i[:, 0]), -1).astype(int)


@pytest.mark.parametrize("n", [32, 16, 12, 8, 6, 4])
def test_true_matches_are_allowed(n):
    rng = np.random.default_rng(n)
    hits = total = 0
    density = []
    for _ in range(3):
        cameras, subject, hand = rig(rng)
        mask = epipolar_mask(CameraBatch.from_cameras([cameras]).in_scene_frame(), n)[0, 0]
        points = np.concatenate(
            [subject + rng.uniform(-0.9, 0.9, (600, 3)), hand + rng.uniform(-0.1, 0.1, (300, 3))]
        )
        where = np.stack([cells(c, points, n) for c in cameras])
        for s in range(len(cameras)):
            for t in range(len(cameras)):
                both = (where[s] >= 0) & (where[t] >= 0)
                found = mask[s * n * n + where[s][both], t * n * n + where[t][both]]
                hits, total = hits + int(found.sum()), total + int(both.sum())
        density.append(mask[: 4 * n * n, : 4 * n * n].float().mean().item())
    assert total > 5000
    assert hits / total >= 0.999
    assert np.mean(density) < {32: 0.40, 16: 0.50, 12: 0.60, 8: 0.65, 6: 0.80, 4: 0.95}[n]


def test_every_query_sees_its_own_view_and_padding_is_hidden():
    cameras, *_ = rig(np.random.default_rng(0))
    n, V = 8, len(cameras)
    valid = torch.ones(1, V, dtype=torch.bool)
    valid[0, 1] = False
    mask = epipolar_mask(CameraBatch.from_cameras([cameras]).in_scene_frame(), n, valid)[0, 0]
    blocks = mask.view(V, n * n, V, n * n)
    for v in range(V):
        assert blocks[v, :, v].all()
        assert v == 1 or not blocks[v, :, 1].any()


@pytest.mark.parametrize("n", [32, 16, 12, 8, 6, 4])
def test_same_camera_crops_follow_the_homography(n):
    """No baseline: each crop cell may see the cells of the full view around its exact position, and little else."""
    rng = np.random.default_rng(1)
    camera = look_at(np.array([0.0, 1.0, 4.0]), np.array([0.0, 1.0, 0.0]))
    crop = camera.crop((64.0, 64.0, 192.0, 192.0), (256, 256))
    mask = epipolar_mask(CameraBatch.from_cameras([[camera, crop]]).in_scene_frame(), n)[0, 0]
    block, back = mask[n * n :, : n * n], mask[: n * n, n * n :]
    assert block.sum(1).max() <= 9 and back.sum(1).max() <= 25  # 3 x 3 cells, and 5 x 5 of half the size
    points = rng.uniform(-0.4, 0.4, (500, 3)) + np.array([0.0, 1.0, 0.0])
    a, b = cells(crop, points, n), cells(camera, points, n)
    ok = (a >= 0) & (b >= 0)
    assert block[a[ok], b[ok]].all() and back[b[ok], a[ok]].all()


def test_points_behind_a_camera_are_excluded():
    """Two cameras side by side, same direction: matches of a far-right ray lie on one side of the epipole only."""
    left = look_at(np.array([0.0, 0.0, 0.0]), np.array([0.0, 0.0, 2.0]))
    # epipole in the middle of the image
    ahead = look_at(np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, 2.0]))
    n = 16
    cameras = CameraBatch.from_cameras([[left, ahead]]).in_scene_frame()
    mask = epipolar_mask(cameras, n)[0, 0]
    row = mask[8 * n + 13, n * n :].view(n, n)  # a cell right of the middle
    assert row[7:9, 13:].any()
    assert not row[:, :5].any()


def test_rays_intersect_where_views_see_the_same_point():
    """Plücker coordinates: two rays meet iff d1·m2 + d2·m1 = 0; exact for rays through one 3D point."""
    cameras, subject, _ = rig(np.random.default_rng(2), views=2, crops=0)
    batch = CameraBatch.from_cameras([cameras])
    scene = batch.in_scene_frame()
    pixel = [torch.as_tensor(c.project(subject)[None] / c.width) for c in cameras]
    rays = []
    for v in range(2):
        d = torch.nn.functional.normalize(scene.ray_directions(pixel[v])[0, v, 0], dim=-1)
        rays.append((d, torch.linalg.cross(scene.centers[0, v], d)))
    assert abs(rays[0][0] @ rays[1][1] + rays[1][0] @ rays[0][1]) < 1e-9
    grid = plucker_rays(scene, 8)
    torch.testing.assert_close(grid[..., :3].norm(dim=-1), torch.ones(1, 2, 64))
    assert grid[..., 3:].norm(dim=-1).median() < 2  # of order one, whatever the units


def test_one_camera_has_a_scale_free_frame():
    for scale in (1.0, 1000.0):
        camera = look_at(np.array([1.0, 2.0, 3.0]) * scale, np.zeros(3))
        scene = CameraBatch.from_cameras([[camera]]).in_scene_frame()
        if scale == 1.0:
            first = plucker_rays(scene, 4)
    torch.testing.assert_close(plucker_rays(scene, 4), first, rtol=1e-4, atol=1e-4)


def test_the_mask_is_built_view_by_view(largest):
    """Besides the mask (a byte each), one source view's distances at a time, never those of all pairs of views."""
    n, views = 16, 12
    cameras, *_ = rig(np.random.default_rng(3), views=views, crops=0)
    with largest() as seen:
        mask = epipolar_mask(CameraBatch.from_cameras([cameras]).in_scene_frame(), n)
    assert mask.numel() == (views * n * n) ** 2 == seen.elements
    assert seen.floats == views * n**4
