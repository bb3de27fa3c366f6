"""Turning views is exact, and the reading that is surest of itself is the one that counts."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from diffproxy.cameras import Camera, open_frames
from diffproxy.generator import DiffProxyOutput, DiffProxyPipeline
from diffproxy.generator.test_time_rotation import (
    CONFIDENT_WEIGHT,
    MIN_SINE,
    candidate_rotations,
    mean_weight,
    predict_upright,
    quarter_turns_to,
    rotate_back,
    rotate_camera,
    rotate_views,
)
from diffproxy.geometry.boxes import expand_to_square
from diffproxy.pipeline.crop_refinement import crop_views
from diffproxy.proxies.flip import flip_table
from diffproxy.proxies.maps import ProxyMaps

DEMO = Path(__file__).parents[2] / "examples" / "synthetic_rig"
SIDE = 8
UP = np.array([0.0, 1.0, 0.0])


def ring(views: int, side: int = SIDE) -> list[Camera]:
    """Level cameras around the origin, y up in the world."""
    cameras = []
    for angle in np.arange(views) * 2 * np.pi / views + 0.1:
        center = 3 * np.array([np.sin(angle), 0.0, np.cos(angle)])
        z = -center / 3
        x = np.cross(-UP, z)
        R = np.stack([x, np.cross(z, x), z])
        K = np.array([[1.5 * side, 0, side / 2 + 0.3], [0, 1.4 * side, side / 2 - 0.2], [0, 0, 1.0]])
        cameras.append(Camera(f"c{angle:.1f}", side, side, K, R, -R @ center))
    return cameras


class Reader(DiffProxyPipeline):
    """Sees labels in red; is as sure as the green arrow points up (level: unsure); notes how it was asked."""

    def __init__(self, adapter: str = "pyramid"):
        self.network = SimpleNamespace(config=SimpleNamespace(adapter=adapter, steps=0))
        self.asked: list[tuple[int, int]] = []

    def __call__(self, images, cameras, kinds, steps, samples, generator=None, flip=None):
        self.asked.append((samples, steps))
        labels = images[:, 0].round().numpy().astype(np.uint8)
        rows = images[:, 1].sum(2).numpy()
        height = (rows * np.linspace(1, 0, SIDE)).sum(1) / rows.sum(1)
        weight = np.where(labels > 0, CONFIDENT_WEIGHT / 0.6 * height[:, None, None], 0).astype(np.float32)
        uv = images[:, [0, 2]].permute(0, 2, 3, 1).numpy()
        height, width = images.shape[-2:]
        at = np.tile([0.3 * width, 0.1 * height, 0.9, 1.0], (len(cameras), 17, 1))
        maps = ProxyMaps(labels, uv, weight, tuple(kinds), tuple(cameras))
        return DiffProxyOutput(maps, at, (0,) * len(cameras))


def scene(cameras: list[Camera], up: np.ndarray) -> torch.Tensor:
    """Pictures of noise labels with a green arrow to where `up` points in each view."""
    rng = torch.Generator().manual_seed(0)
    images = torch.rand(len(cameras), 3, SIDE, SIDE, generator=rng)
    images[:, 0] = torch.randint(1, 31, images[:, 0].shape, generator=rng).float()
    at = (np.arange(SIDE) + 0.5) / SIDE * 2 - 1
    for image, camera in zip(images, cameras, strict=True):
        x, y, _ = camera.R_cam_world @ up
        image[1] = torch.from_numpy(np.exp(2 * (at[None] * x + at[:, None] * y)))
    return images


@pytest.mark.parametrize("quarters", [-3, -1, 0, 1, 2, 3, 5])
def test_a_rotated_camera_sees_points_where_the_turned_picture_shows_them(quarters):
    camera = ring(3)[1]
    points = np.random.default_rng(0).normal(0, 0.4, (40, 3))
    pixels = camera.project(points)
    for _ in range(quarters % 4):
        pixels = np.stack([pixels[:, 1], SIDE - pixels[:, 0]], 1)
    turned = rotate_camera(camera, quarters)
    np.testing.assert_allclose(turned.project(points), pixels, atol=1e-9)
    np.testing.assert_allclose(rotate_camera(turned, -quarters).K, camera.K, atol=1e-12)

    row, column = 1, 6  # one bright pixel moves as a point at its centre does
    image = torch.zeros(1, 3, SIDE, SIDE)
    image[0, 0, row, column] = 1.0
    (picture,), (found,) = rotate_views(image, [camera], [quarters])
    x, y = column + 0.5, row + 0.5
    for _ in range(quarters % 4):
        x, y = y, SIDE - x
    assert picture[0, int(y), int(x)] == 1.0
    np.testing.assert_array_equal(found.K, turned.K)


def test_maps_turn_there_and_back():
    cameras, rng = ring(4), np.random.default_rng(1)
    labels = rng.integers(0, 30, (4, SIDE, SIDE), dtype=np.uint8)
    maps = ProxyMaps(
        labels, rng.random((4, SIDE, SIDE, 2)), rng.random(labels.shape), ("body",) * 4, tuple(cameras)
    )
    points = np.concatenate([rng.uniform(0, SIDE, (4, 17, 2)), rng.random((4, 17, 2))], -1)
    there = rotate_back(DiffProxyOutput(maps, points), [0, 1, 2, 3])
    np.testing.assert_array_equal(there.proxies.labels[1], np.rot90(labels[1], -1))
    for k, camera in enumerate(cameras):  # a keypoint keeps its viewing ray
        xyz = rotate_camera(there.proxies.cameras[k], k).R_cam_world.T
        np.testing.assert_allclose(xyz, camera.R_cam_world.T, atol=1e-12)
        before, after = (
            c.normalized(p[k, :, :2])
            for c, p in ((camera, points), (there.proxies.cameras[k], there.keypoints))
        )
        rays = [
            np.c_[r, np.ones(17)] @ c.R_cam_world
            for r, c in ((before, camera), (after, there.proxies.cameras[k]))
        ]
        np.testing.assert_allclose(*rays, atol=1e-9)
    there = rotate_back(there, [0, -1, -2, -3])
    np.testing.assert_allclose(there.keypoints, points, atol=1e-12)
    again = there.proxies
    for name in ("labels", "uv", "weight"):
        np.testing.assert_array_equal(getattr(again, name), getattr(maps, name))
    for a, b in zip(again.cameras, cameras, strict=True):
        np.testing.assert_allclose(a.R_cam_world, b.R_cam_world, atol=1e-12)


@pytest.mark.parametrize("views", [1, 2, 4, 7])
def test_each_candidate_rotation_brings_one_direction_up_in_all_views(views):
    cameras = ring(views)
    ways = candidate_rotations(cameras)
    assert len(ways) == len(set(ways)) and (0,) * views in ways and (2,) * views in ways
    assert (0,) * views not in candidate_rotations(cameras, but=(0,) * views)
    if views == 1:
        assert set(ways) == {(0,), (1,), (2,), (3,)}
    for turns in ways:
        after = [rotate_camera(c, k) for c, k in zip(cameras, turns, strict=True)]
        heights = (
            [-(c.R_cam_world @ d)[1] for c in after if np.hypot(*(c.R_cam_world @ d)[:2]) > MIN_SINE]
            for d in directions()
        )
        best = max(min(h) for h in heights if h)
        assert best > MIN_SINE * np.sqrt(0.5) - 1e-9


def directions() -> np.ndarray:
    """Up, down and every direction of the horizon by one degree."""
    angle = np.radians(np.arange(360))
    level = np.stack([np.sin(angle), 0 * angle, np.cos(angle)], 1)
    return np.concatenate([[UP, -UP], level])


@pytest.mark.parametrize("up", [UP, -UP, np.array([1.0, 0, 0]), np.array([0, 0, -1.0])])
def test_the_surest_reading_wins_and_comes_back_on_the_views_as_given(up):
    cameras = ring(4)
    images = scene(cameras, up)
    reader = Reader()
    output = predict_upright(reader, images, cameras, ["body"] * 4)
    maps, turns = output.proxies, output.quarter_turns
    np.testing.assert_array_equal(maps.labels, images[:, 0].numpy().astype(np.uint8))
    np.testing.assert_array_equal(maps.uv, images[:, [0, 2]].permute(0, 2, 3, 1).numpy())
    for a, b in zip(maps.cameras, cameras, strict=True):
        np.testing.assert_allclose(a.K, b.K, atol=1e-12)
        np.testing.assert_allclose(a.R_cam_world, b.R_cam_world, atol=1e-12)
    sure = mean_weight(reader(images, cameras, ["body"] * 4, 0, 1).proxies)
    assert turns == quarter_turns_to(up, UP, cameras)
    if up is UP:
        # looked at once, and here
        assert mean_weight(maps) == sure > CONFIDENT_WEIGHT and len(reader.asked) == 2
    else:
        assert mean_weight(maps) > 0.55 / 0.6 * CONFIDENT_WEIGHT > sure and len(reader.asked) > 4


def test_turns_of_an_earlier_pass_are_tried_first():
    cameras, reader = ring(4), Reader()
    output = predict_upright(reader, scene(cameras, -UP), cameras, ["body"] * 4, turns=[2] * 4)
    assert output.quarter_turns == (2,) * 4 and len(reader.asked) == 1
    wrong = predict_upright(Reader(), scene(cameras, UP), cameras, ["body"] * 4, turns=[2] * 4)
    assert wrong.quarter_turns == (0,) * 4


def test_a_small_gain_turns_nothing_where_more_is_asked_for():
    cameras = ring(1)
    images, kinds = scene(cameras, -UP), ["body"]
    best = mean_weight(predict_upright(Reader(), images, cameras, kinds).proxies)
    first = mean_weight(Reader()(images, cameras, kinds, 0, 1).proxies)
    assert 0 < first < best
    for gain, turns in ((0.99 * (best - first), 2), (1.01 * (best - first), 0)):
        output = predict_upright(Reader(), images, cameras, kinds, least_gain=gain)
        assert output.quarter_turns == (turns,)


def test_an_empty_scene_is_looked_at_once():
    cameras = ring(4)
    reader = Reader()
    images = torch.zeros(4, 3, SIDE, SIDE)
    images[:, 1] = 0.5
    output = predict_upright(reader, images, cameras, ["body"] * 4)
    maps, turns = output.proxies, output.quarter_turns
    assert not maps.labels.any() and turns == (0,) * 4
    assert len(reader.asked) == 1


def test_samples_are_drawn_in_the_views_that_were_turned():
    cameras = ring(4)
    reader = Reader()
    output = predict_upright(reader, scene(cameras, -UP), cameras, ["body"] * 4, 4, 3)
    drawn, turns = output.proxies, output.quarter_turns
    assert reader.asked[-1] == (3, 4) and set(reader.asked[:-1]) == {(1, 0)}
    assert mean_weight(drawn) > CONFIDENT_WEIGHT and turns == (2,) * 4


def test_a_generator_without_direct_prediction_sees_the_views_as_they_are():
    cameras = ring(4)
    reader = Reader(adapter="t2i")
    output = predict_upright(reader, scene(cameras, -UP), cameras, ["body"] * 4, 4)
    maps, turns = output.proxies, output.quarter_turns or (0,) * 4
    assert reader.asked == [(1, 4)] and mean_weight(maps) < CONFIDENT_WEIGHT and turns == (0,) * 4


def test_mean_weight_is_of_the_body_views_and_their_foreground():
    labels = np.zeros((3, 2, 2), np.uint8)
    labels[0, 0], labels[2] = 5, 33
    weight = np.where(labels == 5, 0.8, np.where(labels == 33, 0.1, 0.0)).astype(np.float32)
    maps = ProxyMaps(labels, np.zeros((3, 2, 2, 2)), weight, ("body", "body", "left_hand"), tuple(ring(3, 2)))
    assert mean_weight(maps) == pytest.approx(0.4)  # the second body view shows nobody
    assert mean_weight(maps.select([2])) == pytest.approx(0.1)


def test_packaged_nano_reads_the_demo_rig_hung_upside_down_as_it_reads_it_upright(body):
    pipe = DiffProxyPipeline.from_pretrained("nano", precision="fp32")
    size = pipe.network.config.image_size
    frames = open_frames(DEMO)
    with np.load(DEMO / "ground_truth.npz") as truth:
        pixels = [camera.project(truth["joints"][0]) for camera in frames.cameras]
    boxes = [expand_to_square((*p.min(0), *p.max(0)), 1.3) for p in pixels]
    crops = crop_views(frames.read(0), frames.cameras, boxes, size)
    cameras = list(crops.cameras)
    kinds, table = ["body"] * len(cameras), flip_table(body)
    upright = predict_upright(pipe, crops.images, cameras, kinds, flip=table).proxies
    assert mean_weight(upright) > CONFIDENT_WEIGHT

    hung, hung_cameras = rotate_views(crops.images, cameras, [2] * len(cameras))
    as_seen = pipe(hung, hung_cameras, kinds, flip=table).proxies
    assert mean_weight(as_seen) < 0.75 * mean_weight(upright)
    found = predict_upright(pipe, hung, hung_cameras, kinds, flip=table)
    assert found.quarter_turns == (2,) * len(cameras)
    read = rotate_back(found, found.quarter_turns).proxies
    np.testing.assert_array_equal(read.labels, upright.labels)
    np.testing.assert_allclose(read.uv, upright.uv, atol=1e-6)
