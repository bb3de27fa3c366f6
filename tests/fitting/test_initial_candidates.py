"""Bodies that a fit may also start from: a good one helps, a wrong one does no harm."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.cameras import Camera
from diffproxy.fitting import Evidence, FitConfig, FixedShape, fit
from diffproxy.fitting.gather_correspondences import gather_correspondences
from diffproxy.fitting.initialization.initialize import initialize
from diffproxy.proxies import render_proxies

CONFIG = FitConfig(hands=False, max_pixels=120, num_restarts=1, num_initial_rotations=60, silhouette=False)


@pytest.fixture(scope="module")
def true(body):
    pose = torch.zeros(1, 21, 3)
    pose[0, 15], pose[0, 3] = torch.tensor([0.0, -0.7, -0.6]), torch.tensor([0.5, 0.0, 0.0])
    return BodyParams.rest(1).replace(
        body_pose=pose.flatten(1),
        global_orient=torch.tensor([[np.pi, 0.0, 0.0]]),
        transl=torch.tensor([[0.0, 0.25, 3.0]]),
    )


@pytest.fixture(scope="module")
def maps(body, true):
    camera = Camera("a", 64, 64, np.array([[75.0, 0, 32], [0, 75.0, 32], [0, 0, 1]]), np.eye(3), np.zeros(3))
    with torch.no_grad():
        return render_proxies(body, body(true).vertices[0].numpy(), [camera])


def test_the_best_candidate_is_one_more_hypothesis(body, maps, true):
    subject = gather_correspondences(maps, body, CONFIG)
    far = true.replace(transl=true.transl + 1.0)
    alone = initialize(subject, body, CONFIG)
    found = initialize(subject, body, CONFIG, Evidence(candidates=[far, true]))
    assert len(found.hypotheses) == len(alone.hypotheses) + 1
    torch.testing.assert_close(found.hypotheses[-1].transl, true.transl)


def test_a_good_start_needs_no_candidates(body, maps, true):
    subject = gather_correspondences(maps, body, CONFIG)
    evidence = Evidence(start=true, candidates=[true])
    assert len(initialize(subject, body, CONFIG, evidence).hypotheses) == 1


def test_a_fixed_shape_holds_for_candidates(body, maps, true):
    subject = gather_correspondences(maps, body, CONFIG)
    betas = torch.linspace(-1, 1, 10)
    found = initialize(subject, body, CONFIG, Evidence(candidates=[true]), FixedShape(betas, 1.1))
    torch.testing.assert_close(found.hypotheses[-1].betas[0], betas)
    assert float(found.hypotheses[-1].scale) == pytest.approx(1.1)


def test_a_wrong_candidate_does_no_harm(body, maps, true):
    wrong = true.replace(
        global_orient=torch.tensor([[0.0, 0.0, 2.0]]), transl=true.transl + torch.tensor([[1.0, 0.0, 1.0]])
    )
    alone, found = fit(maps, body, CONFIG), fit(maps, body, CONFIG, candidates=[wrong])
    assert found.objective <= alone.objective * (1 + 1e-4)
    helped = fit(maps, body, replace(CONFIG, num_initial_rotations=24), candidates=[true])
    assert helped.objective <= alone.objective * (1 + 1e-2)
