import numpy as np
import pytest

from diffproxy.pipeline.reprojection_quality import doubts, judged, stature_is_human
from diffproxy.pipeline.view_alignment import align_view, misplaced_views


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


def body_view(camera: str, residual_mm: float, **more) -> dict:
    return {"camera": camera, "kind": "body", "pixels": 500, "residual_mm": residual_mm} | more


@pytest.mark.parametrize(
    ("residual_mm", "turn_deg", "shift_mm", "said"),
    [
        (70.0, -5.6, 20.0, "cam0 is turned by 6 degrees against"),
        (70.0, 1.0, 90.0, "cam0 is displaced by 90 mm against"),
        (70.0, 1.0, 20.0, ""),  # noisy, but in its place
        (38.0, -5.6, 20.0, ""),  # turned, by less than its noise
    ],
)
def test_views_that_lie_apart_as_a_whole(residual_mm, turn_deg, shift_mm, said):
    views = [body_view("cam0", residual_mm, turn_deg=turn_deg, shift_mm=shift_mm)]
    views += [body_view(f"cam{k}", 20.0 + k, turn_deg=0.5, shift_mm=9.0) for k in (1, 2, 3)]
    views.append({"camera": "cam1", "kind": "left_hand", "pixels": 900, "residual_mm": 900.0})
    found = misplaced_views(views)
    assert len(found) == bool(said) and all(said in x for x in found)
    info = {"head_to_ankle_m": 1.5, "residual_mm": 25.0, "overlap": 0.8, "views": views}
    status, reason = judged("ok", "unseen: left foot", info)
    assert status == ("doubtful" if said else "ok") and said in reason and "left foot" in reason
    in_place = [views[0] | {"overlap": 0.8}, *views[1:]]
    assert not misplaced_views(in_place)  # misread, but the outline is where the body is
    assert judged("failed", "why", info) == ("failed", "why")
    certain = [in_place[0] | {"turn_deg": 7.0}, *views[1:]]
    assert (
        "cam0 is turned by 7 degrees" in misplaced_views(certain)[0]
    )  # no network misreads a body like that
    assert not misplaced_views(views[:1])  # one view says nothing against itself
