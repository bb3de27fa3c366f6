"""All crops of a camera share settings and exposure; the subject's motion is in pixels of the crop."""

import numpy as np
import pytest

from render_synth.camera_effects.camera_simulator import CameraSimulator
from render_synth.cameras import look_at
from render_synth.rng import stream
from render_synth.views import PlannedView

K = np.array([[1500.0, 0, 960], [0, 1500, 540], [0, 0, 1]])
SOURCE = look_at("cam0", np.array([0, 1.0, 4.0]), np.array([0, 1.0, 0]), 0.0, K, 1920, 1080)


def view(box, kind="body"):
    return PlannedView(SOURCE.crop(box, (64, 64)), kind, box, SOURCE)


def simulator(strength=0.8, seed=3):
    return CameraSimulator(lambda name: stream(seed, 0, name), strength, np.array([0, 1.0, 0]))


def capture(cameras, planned, level=0.3, number=0):
    light = np.full((64, 64, 3), level, np.float32)
    mask, depth = np.zeros((64, 64), np.uint8), np.full((64, 64), np.inf, np.float32)
    return cameras.capture(stream(3, 0, f"sensor-{number}"), planned, light, mask, depth)


def test_images_repeat_and_share_an_exposure():
    body = view((500.0, 100.0, 1300.0, 900.0))
    whole = view((0.0, -420.0, 1920.0, 1500.0), "full")
    cameras = simulator(0.0)
    first, bright = capture(cameras, body), capture(cameras, whole, 0.6, 1)
    assert first.dtype == np.uint8 and bright.mean() > first.mean() + 20  # not metered again
    np.testing.assert_array_equal(capture(simulator(), body), capture(simulator(), body))


def test_hands_in_the_dark_are_lifted_half_way():
    body, hand = view((500.0, 100.0, 1300.0, 900.0)), view((900.0, 500.0, 1000.0, 600.0), "left_hand")
    cameras, other = simulator(0.0), simulator(0.0)
    capture(cameras, body, 0.4), capture(other, body, 0.4)
    as_body = capture(other, body, 0.1)
    as_hand = capture(cameras, hand, 0.1)
    assert as_body.mean() + 20 < as_hand.mean() < capture(simulator(0.0), body, 0.4).mean() - 10


def test_geometry_of_a_crop_in_its_frame():
    cameras = simulator()
    cameras.velocity = np.array([1.0, 0.0, 0.0])
    geometry = cameras._geometry(
        SOURCE.crop((480.0, 40.0, 1480.0, 1040.0), (64, 64)), SOURCE, (480.0, 40.0, 1480.0, 1040.0)
    )
    assert geometry.scale == pytest.approx(0.064) and geometry.focus_distance == pytest.approx(4.0)
    np.testing.assert_allclose(geometry.center, [0.064 * 480, 0.064 * 500])
    assert (
        geometry.subject_velocity[0] == pytest.approx(1500 * 0.064 / 4, rel=1e-3)
        and abs(geometry.subject_velocity[1]) < 1e-6
    )
