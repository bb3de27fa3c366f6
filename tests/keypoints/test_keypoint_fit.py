"""Keypoints beside proxies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.corruption import side_pairs, swap_labels
from diffproxy.body import BodyParams
from diffproxy.fitting import FitConfig, fit
from diffproxy.fitting.keypoint_fit import KeypointFitter
from diffproxy.keypoints import NAMES, Person2D
from diffproxy.proxies import render_proxies

CONFIG = FitConfig(hands=False, max_pixels=200)


@pytest.fixture(scope="module")
def scene(body, make_ring):
    """A stride in three views: joints (55, 3), proxies, cameras of the images, and exact detections in them."""
    pose = np.zeros((21, 3), np.float32)
    pose[0, 0], pose[1, 0], pose[3, 0], pose[4, 0] = -0.7, 0.3, 0.5, 0.9
    pose[15, 2], pose[16, 2], pose[17, 1], pose[18, 1] = -0.9, 0.8, -0.8, 0.5
    params = BodyParams.rest(1).replace(
        body_pose=torch.from_numpy(pose).reshape(1, 63), global_orient=torch.tensor([[0.0, 0.6, 0.0]])
    )
    fitter = KeypointFitter(body, CONFIG)
    with torch.no_grad():
        posed = body(params)
        faces, bary = (
            torch.from_numpy(fitter.landmarks.face)[None],
            torch.from_numpy(fitter.landmarks.bary)[None],
        )
        points = fitter.marked.surface_points(params, faces, bary.float())[0].double().numpy()
    vertices = posed.vertices[0].numpy()
    cameras = make_ring(3, size=128, target=tuple(vertices.mean(0).astype(float)))
    maps = render_proxies(body, vertices, cameras)
    people = [[Person2D(np.column_stack([c.project(points), np.full(len(NAMES), 0.9)]))] for c in cameras]
    return fitter, posed.joints[0].numpy(), maps, cameras, people


def error(joints: np.ndarray, truth: np.ndarray) -> float:
    return 1000 * float(np.linalg.norm(joints[:22] - truth[:22], axis=-1).mean())


def test_keypoints_do_not_spoil_exact_proxies(scene):
    fitter, truth, maps, cameras, people = scene
    result = fitter.fit(maps, people, cameras, cameras)
    assert result.status == "ok" and error(result.joints, truth) < 4


def test_keypoints_right_what_proxies_have_wrong(scene):
    """Left and right exchanged in two of three views: proxies alone cannot know which view to believe."""
    fitter, truth, maps, cameras, people = scene
    pairs = side_pairs(dict(fitter.body.atlas.palette.names))
    wrong = swap_labels(swap_labels(maps, 0, pairs), 1, pairs)
    alone = fit(wrong, fitter.body, CONFIG)
    both = fitter.fit(wrong, people, cameras, cameras)
    assert error(alone.joints, truth) > 60
    assert both.status == "ok" and error(both.joints, truth) < 30


def test_keypoints_alone_are_a_body(scene):
    """No view shows a usable proxy."""
    fitter, truth, maps, cameras, people = scene
    empty = replace(maps, labels=np.zeros_like(maps.labels), weight=np.zeros_like(maps.weight))
    result = fitter.fit(empty, people, cameras, cameras)
    assert result.status == "ok" and error(result.joints, truth) < 40
    assert np.isfinite(result.joint_std).all()


def test_without_detections_the_proxies_decide(scene):
    fitter, _, maps, cameras, _ = scene
    alone = fit(maps, fitter.body, CONFIG)
    result = fitter.fit(maps, [[], [], []], cameras, cameras)
    assert np.array_equal(result.joints, alone.joints)


def test_wrong_detections_are_outvoted(scene):
    """One view's detector takes left for right; two views and the proxies know better."""
    fitter, truth, maps, cameras, people = scene
    swapped = people[1][0].points.copy()
    for k, name in enumerate(NAMES):
        if name.startswith("left_"):
            twin = NAMES.index(name.replace("left_", "right_", 1))
            swapped[[k, twin]] = swapped[[twin, k]]
    result = fitter.fit(maps, [people[0], [Person2D(swapped)], people[2]], cameras, cameras)
    assert error(result.joints, truth) < 8
