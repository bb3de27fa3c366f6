from dataclasses import replace

import numpy as np
import pytest

from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.diagnose import least_cost
from diffproxy.fitting.diagnostics import ARMS, LEGS, FitDiagnostics, _swapped, fit_status, limb_agreement

NAMES = {1: "front_forearm_l", 2: "front_forearm_r", 3: "back_thigh_l", 4: "back_thigh_r"}
GOOD = FitDiagnostics(1.0, 0.0, 0.0, (0.01,) * 4, (), 0.0)


def test_parts_are_swapped_where_most_of_their_pixels_are_on_both_sides_together():
    label = np.repeat([1, 2, 3, 4], [10, 10, 100, 80])
    flipped = np.zeros(200, bool)
    flipped[:11] = True  # 11 of 20 forearm pixels
    flipped[20:110] = True  # 90 of 180 thigh pixels: half is not most
    assert _swapped(label, flipped, NAMES) == (("front forearm",), pytest.approx(20 / 200))
    assert _swapped(label, np.zeros(200, bool), NAMES) == ((), 0)


@pytest.mark.parametrize(("ratio", "status"), [(0.019, "ok"), (0.021, "doubtful")])
def test_a_small_swapped_part_is_named_and_a_large_one_makes_the_body_doubtful(make_scene, ratio, status):
    maps = make_scene(0).maps
    found = replace(GOOD, swapped=("front forearm",), swapped_ratio=ratio)
    given, reason, warning = fit_status(found, FitConfig(), True, 4, maps, np.ones(55), np.full(55, 4))
    assert (given, reason) == (status, "most views state the wrong side of: front forearm")
    assert warning == reason


@pytest.mark.parametrize(("part", "share"), [("front_shin", 0.4), ("thumb", 0.0)])
def test_fingers_of_the_other_hand_are_named_and_do_not_question_the_person(body, part: str, share: float):
    names = body.atlas.palette.names
    ids = {name: label for label, name in names.items()}
    label = np.repeat([ids[f"{part}_l"], ids["front_chest"]], [40, 60])
    flipped = label == ids[f"{part}_l"]
    assert _swapped(label, flipped, names) == ((part.replace("_", " "),), share)


@pytest.mark.parametrize(("share", "status"), [(0.9, "ok"), (0.7, "doubtful"), (float("nan"), "doubtful")])
def test_keypoints_at_the_body_confirm_its_sides(make_scene, share: float, status: str):
    maps = make_scene(0).maps
    for wrong in ({"swapped": ("front shin",), "swapped_ratio": 0.1}, {"flip_ratio": 0.2}):
        found = replace(GOOD, keypoint_agreement=share, **wrong)
        given, reason, _ = fit_status(found, FitConfig(), True, 4, maps, np.ones(55), np.full(55, 4))
        assert given == status and "wrong side" in reason


@pytest.mark.parametrize(("joints", "views", "status"), [(5, 4, "ok"), (6, 4, "doubtful"), (22, 2, "ok")])
def test_much_of_a_body_on_one_camera_alone_is_doubtful(make_scene, joints: int, views: int, status: str):
    """More than a quarter of 22 joints, where three cameras and more see the person."""
    cameras = np.full(55, views)
    cameras[:joints] = 1
    maps = make_scene(0).maps
    given, reason, _ = fit_status(GOOD, FitConfig(), True, views, maps, np.ones(55), cameras)
    assert given == status and ("one camera alone shows 27%" in reason) == (status == "doubtful")


def test_unobserved_joints_are_on_no_camera(make_scene):
    cameras, observed = np.full(55, 3), np.ones(55)
    cameras[:6], observed[:6] = 0, 0
    assert fit_status(GOOD, FitConfig(), True, 3, make_scene(0).maps, observed, cameras)[0] == "ok"


def test_the_sides_are_as_sure_as_the_keypoints_of_arms_or_legs_are():
    """One wrong pair of legs is hidden among the keypoints of the whole body."""
    joint = np.repeat([*LEGS, *ARMS, 0, 15], 4)
    close = ~np.isin(joint, LEGS[2:])
    assert close.mean() == 0.8 and limb_agreement(close, joint) == 0.5
    few = np.isin(joint, (*LEGS, ARMS[0]))  # four keypoints of an arm
    assert np.isnan(limb_agreement(close[few], joint[few]))


@pytest.mark.parametrize(
    ("cost", "chosen"),
    [((2.0, 1.0, 3.0), 1), ((np.nan, 2.0, np.nan), 1), ((1.0, np.nan, 1.0), 0), ((np.nan,) * 3, 2)],
)
def test_the_hypothesis_of_least_cost_is_kept_and_nan_never_beats_a_number(cost, chosen):
    assert least_cost((4, 4, 4, 7), (*cost, np.nan)) == {4: chosen, 7: 3}
