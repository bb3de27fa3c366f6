"""Every layout of cameras sees the subject, through exact pinholes."""

import numpy as np
import pytest

from render_synth.cameras import sample_layout, visible_box
from render_synth.layouts import LAYOUTS

LOW, HIGH = np.array([-0.4, 0.0, -0.3]), np.array([0.4, 1.8, 0.3])


def fov(camera) -> float:
    return float(np.degrees(2 * np.arctan(max(camera.width, camera.height) / 2 / camera.K[0, 0])))


@pytest.mark.parametrize("kind", LAYOUTS)
def test_every_layout_sees_the_subject(kind):
    rng = np.random.default_rng(1)
    points = rng.uniform(LOW, HIGH, (300, 3))
    seen, sizes, distances, lenses = [], [], [], []
    for _ in range(25):
        layout = sample_layout(rng, 4, LOW, HIGH, 7.5, kind)
        assert layout.kind == kind and [c.name for c in layout.cameras] == [f"cam{i}" for i in range(4)]
        for camera in layout.cameras:
            assert camera.is_pinhole and camera.K[0, 0] == camera.K[1, 1]
            lenses.append(fov(camera))
            assert (19.9 if kind == "tele" else 29.9) < lenses[-1] < 110.1
            x = camera.center_world
            distances.append(np.linalg.norm(x[[0, 2]]))
            assert 0.05 < x[1] < 4.6 and np.linalg.norm(x[[0, 2]]) < 7.6
            clear = 0.15 if kind == "close" else 0.2
            assert ((x < LOW - clear) | (x > HIGH + clear)).any()  # never in or at the body
            uv = camera.project(points)
            inside = np.isfinite(uv).all(1) & (uv >= 0).all(1) & (uv < [camera.width, camera.height]).all(1)
            seen.append(inside.mean())
            box = visible_box(camera, points)
            if box is not None:
                sizes.append(max(box[2] - box[0], box[3] - box[1]) / max(camera.width, camera.height))
    assert np.mean(np.array(seen) >= 0.15) > 0.95
    assert np.median(seen) > (0.5 if kind in ("near", "close") else 0.95)
    if kind == "far":
        assert np.median(sizes) < 0.3
    if kind in ("near", "close"):
        assert np.median(sizes) > 0.55
    if kind == "close":
        assert max(distances) <= 1.31 and np.median(distances) < 1.05
    if kind == "tele":
        assert np.median(lenses) < 33


@pytest.mark.parametrize("count", [1, 2, 8, 14])
def test_any_number_of_cameras(count):
    rng = np.random.default_rng(2)
    for kind in LAYOUTS:
        assert len(sample_layout(rng, count, LOW, HIGH, 7.5, kind).cameras) == count


def test_projection_is_that_of_a_camera_turned_and_tilted():
    """A point along the camera's own axes lands where f x / z says, whatever the mount."""
    rng = np.random.default_rng(3)
    for kind in LAYOUTS:
        for camera in sample_layout(rng, 3, LOW, HIGH, 7.5, kind).cameras:
            R, f = camera.R_cam_world, camera.K[0, 0]
            np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
            assert np.linalg.det(R) == pytest.approx(1)
            point = camera.center_world + 3.0 * R[2] + 0.3 * R[0] - 0.2 * R[1]
            np.testing.assert_allclose(
                camera.project(point[None])[0], camera.K[:2, 2] + [f * 0.1, -f * 0.2 / 3], atol=1e-8
            )


def test_the_mix_holds_the_real_labs():
    """Cameras like those of a movement lab: upright, 60 degrees, 4 m off, looking down, tilted."""
    rng, hits, total = np.random.default_rng(4), 0, 0
    for _ in range(300):
        for camera in sample_layout(rng, 4, LOW, HIGH, 7.5).cameras:
            down = np.degrees(np.arcsin(-camera.direction_world[1]))
            roll = np.degrees(np.arcsin(camera.R_cam_world[0, 1]))
            far = np.linalg.norm(camera.center_world[[0, 2]])
            total += 1
            hits += (
                camera.height > camera.width and 50 < fov(camera) < 70 and 2.5 < far < 5.5
                and 12 < down < 32 and 5 < abs(roll) < 30
            )  # fmt: skip
    assert hits > 0.015 * total
