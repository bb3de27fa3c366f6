"""How much pixels count in a fit."""

import numpy as np

from diffproxy.fitting import FitConfig
from diffproxy.fitting.observations import effective_weights
from diffproxy.fitting.terms.correspondences import Correspondences, shows_hand


def pixels(view, label=0):
    n = len(view)
    return Correspondences(
        view=np.asarray(view, dtype=int),
        pixel=np.zeros((n, 2)),
        label=np.broadcast_to(label, n),
        face=np.zeros(n, int),
        bary=np.ones((n, 3)) / 3,
        weight=np.ones(n),
        rank=np.zeros(n),
    )


def test_views_and_their_hands_count_up_to_their_limits():
    config = FitConfig(independent_pixels=60, independent_hand_pixels=6)
    view = np.repeat([0, 1, 2], [100, 20, 50])
    on_hand = np.zeros(len(view), bool)
    on_hand[:10] = on_hand[120:160] = True  # 10 pixels of view 0, 40 of the 50 of view 2
    factor = effective_weights(pixels(view), on_hand, config)
    np.testing.assert_allclose(factor[on_hand], (6 + 0 + 6) / 50)
    np.testing.assert_allclose(factor[~on_hand], (60 + 20 + 10) / 120)


def test_few_pixels_count_in_full():
    view = np.repeat([0, 1], 5)
    for on_hand in (np.zeros(10, bool), np.ones(10, bool)):
        np.testing.assert_array_equal(effective_weights(pixels(view), on_hand, FitConfig()), 1.0)
    assert len(effective_weights(pixels([]), np.zeros(0, bool), FitConfig())) == 0


def test_hands_are_what_wrists_and_fingers_move(body):
    names = body.atlas.palette.names
    labels = np.arange(1, len(names))
    shown = {names[k] for k in labels[shows_hand(pixels(np.zeros(len(labels), int), labels), body)]}
    hands = ("dorsal_hand", "palmar_hand", "palm", "thumb", "index", "middle", "ring", "pinky")
    assert shown == {f"{part}_{side}" for part in hands for side in "lr"}
