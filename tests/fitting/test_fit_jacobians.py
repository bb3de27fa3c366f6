"""Every derivative of the fitter against automatic differentiation, in double precision, on a body without symmetry."""

from dataclasses import replace

import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.fitting.skeleton import Skeleton
from diffproxy.fitting.state import TANGENT_DIM, Free, State
from diffproxy.fitting.terms.priors import LinearPrior, prior_cost, prior_normal, variables_of
from diffproxy.fitting.terms.reprojection import Noise, Reprojection
from diffproxy.fitting.uncertainty import joint_jacobian
from diffproxy.geometry.so3 import left_jacobian, rotvec_to_rotmat

ALL = Free(tuple(range(55)), betas=True, scale=True, transl=True)
TOLERANCE = 1e-12


@pytest.fixture(params=[False, True], ids=["plain", "whitened"])
def term(request, random_body, random_params, random_observations):
    skeleton, seen = Skeleton(random_body, random_params.expression), random_observations
    if request.param:
        g = torch.Generator().manual_seed(5)
        seen = replace(seen, whitening=torch.rand(2, 20, 2, 2, generator=g, dtype=torch.float64))
    return Reprojection(random_body, skeleton, seen, random_params.expression)


@pytest.fixture()
def state(random_params):
    return State.from_params(random_params)


def by_autograd(function, state: State) -> torch.Tensor:
    """Derivative of `function(state)` (B, ...) by the tangent step, (B, ..., 179)."""
    zero = torch.zeros(len(state.betas), TANGENT_DIM, dtype=torch.float64)
    full = torch.autograd.functional.jacobian(lambda step: function(state.retract(step)), zero)
    return torch.stack([full[b, ..., b, :] for b in range(len(zero))])


def test_points_and_joints_are_the_body_models(term, state, random_body, random_params, random_observations):
    seen = random_observations
    points, _, pose = term.points(state)
    expected = random_body.surface_points(random_params, seen.faces, seen.bary)
    assert (points - expected).abs().max() < TOLERANCE
    joints = random_params.scale[:, None] * pose.centers + random_params.transl[:, None]
    assert (joints - random_body.joints(random_params)).abs().max() < TOLERANCE


def test_residual_jacobian(term, state):
    residual, J, _ = term.jacobian(state, ALL)
    expected = by_autograd(lambda s: term.project(term.points(s)[0])[0], state)
    assert J.shape == (2, 20, 2, TANGENT_DIM)
    assert (J - expected).abs().max() < TOLERANCE
    assert (residual - term.project(term.points(state)[0])[0]).abs().max() < TOLERANCE


@pytest.mark.parametrize(
    "free", [Free((0,)), Free((0, 4, 21), scale=True), Free(betas=True), Free(transl=True)]
)
def test_subsets_are_columns_of_the_whole(term, state, free):
    assert (
        term.jacobian(state, free)[1] - term.jacobian(state, ALL)[1][..., free.columns()]
    ).abs().max() < TOLERANCE


def test_axis_angle_derivatives_through_the_left_jacobian(term, state, random_params, random_body):
    """The derivative by axis-angle parameters, as the body model's own autograd sees it."""
    seen = random_params, term.observations
    _, (posed,), pose = term.points(state)
    rows = torch.eye(3, dtype=torch.float64)[None, :, :, None].expand(2, 3, 3, 20)
    surface, joints = term.blocks[0].surface, tuple(range(55))
    J = surface.pull(rows, posed, state, pose, term.skeleton.descendants, joints, False).permute(0, 3, 2, 1)
    chain = left_jacobian(random_params.full_pose.unflatten(1, (55, 3)))
    J = (J.unflatten(-1, (55, 1, 3)) @ chain[:, None, None]).flatten(-3) * random_params.scale[
        :, :, None, None
    ]

    def points(pose: torch.Tensor) -> torch.Tensor:
        params = seen[0].replace(**BodyParams.split_full_pose(pose))
        return random_body.surface_points(params, seen[1].faces, seen[1].bary)

    expected = torch.autograd.functional.jacobian(points, random_params.full_pose)
    for b in range(2):
        assert (J[b] - expected[b, :, :, b]).abs().max() < TOLERANCE


def test_gradient_of_the_robust_cost(term, state):
    scale = torch.full_like(term.observations.weight, 0.7)
    noise = Noise(0.2 * scale, scale)
    normal = term.linearise(state, ALL, noise)
    gradient = by_autograd(lambda s: term.cost(s, noise), state)
    assert (normal.g - gradient).abs().max() < 1e-9 * gradient.abs().max()
    assert torch.allclose(normal.cost, term.cost(state, noise))
    assert torch.linalg.eigvalsh(normal.H).min() > -1e-8 * normal.H.abs().max()


def test_gradient_of_priors(state):
    g = torch.Generator().manual_seed(3)
    A = torch.randn(70, 176, generator=g, dtype=torch.float64)
    prior = LinearPrior(slice(0, 176), A[0], A)
    normal = prior_normal([prior], state, ALL.columns())
    gradient = by_autograd(lambda s: prior_cost([prior], variables_of(s)), state)
    assert (normal.g - gradient).abs().max() < 1e-8 * gradient.abs().max()
    assert torch.allclose(normal.cost, prior_cost([prior], variables_of(state)))


def test_joint_jacobian(term, state):
    def joints(s: State) -> torch.Tensor:
        return s.log_scale.exp()[:, None, None] * term.skeleton.pose(s).centers + s.transl[:, None]

    J = joint_jacobian(term.skeleton, state, ALL)
    assert (J - by_autograd(joints, state)).abs().max() < TOLERANCE


def test_state_and_parameters_are_one(state, random_params):
    back = State.from_params(state.to_params())
    assert torch.allclose(back.rotations, state.rotations, atol=1e-12)
    assert torch.allclose(state.to_params().scale, random_params.scale)
    turned = state.retract(torch.zeros(2, TANGENT_DIM, dtype=torch.float64))
    assert torch.allclose(turned.rotations, rotvec_to_rotmat(random_params.full_pose.unflatten(1, (55, 3))))
