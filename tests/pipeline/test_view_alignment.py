import numpy as np
import pytest

from diffproxy.pipeline.reprojection_quality import doubts, judged, stature_is_human
from diffproxy.pipeline.view_alignment import align_view, misplaced_views, misread_views


def test_a_similarity_is_found_under_noise_and_outliers():
    rng = np.random.default_rng(0)
    points = rng.normal(0, 40, (500, 2))
    a = np.radians(7)
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    pixels = 1.1 * points @ turn.T + [3, -2] + rng.normal(0, 1, points.shape)
    pixels[:50] += 80
    found = align_view(points, pixels)
    assert found.turn_deg == pytest.approx(7, abs=0.3) and found.zoom == pytest.approx(1.1, abs=0.01)
    # the median length of the noise, a little more by the outliers
    assert found.rest == pytest.approx(1.2, abs=0.3)
    few = align_view(points[:10], pixels[:10])
    assert np.isnan(few.turn_deg) and np.isnan(few.rest)


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
    assert not misplaced_views(views[:1])  # one view says nothing against itself


@pytest.mark.parametrize(
    ("rest_mm", "turn_deg", "zoom", "moved_overlap", "said"),
    [
        (
            23.0,
            -4.6,
            1.05,
            0.75,
            "cam0 is turned by 5 degrees against",
        ),  # a camera that is rolled by 10 degrees
        (37.0, -4.6, 1.05, 0.75, "cam0 is turned by 5 degrees against"),
        (23.0, 0.5, 1.0, 0.75, "cam0 is displaced by 20 mm against"),
        (39.0, -4.6, 1.0, 0.75, ""),  # turned back, it lies no better
        (23.0, -4.6, 1.0, 0.63, ""),  # turned back, its outline lies no better: misread
        (23.0, -4.6, 1.0, None, ""),
        (23.0, -7.1, 1.46, 0.75, ""),  # of another size: no camera does that
    ],
)
def test_a_view_has_moved_where_moving_it_back_explains_its_residual_and_its_outline(
    rest_mm, turn_deg, zoom, moved_overlap, said
):
    in_place = [
        body_view(f"cam{k}", 25.0, turn_deg=0.5, shift_mm=9.0, zoom=1.0, rest_mm=24.0) for k in (1, 2)
    ]
    more = {"turn_deg": turn_deg, "shift_mm": 20.0, "zoom": zoom, "rest_mm": rest_mm}
    more |= {"overlap": 0.6, "moved_overlap": moved_overlap}
    found = misplaced_views([body_view("cam0", 42.0, **more), *in_place])
    assert len(found) == bool(said) and all(said in x for x in found)


def test_a_mask_moves_as_the_pixels_do():
    """Corners of a bar, turned by 90 degrees about its middle and shifted, are the corners of the moved bar."""
    bar = np.zeros((40, 60), bool)
    bar[18:22, 20:40] = True  # middle at (30, 20)
    rows, columns = np.nonzero(bar)
    points = np.column_stack([columns, rows]) + 0.5
    turned = np.column_stack([-(points[:, 1] - 20), points[:, 0] - 30]) + np.array([33, 21])
    found = align_view(np.repeat(points, 2, axis=0), np.repeat(turned, 2, axis=0))
    expected = np.zeros_like(bar)
    x, y = np.floor(turned).astype(int).T
    expected[y, x] = True
    assert expected.sum() == bar.sum() and np.array_equal(found.moved(bar), expected)
    unknown = align_view(points[:3], turned[:3])
    assert np.array_equal(unknown.moved(bar), bar)


def test_a_misread_view_is_named_and_costs_no_trust():
    views = [body_view(f"cam{k}", 20.0, turn_deg=0.5, shift_mm=9.0, zoom=1.0, rest_mm=19.0) for k in (1, 2)]
    views.append(body_view("cam0", 39.0, turn_deg=-7.9, shift_mm=18.0, zoom=1.1, rest_mm=31.0, overlap=0.7))
    info = {"head_to_ankle_m": 1.5, "residual_mm": 25.0, "overlap": 0.8, "views": views}
    assert judged("ok", "", info) == ("ok", misread_views(views)[0])
    assert misread_views(views) == ["cam0 is misread: it states a body turned by 8 degrees"]
    assert not misread_views(views[:2]) and not misread_views(views[-1:])


@pytest.mark.parametrize(
    ("keypoints", "misplaced"),
    [
        ({}, True),  # the generator predicts none
        ({"keypoints": 9, "keypoint_mm": 45.0, "keypoint_turn_deg": 0.2}, True),
        ({"keypoints": 9, "keypoint_mm": 25.0, "keypoint_turn_deg": -4.0}, True),
        ({"keypoints": 9, "keypoint_mm": 25.0, "keypoint_turn_deg": 0.4}, False),
        ({"keypoints": 3, "keypoint_mm": 90.0}, False),
    ],
)
def test_a_view_whose_keypoints_lie_at_the_body_is_misread_and_not_misplaced(
    keypoints: dict, misplaced: bool
):
    apart = {"turn_deg": -9.0, "shift_mm": 90.0, "zoom": 1.0, "rest_mm": 30.0}
    views = [body_view("cam0", 80.0, **apart, **keypoints)]
    views += [body_view(f"cam{k}", 20.0, turn_deg=0.5, shift_mm=9.0) for k in (1, 2)]
    assert bool(misplaced_views(views)) == misplaced and bool(misread_views(views)) != misplaced
