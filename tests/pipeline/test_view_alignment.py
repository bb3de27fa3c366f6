import numpy as np
import pytest

from diffproxy.pipeline.reprojection_quality import doubts, stature_is_human
from diffproxy.pipeline.view_alignment import align_view


def test_a_similarity_is_found_under_noise_and_outliers():
    rng = np.random.default_rng(0)
    points = rng.normal(0, 40, (500, 2))
    a = np.radians(7)
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    pixels = 1.1 * points @ turn.T + [3, -2] + rng.normal(0, 1, points.shape)
    pixels[:50] += 80
    found = align_view(points, pixels)
    assert found.turn_deg == pytest.approx(7, abs=0.3) and found.zoom == pytest.approx(1.1, abs=0.01)
    assert np.isnan(align_view(points[:10], pixels[:10]).turn_deg)


@pytest.mark.parametrize(("metres", "human"), [(0.4, False), (0.6, True), (1.5, True), (2.2, False)])
def test_a_body_of_no_human_size_is_doubted(metres, human):
    info = {"head_to_ankle_m": metres, "residual_mm": 10.0, "overlap": 0.9}
    assert stature_is_human(info) == human and bool(doubts(info)) != human
