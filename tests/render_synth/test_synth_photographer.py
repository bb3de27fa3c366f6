"""One camera, several crops: the same habits and exposure, and the subject's motion in its pixels."""

import numpy as np
import pytest

from render_synth.camera_effects.photographer import Photographer
from render_synth.cameras import look_at
from render_synth.rng import stream
from render_synth.views import Shot

K = np.array([[1500.0, 0, 960], [0, 1500, 540], [0, 0, 1]])
SOURCE = look_at("cam0", np.array([0, 1.0, 4.0]), np.array([0, 1.0, 0]), 0.0, K, 1920, 1080)


def shot(box, kind="body"):
    return Shot(SOURCE.crop(box, (64, 64)), kind, box, SOURCE)


def photographer(photo=0.8, seed=3):
    return Photographer(lambda name: stream(seed, 0, name), photo, np.array([0, 1.0, 0]))


def take(who, one, level=0.3, number=0):
    light = np.full((64, 64, 3), level, np.float32)
    mask, depth = np.zeros((64, 64), np.uint8), np.full((64, 64), np.inf, np.float32)
    return who.take(stream(3, 0, f"sensor-{number}"), one, light, mask, depth)


def test_pictures_repeat_and_share_an_exposure():
    body = shot((500.0, 100.0, 1300.0, 900.0))
    whole = shot((0.0, -420.0, 1920.0, 1500.0), "full")
    who = photographer(0.0)
    first, bright = take(who, body), take(who, whole, 0.6, 1)
    assert first.dtype == np.uint8 and bright.mean() > first.mean() + 20  # not metered again
    np.testing.assert_array_equal(take(photographer(), body), take(photographer(), body))


def test_hands_in_the_dark_are_lifted_half_way():
    body, hand = shot((500.0, 100.0, 1300.0, 900.0)), shot((900.0, 500.0, 1000.0, 600.0), "left_hand")
    who, other = photographer(0.0), photographer(0.0)
    take(who, body, 0.4), take(other, body, 0.4)
    as_body = take(other, body, 0.1)
    as_hand = take(who, hand, 0.1)
    assert as_body.mean() + 20 < as_hand.mean() < take(photographer(0.0), body, 0.4).mean() - 10


def test_a_crop_knows_where_it_lies_in_the_frame():
    who = photographer()
    who.velocity = np.array([1.0, 0.0, 0.0])
    frame = who._frame(
        SOURCE.crop((480.0, 40.0, 1480.0, 1040.0), (64, 64)), SOURCE, (480.0, 40.0, 1480.0, 1040.0)
    )
    assert frame.scale == pytest.approx(0.064) and frame.focus == pytest.approx(4.0)
    np.testing.assert_allclose(frame.centre, [0.064 * 480, 0.064 * 500])
    assert frame.drift[0] == pytest.approx(1500 * 0.064 / 4, rel=1e-3) and abs(frame.drift[1]) < 1e-6
