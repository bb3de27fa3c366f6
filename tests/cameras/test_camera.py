"""One camera: projection against OpenCV, round trips, crops, and cameras that cannot be."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from diffproxy.cameras import Camera, PixelGrid, stack_cameras
from diffproxy.utils.errors import InputError

LENSES = {
    "pinhole": ("opencv", []),
    "four": ("opencv", [-0.2, 0.1, 0.001, -0.002]),
    "five": ("opencv", [-0.25, 0.12, 0.001, -0.002, -0.03]),
    "rational": ("opencv", [0.1, 0.05, 0.001, 0.002, 0.01, 0.12, 0.03, 0.002]),
    "prism": ("opencv", [-0.1, 0.05, 0.001, 0.002, 0.01, 0.02, 0.03, 0.002, 0.001, 0.002, -0.001, 0.003]),
    "fisheye": ("fisheye", [0.05, -0.02, 0.01, -0.003]),
}


def make_camera(lens="pinhole", seed=0) -> Camera:
    model, d = LENSES[lens]
    rng = np.random.default_rng(seed)
    R = cv2.Rodrigues(rng.normal(size=3))[0]
    K = np.array([[800.0, 0, 320.3], [0, 790.0, 241.0], [0, 0, 1]])
    return Camera("cam", 640, 480, K, R, np.array([0.1, -0.2, 3.0]), np.array(d), lens=model)


def points_in_view(camera: Camera, n=200) -> np.ndarray:
    rng = np.random.default_rng(1)
    x_cam = np.concatenate([rng.uniform(-0.45, 0.45, (n, 2)), np.ones((n, 1))], 1) * rng.uniform(1, 5, (n, 1))
    return (x_cam - camera.t_cam_world) @ camera.R_cam_world


@pytest.mark.parametrize("lens", LENSES)
def test_project_is_opencv(lens):
    camera = make_camera(lens)
    x = points_in_view(camera)
    rvec, d = cv2.Rodrigues(camera.R_cam_world)[0], np.array(LENSES[lens][1])
    if lens == "fisheye":
        expected = cv2.fisheye.projectPoints(x[:, None], rvec, camera.t_cam_world, camera.K, d)[0][:, 0]
    else:
        expected = cv2.projectPoints(x, rvec, camera.t_cam_world, camera.K, d if d.size else None)[0][:, 0]
    np.testing.assert_allclose(camera.project(x), expected, atol=1e-9)


@pytest.mark.parametrize("lens", LENSES)
def test_unproject_and_rays_undo_project(lens):
    camera = make_camera(lens)
    x = points_in_view(camera)
    pixels = camera.project(x)
    depth = (x @ camera.R_cam_world.T + camera.t_cam_world)[:, 2]
    np.testing.assert_allclose(camera.unproject(pixels, depth), x, atol=1e-11)
    origin, ray = camera.rays_world(pixels)
    np.testing.assert_allclose(np.linalg.norm(ray, axis=1), 1, atol=1e-12)
    along = ((x - origin) * ray).sum(1, keepdims=True)
    np.testing.assert_allclose(origin + along * ray, x, atol=1e-11)


def test_golden_pixel():
    """A point 2 m ahead, 0.5 m right, 0.25 m up, focal 1000, centre (320, 240): pixel (570, 115)."""
    camera = Camera(
        "c", 640, 480, np.array([[1000.0, 0, 320], [0, 1000, 240], [0, 0, 1]]), np.eye(3), np.zeros(3)
    )
    np.testing.assert_allclose(camera.project(np.array([0.5, -0.25, 2.0])), [570, 115])


def test_points_behind_are_nan():
    camera = make_camera("four")
    behind = camera.center_world - camera.direction_world
    assert np.isnan(camera.project(behind[None])).all()


def test_any_leading_shape():
    camera = make_camera("five")
    x = points_in_view(camera, 24)
    np.testing.assert_allclose(
        camera.project(x.reshape(2, 3, 4, 3)).reshape(-1, 2), camera.project(x), atol=1e-11
    )
    np.testing.assert_allclose(camera.project(x[0]), camera.project(x)[0], atol=1e-11)
    assert camera.rays_world(camera.project(x[0]))[1].shape == (3,)


@pytest.mark.parametrize("lens", LENSES)
def test_crop_projects_to_the_same_place(lens):
    camera = make_camera(lens)
    x = points_in_view(camera)
    box, size = (100.0, 50.0, 400.0, 250.0), (150, 200)
    crop = camera.crop(box, size, name="part")
    expected = (camera.project(x) - (100, 50)) * (150 / 300, 200 / 200)
    np.testing.assert_allclose(crop.project(x), expected, atol=1e-9)
    assert (crop.name, crop.width, crop.height) == ("part", 150, 200)


def test_crop_of_everything_is_identity_and_resize_scales():
    camera = make_camera()
    same = camera.crop((0.0, 0.0, 640.0, 480.0), (640, 480))
    np.testing.assert_array_equal(same.K, camera.K)
    x = points_in_view(camera)
    np.testing.assert_allclose(camera.resize(320, 240).project(x), camera.project(x) / 2, atol=1e-9)
    with pytest.raises(InputError, match="box"):
        camera.crop((10.0, 0.0, 10.0, 5.0), (8, 8))


@pytest.mark.parametrize("lens", LENSES)
def test_json_round_trip_is_exact(lens):
    camera = replace(make_camera(lens), pixel_grid=PixelGrid(1088 / 1080, (0.0, -7.1)))
    back = Camera.from_json(json.loads(json.dumps(camera.to_json())))
    for key in ("K", "R_cam_world", "t_cam_world", "distortion"):
        np.testing.assert_array_equal(getattr(back, key), getattr(camera, key))
    assert (back.name, back.width, back.height, back.lens) == (camera.name, 640, 480, camera.lens)
    assert back.pixel_grid == camera.pixel_grid


def test_pixel_grid_is_calibration_from_image():
    camera = replace(make_camera("four"), pixel_grid=PixelGrid(2.0, (10.0, -20.0)))
    image = camera.for_image(300, 200)
    x = points_in_view(camera)
    np.testing.assert_allclose(2 * image.project(x) + (10, -20), camera.project(x), atol=1e-9)
    assert (image.width, image.height, image.pixel_grid) == (300, 200, None)


def test_stack_cameras():
    cameras = [make_camera(seed=s) for s in range(3)]
    K, R, t = stack_cameras(cameras)
    assert (K.shape, R.shape, t.shape) == ((3, 3, 3), (3, 3, 3), (3, 3)) and K.dtype == np.float64
    np.testing.assert_array_equal(R[1], cameras[1].R_cam_world)
    with pytest.raises(InputError, match="undistorted"):
        stack_cameras([make_camera("four")])


BAD = {
    "R is a mirror": ({"R_cam_world": np.diag([1.0, 1.0, -1.0])}, "mirror"),
    "R is scaled": ({"R_cam_world": 2 * np.eye(3)}, "orthonormal"),
    "R has NaN": ({"R_cam_world": np.full((3, 3), np.nan)}, "finite"),
    "t is infinite": ({"t_cam_world": np.array([0, 0, np.inf])}, "finite"),
    "focal negative": ({"K": np.diag([-800.0, 800.0, 1.0])}, "positive"),
    "K transposed": ({"K": np.array([[800.0, 0, 0], [0, 800, 0], [320, 240, 1]])}, "K of camera"),
    "size zero": ({"width": 0}, "image size"),
    "distortion count": ({"distortion": np.arange(6.0)}, "0, 4, 5, 8 or 12"),
    "tilted sensor": ({"distortion": np.ones(14) * 0.01}, "tilted"),
    "distortion NaN": ({"distortion": np.full(4, np.nan)}, "finite"),
}


@pytest.mark.parametrize("case", BAD)
def test_impossible_cameras_are_refused(case):
    change, message = BAD[case]
    with pytest.raises(InputError, match=message):
        replace(make_camera(), **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"K": "none"}, "K of camera"),
        ({"K": [[1, 2], [3, 4]]}, "shape"),
        ({"width": 640.5}, "whole number"),
        ({"pixel_grid": {"scale": -1}}, "scale up to 100"),
        ({"pixel_grid": {"scale": 1e-9}}, "scale up to 100"),
        ({"distortion": [1e300, 0, 0, 0]}, "distortion coefficients up to"),
        ({"pixel_grid": {"zoom": 2}}, "two keys"),
        ({"pixel_grid": {"shift": [1]}}, "numbers"),
        ({"colour": 1}, "docs/rigs.md"),
        ({"lens": "mirror"}, "lens"),
    ],
)
def test_bad_json_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        Camera.from_json(make_camera().to_json() | change)


def test_short_and_zero_distortion():
    assert replace(make_camera(), distortion=np.zeros(5)).is_pinhole
    np.testing.assert_array_equal(
        replace(make_camera(), distortion=np.array([0.1])).distortion, [0.1, 0, 0, 0]
    )
    assert replace(make_camera(), distortion=np.r_[0.1, np.zeros(13)]).distortion.size == 12


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../../cam0", "/tmp/cam0", "a\\b", "cam0\0", "a\nb", "c" * 201, "\u8a9e" * 70]
)
def test_names_that_are_paths_or_no_file_names_are_refused(name):
    """Overlays and videos are written under the names of cameras: one must not lead out of the run's folder."""
    with pytest.raises(InputError, match="a camera name of 1 to 200 bytes that is no path"):
        replace(make_camera(), name=name)
    assert replace(make_camera(), name="Kamera 1, links \u00e9").name.startswith("Kamera")
