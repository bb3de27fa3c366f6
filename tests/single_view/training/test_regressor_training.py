"""People drawn as keypoints, what a detector would say of them, and the training of the regressor on them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.geometry.so3 import rotmat_to_rotvec
from diffproxy.keypoints.landmarks import with_encoder_keypoints
from diffproxy.single_view.focal_length import usual_focal
from diffproxy.single_view.picture_camera import picture_camera
from diffproxy.single_view.regressor import MIN_CONFIDENCE, RegressorConfig
from diffproxy.single_view.training.data import DISTANCE, LEAST_SEEN, PeopleSampler
from diffproxy.single_view.training.detections import DetectionNoise, detect
from diffproxy.single_view.training.losses import LossWeights, regression_losses
from diffproxy.single_view.training.options import RegressorTrainOptions
from diffproxy.single_view.training.train import Training, train
from diffproxy.utils.errors import InputError

SMALL = RegressorConfig(width=32, blocks=1)


@pytest.fixture(scope="module")
def sampler(body) -> PeopleSampler:
    return PeopleSampler(body)


@pytest.fixture(scope="module")
def people(sampler):
    return sampler.draw(400, torch.Generator().manual_seed(5))


def test_pixels_are_the_fitters_keypoints_through_the_camera(body, people):
    marked, _ = with_encoder_keypoints(body)
    for i in range(3):
        turns = rotmat_to_rotvec(people.rotations[i])
        params = BodyParams.rest(1).replace(
            global_orient=turns[:1], body_pose=turns[1:].reshape(1, 63), betas=people.betas[i : i + 1],
            scale=people.scale[i].reshape(1, 1),
        )  # fmt: skip
        params = params.replace(transl=people.pelvis[i][None] - body.joints(params)[:, 0])
        with torch.no_grad():
            points = marked(params).vertices[0, -17:].double().numpy()
        width, height = (round(float(x)) for x in people.size[i])
        camera = picture_camera(width, height, float(people.focal[i]))
        np.testing.assert_allclose(
            people.pixels[i][people.seen[i]], camera.project(points)[people.seen[i].numpy()], atol=1.0
        )


def test_people_are_at_every_distance_and_enough_of_them_is_seen(people):
    depth = people.pelvis[:, 2]
    assert depth.min() >= DISTANCE[0] and depth.max() <= DISTANCE[1]
    assert 0.2 < float((depth < 1.2).float().mean()) < 0.45
    assert (people.seen.sum(1) >= LEAST_SEEN).all()
    assert 0.05 < float((~people.seen).float().mean()) < 0.5
    up = -people.rotations[:, 0, 1, 1]  # of the body's y axis, in the picture
    assert 0.04 < float((up < -0.3).float().mean()) < 0.3, "some people are upside down"


def test_half_of_the_cameras_are_unknown(people):
    told, std = people.camera[:, 2], people.camera[:, 3]
    torch.testing.assert_close(told[std == 0], people.focal[std == 0])
    unknown = std > 0.1
    assert 0.35 < float(unknown.float().mean()) < 0.55
    width, height = (round(float(x)) for x in people.size[unknown][0])
    assert float(told[unknown][0]) == pytest.approx(usual_focal(width, height), rel=1e-3)


def test_a_draw_depends_on_its_random_numbers_alone(sampler):
    a, b = (sampler.draw(8, torch.Generator().manual_seed(9)) for _ in range(2))
    assert all(torch.equal(getattr(a, k), getattr(b, k)) for k in vars(a))


def test_a_perfect_detector_states_the_exact_keypoints(people):
    perfect = DetectionNoise(
        logit=8.0, logit_of_person=0.0, logit_of_keypoint=0.0, hidden=0.0, averted_logit=0.0,
        mistaken=(0.0, 0.0), mirrored=0.0, cut=0.0, invented=0.0,
    )  # fmt: skip
    found, is_person = detect(people, torch.Generator().manual_seed(0), perfect)
    real = is_person > 0
    off = (found[..., :2] - people.pixels).norm(dim=-1)
    shown = people.seen & real[:, None] & (found[..., 2] >= MIN_CONFIDENCE)
    assert float(shown.sum() / (people.seen & real[:, None]).sum()) > 0.97
    assert float((off / found[..., 3])[shown].median()) < 8
    assert (found[..., 2][~people.seen & real[:, None]] == 0).all()


def test_the_detector_errs_as_often_as_it_says(people):
    found, is_person = detect(people, torch.Generator().manual_seed(0))
    shown = people.seen & (is_person > 0)[:, None] & (found[..., 2] >= MIN_CONFIDENCE)
    off = (found[..., :2] - people.pixels).norm(dim=-1) / found[..., 3]
    sure = shown & (found[..., 2] > 0.7)
    assert 0.75 < float(shown.sum() / (people.seen & (is_person > 0)[:, None]).sum()) < 0.97
    assert float((off[sure] > 8).float().mean()) < float(
        (off[shown & (found[..., 2] < 0.45)] > 8).float().mean()
    )


def test_the_truth_has_no_loss(sampler, people):
    rows = torch.arange(16)
    training = Training(RegressorTrainOptions(batch=16), SMALL)
    some = people[rows]
    some = replace(some, betas=some.betas, scale=torch.ones(16))
    joints, points = sampler.skeleton(some.rotations, some.betas)
    some = replace(some, joints=joints, points=points, pixels=_project(points, some))
    with torch.no_grad():
        out = training.network(*_told(some))
    true = out._replace(
        R_cam_body=some.rotations[:, 0], R_parent_joint=some.rotations[:, 1:], betas=some.betas,
        pelvis=some.pelvis, focal=some.focal,
    )  # fmt: skip
    losses = regression_losses(true, some, torch.ones(16), sampler.skeleton, LossWeights())
    for name in ("orient", "pose", "joints", "reprojection", "betas", "depth"):
        assert float(losses[name]) < 1e-3, name


def _project(points, people):
    beyond = points + people.pelvis[:, None]
    return (
        beyond[..., :2] / beyond[..., 2:].clamp_min(0.1) * people.focal[:, None, None]
        + people.size[:, None] / 2
    )


def _told(people):
    return torch.cat([people.pixels, torch.ones_like(people.pixels)], dim=-1), people.camera


def test_a_small_network_learns_a_few_people(body):
    training = Training(RegressorTrainOptions(batch=8, lr=1e-2, warmup_steps=1, steps=400), SMALL)
    training.options = replace(training.options, seed=1)
    first = training.update(0)["total"]
    for _ in range(60):
        training.step = 0
        last = training.update(0)["total"]
    assert last < 0.25 * first


def test_a_run_that_was_stopped_continues_bit_for_bit(tmp_path):
    options = RegressorTrainOptions(
        out=str(tmp_path / "whole"), batch=4, steps=4, save_every=2, warmup_steps=1
    )
    whole = train(options, SMALL)
    parts = replace(options, out=str(tmp_path / "parts"))
    run = Training(parts, SMALL)
    train(replace(parts, time_limit_min=1e-9), SMALL)  # stops after one step
    assert len([*(tmp_path / "parts" / "checkpoints").iterdir()]) == 1
    again = train(parts, SMALL)
    assert again.read_bytes() == whole.read_bytes()
    assert run.step == 0
    with pytest.raises(InputError, match=r"lr: .* before, 0.5 now"):
        train(replace(parts, lr=0.5), SMALL)
