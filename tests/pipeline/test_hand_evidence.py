"""Hand crops need a view that shows a hand or forearm; misfit joins the stated deviations."""

import numpy as np
import pytest

from diffproxy.pipeline.crop_refinement import shown_hands
from diffproxy.pipeline.reprojection_quality import with_misfit
from diffproxy.proxies import ProxyMaps

LEFT = (60.0, 60.0, 76.0, 76.0)  # in full images; pixels 5 to 9 of the maps in both directions
BOXES = [(40.0, 40.0, 104.0, 104.0), (40.0, 40.0, 104.0, 104.0)]


@pytest.fixture
def maps_with(body, make_ring):
    names = {name: label for label, name in body.atlas.palette.names.items()}

    def make(part: str, pixels: int, weight: float = 1.0, view: int = 1, at: int = 6) -> ProxyMaps:
        labels = np.zeros((2, 16, 16), np.uint8)
        labels[view, at, at : at + pixels] = names[part]
        weights = np.full((2, 16, 16), weight, np.float32)
        return ProxyMaps(
            labels, np.zeros((2, 16, 16, 2), np.float32), weights, ("body",) * 2, make_ring(2, size=16)
        )

    return make


HANDS = [(0, "left_hand", LEFT), (1, "left_hand", LEFT), (1, "right_hand", (96.0, 96.0, 103.0, 103.0))]


@pytest.mark.parametrize("part", ["dorsal_hand_l", "palmar_hand_r", "front_forearm_l"])
def test_one_view_vouches_for_the_crops_of_a_hand_in_all_views(maps_with, body, part: str) -> None:
    assert shown_hands(HANDS, maps_with(part, 3), body, BOXES) == HANDS[:2]


@pytest.mark.parametrize(
    "shown", [("dorsal_hand_l", 2), ("front_thigh_l", 3), ("dorsal_hand_l", 3, 0.0), ("dorsal_hand_l", 3, 1.0, 1, 10)]
)  # fmt: skip
def test_hands_that_only_the_prior_places_get_no_crops(maps_with, body, shown: tuple) -> None:
    """Specks, other parts, pixels without weight, and a hand somewhere else vouch for nothing."""
    assert shown_hands(HANDS, maps_with(*shown), body, BOXES) == []


def test_crop_beyond_the_map_shows_nothing(maps_with, body) -> None:
    outside = [(1, "left_hand", (-90.0, -90.0, -60.0, -60.0))]
    assert shown_hands(outside, maps_with("dorsal_hand_l", 3, at=0), body, BOXES) == []


def test_misfit_joins_the_deviation_beyond_twenty_five_millimetres() -> None:
    std = np.array([0.03, 0.0, np.inf], np.float32)
    for small in (0.0, 25.0, float("nan")):
        assert np.array_equal(with_misfit(std, small), std)
    assert with_misfit(std, 45.0) == pytest.approx([0.05, 0.04, np.inf])  # 2 x 20 mm, a 3-4-5 triangle
