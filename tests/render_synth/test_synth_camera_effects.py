"""Each step from light to image on inputs whose answer is known."""

import numpy as np
import pytest

from render_synth.camera_effects import lens, sensor
from render_synth.camera_effects.camera_settings import (
    CropGeometry,
    sample_camera_settings,
    simulate_camera,
)

GREY = np.full((40, 48, 3), 0.25, np.float32)
GEOMETRY = CropGeometry(scale=0.2, center=(24.0, 20.0), half_diagonal=60.0, focal=300.0)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_exposure_is_a_gain_and_the_meter_finds_it():
    np.testing.assert_allclose(sensor.expose(GREY, 2.0, -1.0), GREY)
    np.testing.assert_allclose(sensor.expose(GREY, 1.0, 1.5), GREY * 2**1.5, rtol=1e-6)
    gain = sensor.meter(GREY * 7)
    assert gain * 0.25 * 7 * 1.02 == pytest.approx(0.18, rel=1e-3)
    assert sensor.meter(GREY * 14) == pytest.approx(gain / 2, rel=1e-3)


def test_automatic_white_balance_makes_grey_of_a_cast():
    cast = GREY * np.array([0.5, 1.0, 2.0], np.float32)
    assert np.ptp((cast * sensor.grey_world(cast, 1.0))[0, 0]) < 1e-4
    half = (cast * sensor.grey_world(cast, 0.5))[0, 0]
    assert half[2] / half[0] == pytest.approx(2.0, rel=1e-3)
    np.testing.assert_allclose(sensor.grey_world(cast, 0.0), 1)


def test_white_balance_of_opposite_signs_cancels():
    there = sensor.white_balance(GREY, 0.2, 0.1)
    assert there[0, 0, 0] > 0.25 > there[0, 0, 2] and there[0, 0, 1] < 0.25
    np.testing.assert_allclose(sensor.white_balance(there, -0.2, -0.1), GREY, rtol=1e-6)


def test_noise_has_the_variance_of_shot_and_read():
    for level in (0.0, 0.1, 0.8):
        image = np.full((200, 200, 3), level, np.float32)
        got = sensor.noise(rng(), image, 0.001, 0.02) - level
        assert got.var() == pytest.approx(0.001 * level + 0.02**2, rel=0.02)
        assert abs(got.mean()) < 4 * got.std() / np.sqrt(got.size)


def test_noise_reduction_calms_noise_and_keeps_edges():
    image = np.zeros((40, 40, 3), np.float32)
    image[:, 20:] = 0.8
    noisy = image + 0.02 * rng().standard_normal(image.shape).astype(np.float32)
    calm = sensor.smooth_noise(noisy, 0.5)
    assert (calm - image)[:, :15].std() < 0.5 * 0.02
    assert calm[:, 21:24].mean() - calm[:, 16:19].mean() > 0.7


def test_soft_clip_and_tone_keep_the_range_and_the_ends():
    ramp = np.linspace(0, 4, 300, dtype=np.float32).reshape(10, 10, 3)
    out = sensor.soft_clip(ramp, 0.7)
    assert (np.diff(out.ravel()) > 0).all() and out.max() < 1
    np.testing.assert_array_equal(out[ramp < 0.7], ramp[ramp < 0.7])
    unit = ramp / 4
    np.testing.assert_allclose(sensor.tone(unit), unit, atol=1e-6)
    grey = sensor.tone(unit, saturation=0.0)
    assert np.ptp(grey, axis=-1).max() < 1e-6
    steep = sensor.tone(GREY * 0 + 0.25, contrast=1.0)
    assert steep[0, 0, 0] == pytest.approx(3 * 0.25**2 - 2 * 0.25**3)
    assert sensor.tone(GREY * 0, lift=0.1)[0, 0, 0] == pytest.approx(0.1)


def test_sharpening_and_flat_areas():
    np.testing.assert_allclose(sensor.sharpen(GREY, 1.0), GREY, atol=1e-6)
    edge = np.full((20, 20, 3), 0.3, np.float32)
    edge[:, 10:] = 0.6
    out = sensor.sharpen(edge, 0.8)
    assert out.max() > 0.63 and out.min() < 0.27


def test_jpeg_round_trip():
    x = np.linspace(0, 1, 64, dtype=np.float32)
    image = np.stack([x[:, None] + 0 * x, 0 * x[:, None] + x, 0.5 + 0 * (x[:, None] + x)], -1)
    worst = [np.abs(sensor.jpeg(image, q) - image).max() for q in (98, 30)]
    assert worst[0] < 0.04 < 0.25 and worst[1] > worst[0]


def test_resampling_keeps_the_mean():
    image = rng().random((40, 60, 3), np.float32)
    small = sensor.resample(image, 30, 20)
    assert small.shape == (20, 30, 3) and small.mean() == pytest.approx(image.mean(), abs=1e-6)


def test_vignetting_follows_the_square_of_the_distance():
    out = lens.vignette(np.ones((41, 41, 3), np.float32), np.array([20.5, 20.5]), 20.0, 0.4)
    assert out[20, 20, 0] == pytest.approx(1.0)
    assert out[20, 40, 0] == pytest.approx(0.6, abs=1e-6) and out[20, 30, 0] == pytest.approx(0.9, abs=1e-6)


def test_coloured_edges_leave_the_centre_and_green_alone():
    image = np.zeros((101, 101, 3), np.float32)
    image[48:53, 88:93] = 1.0
    out = lens.chromatic_aberration(image, np.array([50.5, 50.5]), 0.05)
    x = (np.arange(101) + 0.5)[None, :, None] * np.ones((101, 1, 1))
    middle = (out * x).sum((0, 1)) / out.sum((0, 1))
    np.testing.assert_allclose(middle - 50.5, [40 * 1.05, 40, 40 * 0.95], atol=0.1)


@pytest.mark.parametrize("step", [(6.0, 0.0), (0.0, -3.0), (4.2, 2.9)])
def test_streaks_are_centred_and_as_long_as_the_way(step):
    kernel = lens.motion_kernel(np.array(step))
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    middle = (len(kernel) - 1) / 2
    y, x = np.mgrid[: len(kernel), : len(kernel)] - middle
    assert abs((kernel * x).sum()) < 0.05 and abs((kernel * y).sum()) < 0.05
    along = (x * step[0] + y * step[1]) / np.hypot(*step)
    spread = (kernel * along**2).sum()
    assert spread == pytest.approx(np.hypot(*step) ** 2 / 12, rel=0.1, abs=0.2)


def test_a_moving_subject_blurs_and_the_room_does_not():
    image, subject = np.full((40, 60, 3), 0.2, np.float32), np.zeros((40, 60), bool)
    image[:, :5] = 0.9  # a bright edge of the room far from the subject
    subject[10:30, 25:35] = True
    image[subject] = 0.7
    out = lens.subject_motion(image, subject, np.array([8.0, 0.0]))
    np.testing.assert_allclose(out[:, :12], image[:, :12], atol=1e-5)
    np.testing.assert_allclose(out[20, 29:31], 0.7, atol=1e-3)
    assert 0.35 < out[20, 24, 0] < 0.55  # about half covered at the outline
    np.testing.assert_allclose(
        out[12:28].mean((0, 2))[20:40].sum(), image[12:28].mean((0, 2))[20:40].sum(), rtol=0.02
    )


def test_depth_of_field_keeps_what_is_in_focus():
    image, depth = rng().random((40, 40, 3), np.float32), np.full((40, 40), 3.0, np.float32)
    depth[:, 20:] = 12.0
    out = lens.depth_of_field(image, depth, 3.0, 8.0)
    np.testing.assert_array_equal(out[:, :20], image[:, :20])
    assert out[:, 24:].std() < 0.5 * image[:, 24:].std()


def test_a_clean_photo_is_the_metered_image():
    light = rng().random((40, 48, 3), np.float32)
    settings = sample_camera_settings(rng(3), 0.0)
    got = simulate_camera(
        rng(), light, settings, GEOMETRY, 0.5, np.ones((40, 48), bool), np.ones((40, 48), np.float32)
    )
    np.testing.assert_allclose(got, sensor.srgb(sensor.soft_clip(light * 0.5, settings.shoulder)), atol=1e-5)


def test_photos_are_pure_functions_and_stay_in_range():
    light = rng().random((40, 48, 3), np.float32) * 3
    for seed in range(12):
        settings = sample_camera_settings(rng(seed), 1.0)
        geometry = CropGeometry(
            1.6, (24.0, 20.0), 60.0, 300.0, subject_velocity=(200.0, 80.0), focus_distance=3.0
        )
        args = (light, settings, geometry, sensor.meter(light), light[..., 0] > 1.5, 1 + light[..., 1])
        one, two = (simulate_camera(rng(seed), *args) for _ in range(2))
        np.testing.assert_array_equal(one, two)
        assert one.shape == light.shape and one.min() >= 0 and one.max() <= 1 and 0.05 < one.mean() < 0.95
