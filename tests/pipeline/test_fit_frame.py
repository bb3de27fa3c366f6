"""One frame: its status, its notes."""

import typing
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from diffproxy.cameras import Camera
from diffproxy.keypoints.landmarks import encoder_points
from diffproxy.pipeline import fit_frame
from diffproxy.pipeline.generate_proxies import Generated
from diffproxy.pipeline.reprojection_quality import view_quality


def test_annotations_name_types_that_exist() -> None:
    for function in (fit_frame.first_fit, fit_frame.fit_frame, fit_frame.to_record):
        assert "return" in typing.get_type_hints(function)


@pytest.mark.parametrize("nobody", [False, True])
def test_an_unseen_hand_is_noted_once(body, oracle_of, params_of, make_ring, nobody: bool) -> None:
    cameras = make_ring(3, size=96, radius=3.2)
    pipe = oracle_of([None if nobody else params_of(0)])
    maps = pipe(torch.full((3, 3, 96, 96), 20 / 255), cameras, ["body"] * 3).proxies
    boxes = ((0.0, 0.0, 96.0, 96.0),) * 3
    hands: dict[str, list[str]] = {"left": [], "right": []}
    config = fit_frame.FitConfig(hands=False)
    record = fit_frame.fit_frame(0, Generated(maps, boxes, (), hands), fit_frame.BodyFitter(body, config))
    for side in hands:
        assert sum(f"{side} hand" in note for note in record.info["notes"]) == 1


def turned(camera: Camera, axis: int) -> Camera:
    """The camera turned by 10 degrees about one of its own axes."""
    R = cv2.Rodrigues(np.radians(10.0) * np.eye(3)[axis])[0]
    return replace(camera, R_cam_world=R @ camera.R_cam_world, t_cam_world=R @ camera.t_cam_world)


def test_keypoints_of_a_view_lie_apart_as_its_camera_does(body, oracle_of, params_of, make_ring) -> None:
    cameras = make_ring(3, size=96, radius=3.2)
    maps = oracle_of([params_of(0)])(torch.full((3, 3, 96, 96), 20 / 255), cameras, ["body"] * 3).proxies
    points = encoder_points(body, params_of(0))
    keypoints = np.stack([np.column_stack([c.project(points), np.ones(17), np.ones(17)]) for c in cameras])
    keypoints[1, 4:, 2] = 0.0  # four are left
    rolled = replace(maps, cameras=(turned(maps.cameras[0], 2), *maps.cameras[1:]))
    made = Generated(rolled, ((0.0, 0.0, 96.0, 96.0),) * 3, keypoints=keypoints)
    first, second, third = view_quality(made, body, params_of(0))
    assert first.keypoint_turn_deg == pytest.approx(first.turn_deg, abs=0.5) and first.keypoint_mm > 30
    assert abs(first.keypoint_turn_deg) == pytest.approx(10, abs=0.1)
    assert (second.keypoints, third.keypoints) == (4, 17) and np.isnan(second.keypoint_turn_deg)
    assert third.keypoint_mm < 0.01 and "keypoint_turn_deg" not in second.to_json()
    without = view_quality(replace(made, keypoints=None), body, params_of(0))[0]
    assert without.keypoints is None and without.turn_deg == first.turn_deg


@pytest.mark.parametrize("wrong", ["nothing", "rolled", "panned", "exchanged"])
def test_a_misplaced_camera_makes_the_body_doubtful(
    body, oracle_of, params_of, make_ring, wrong: str
) -> None:
    cameras = make_ring(4, size=96, radius=3.2)
    maps = oracle_of([params_of(0)])(torch.full((4, 3, 96, 96), 20 / 255), cameras, ["body"] * 4).proxies
    a, b, *others = maps.cameras
    first = {
        "nothing": [a, b],
        "rolled": [turned(a, 2), b],
        "panned": [turned(a, 1), b],
        "exchanged": [b, a],
    }[wrong]
    maps = replace(maps, cameras=(*first, *others))
    config = fit_frame.FitConfig(hands=False, max_pixels=200)
    made = Generated(maps, ((0.0, 0.0, 96.0, 96.0),) * 4)
    record = fit_frame.fit_frame(0, made, fit_frame.BodyFitter(body, config))
    assert record.status == ("ok" if wrong == "nothing" else "doubtful"), record.reason
    if wrong in ("rolled", "panned"):
        assert f"{a.name} is " in record.reason and "against the body of the other views" in record.reason
