"""Limbs mirrored in depth, the ambiguity of a single view."""

import dataclasses
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.cameras import Camera
from diffproxy.fitting import FitConfig, fit
from diffproxy.fitting.initialization.depth_flips import depth_flips
from diffproxy.fitting.initialization.segments import LIMBS

CONFIG = FitConfig(hands=False, max_pixels=200, num_initial_rotations=48)


def joints_of(body, params):
    with torch.no_grad():
        return body.joints(params)[0].double().numpy()


def camera_from(distance, target):
    """A camera on the z axis that looks at a point from so far, a metre there is 100 px."""
    K = np.array([[100.0 * distance, 0, 128], [0, 100.0 * distance, 128], [0, 0, 1]])
    R = np.diag([1.0, -1.0, -1.0])
    t = -R @ np.add(target, [0.0, 0.0, distance])
    return Camera("far", 256, 256, K, R, t)


def test_from_far_away_a_flipped_limb_looks_the_same(make_scene, body):
    params = make_scene().params.replace(global_orient=torch.tensor([[0.0, 0.5, 0.0]]))
    before = joints_of(body, params)
    camera = camera_from(1000.0, before[0])
    flipped = [joints_of(body, other) for other in depth_flips(params, body, camera)]
    assert len(flipped) >= 6
    for after in flipped:
        moved = np.flatnonzero(np.linalg.norm(after[:22] - before[:22], axis=-1) > 1e-3)
        limb = next(limb for limb in LIMBS if set(limb) & set(moved))
        assert limb[0] not in moved and limb[2] in moved  # hands and feet hang on the end
        np.testing.assert_allclose(
            camera.project(after[list(limb)]), camera.project(before[list(limb)]), atol=0.2
        )
        for joint, child in pairwise(limb):
            old, new = before[child] - before[joint], after[child] - after[joint]
            assert abs(new[2]) == pytest.approx(abs(old[2]), abs=1e-3)


def test_limbs_across_the_view_have_no_second_pose(body):
    params = BodyParams.rest(1)  # arms and legs across the ray
    assert depth_flips(params, body, camera_from(1000.0, joints_of(body, params)[0])) == []


@pytest.mark.parametrize(("views", "guess"), [(1, ""), (1, "start"), (1, "candidates"), (4, "")])
def test_a_single_view_starts_again_from_flipped_bodies(make_scene, body, monkeypatch, views, guess):
    scene, seen = make_scene(0, views), []

    def flips(params, _, camera):
        seen.append(camera.name)
        return [scene.params]

    module = sys.modules["diffproxy.fitting.initialization.search_again"]
    monkeypatch.setattr(module, "depth_flips", flips)
    given = {"start": scene.params, "candidates": [scene.params]}
    found = fit(scene.maps, body, CONFIG, **{name: given[name] for name in given if name == guess})
    assert seen == ([scene.maps.cameras[0].name] if views == 1 and not guess else [])
    assert scene.joint_error(found.joints) < 30


def test_the_flipped_body_is_kept_where_its_objective_is_lower(make_scene, body, monkeypatch):
    scene, truth = make_scene(0, 1), make_scene(0, 1).params
    initial, again = (
        sys.modules[f"diffproxy.fitting.initialization.{m}"] for m in ("initialize", "search_again")
    )
    behind = truth.replace(global_orient=truth.global_orient + torch.tensor([[0.0, np.pi, 0.0]]))
    monkeypatch.setattr(initial, "closed_form_pose", lambda *_: behind)
    config = dataclasses.replace(CONFIG, left_right_flips=False)
    errors = []
    for flipped in ([], [truth]):
        monkeypatch.setattr(again, "depth_flips", lambda *_, f=flipped: f)
        monkeypatch.setattr(again, "limb_rooted_pose", lambda *_: None)  # it finds the body, too
        errors.append(scene.joint_error(fit(scene.maps, body, config).joints))
    assert errors[0] > 50 and errors[1] < 30
