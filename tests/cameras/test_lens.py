"""Lens models: derivative, inverse, and the radius where a polynomial turns back; undistorted images."""

import cv2
import numpy as np
import pytest

from diffproxy.cameras import Camera
from diffproxy.cameras.lens import distort, turning_radius, undistort
from diffproxy.cameras.undistortion import sampling_maps, undistort_image
from diffproxy.utils.errors import InputError

COEFFICIENTS = {
    "mild": ("opencv", [-0.2, 0.1, 0.001, -0.002]),
    "action camera": ("opencv", [-0.32, 0.12, 0.0005, -0.0003, -0.02]),
    "rational": ("opencv", [0.1, 0.05, 0.001, 0.002, 0.01, 0.12, 0.03, 0.002]),
    "prism": ("opencv", [-0.1, 0.05, 0.001, 0.002, 0.01, 0.02, 0.03, 0.002, 0.001, 0.002, -0.001, 0.003]),
    "fisheye": ("fisheye", [0.05, -0.02, 0.01, -0.003]),
}


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_jacobian_by_central_differences(name):
    lens, d = COEFFICIENTS[name]
    xy, e = np.random.default_rng(0).uniform(-0.6, 0.6, (50, 2)), 1e-6
    steps = [
        (distort(xy + e * v, np.array(d), lens)[0] - distort(xy - e * v, np.array(d), lens)[0]) / (2 * e)
        for v in np.eye(2)
    ]
    np.testing.assert_allclose(distort(xy, np.array(d), lens)[1], np.stack(steps, -1), atol=1e-9)


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_undistort_undoes_distort(name):
    lens, d = COEFFICIENTS[name]
    reach = min(0.8 * turning_radius(np.array(d), lens), 1.2) / np.sqrt(2)
    xy = np.random.default_rng(0).uniform(-reach, reach, (500, 2))
    np.testing.assert_allclose(
        undistort(distort(xy, np.array(d), lens)[0], np.array(d), lens), xy, atol=1e-10
    )


def test_turning_radius_of_one_coefficient():
    """r (1 + k r^2) turns where 1 + 3 k r^2 = 0: for k = -1/3 at r = 1."""
    d = np.array([-1 / 3, 0, 0, 0])
    assert turning_radius(d, "opencv") == pytest.approx(1.0)
    assert turning_radius(np.array([0.1, 0.1, 0, 0]), "opencv") == np.inf


def test_points_beyond_the_turn_do_not_fold_into_the_image():
    K = np.array([[300.0, 0, 320], [0, 300, 240], [0, 0, 1]])
    camera = Camera("c", 640, 480, K, np.eye(3), np.zeros(3), np.array([-1 / 3, 0.0, 0.0, 0.0]))
    folded = cv2.projectPoints(np.array([[1.6, 0, 1.0]]), np.zeros(3), np.zeros(3), K, camera.distortion)[0]
    assert 0 < folded[0, 0, 0] < 640  # what OpenCV alone would say
    assert np.isnan(camera.project(np.array([1.6, 0.0, 1.0]))).all()
    assert np.isnan(
        camera.normalized(np.array([900.0, 240.0]))
    ).all()  # further out than the model ever reaches


def test_undistort_agrees_with_opencv():
    lens, d = COEFFICIENTS["mild"]
    xy = np.random.default_rng(0).uniform(-0.5, 0.5, (100, 2))
    bent = distort(xy, np.array(d), lens)[0]
    many = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-12)
    expected = cv2.undistortPoints(bent[:, None], np.eye(3), np.array(d), None, None, None, many)
    np.testing.assert_allclose(undistort(bent, np.array(d), lens), expected[:, 0], atol=1e-8)


def make_camera(name: str) -> Camera:
    lens, d = COEFFICIENTS[name]
    f = 140.0 if lens == "fisheye" else 260.0
    K = np.array([[f, 0, 161.0], [0, 1.01 * f, 118.0], [0, 0, 1]])
    R = cv2.Rodrigues(np.array([0.3, -0.4, 0.2]))[0]
    return Camera("c", 320, 240, K, R, np.array([0.1, 0.2, 0.3]), np.array(d), lens=lens)


def image_of_the_world(camera: Camera) -> np.ndarray:
    """A smooth function of viewing direction, as that camera sees it."""
    x, y = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    ray = camera.rays_world(np.stack([x, y], -1))[1]
    return np.round(127.5 + 120 * np.sin(4 * np.nan_to_num(ray))).astype(np.uint8)


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_undistorted_image_is_what_the_pinhole_sees(name):
    camera = make_camera(name)
    target = camera.undistorted()
    assert target.is_pinhole
    got = undistort_image(image_of_the_world(camera), sampling_maps(camera, target))
    gap = np.abs(got.astype(int) - image_of_the_world(target).astype(int))
    assert gap.max() <= 2 and gap.mean() < 0.5  # everywhere, borders included: alpha 0 leaves no black


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_alpha_one_keeps_every_pixel_and_alpha_zero_shows_no_border(name):
    camera = make_camera(name)
    w, h = camera.width, camera.height
    edge = np.linspace(0, 1, 41)
    border = np.concatenate(
        [np.stack([edge * w, np.full(41, v)], -1) for v in (0.0, float(h))]
        + [np.stack([np.full(41, v), edge * h], -1) for v in (0.0, float(w))]
    )
    origin, ray = camera.rays_world(border)
    kept = camera.undistorted(1.0).project(origin + ray)
    assert (kept > -0.05).all() and (kept < np.array([w, h]) + 0.05).all()
    cut = camera.undistorted(0.0)
    seen = camera.project(cut.center_world + cut.rays_world(border)[1])
    assert (seen > -0.05).all() and (seen < np.array([w, h]) + 0.05).all()
    assert cut.K[0, 0] / cut.K[1, 1] == pytest.approx(camera.K[0, 0] / camera.K[1, 1])


def test_target_may_be_a_crop():
    camera = make_camera("mild")
    crop = camera.undistorted().crop((80.0, 60.0, 240.0, 180.0), (160, 120))
    got = undistort_image(image_of_the_world(camera), sampling_maps(camera, crop))
    assert np.abs(got.astype(int) - image_of_the_world(crop).astype(int)).max() <= 2


def test_pinhole_maps_are_the_identity():
    camera = make_camera("mild").undistorted()
    x, y = sampling_maps(camera, camera)
    np.testing.assert_allclose(x[0], np.arange(320), atol=1e-4)
    np.testing.assert_allclose(y[:, 0], np.arange(240), atol=1e-4)


def test_lens_that_does_not_cover_the_image_is_explained():
    K = np.array([[150.0, 0, 160], [0, 150, 120], [0, 0, 1]])
    camera = Camera("c", 320, 240, K, np.eye(3), np.zeros(3), np.array([-1 / 3, 0.0, 0.0, 0.0]))
    with pytest.raises(InputError, match="covers the whole image"):
        camera.undistorted()
    with pytest.raises(InputError, match="alpha"):
        make_camera("mild").undistorted(2.0)
