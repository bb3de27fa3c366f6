"""Gradients, exact surface points, and conventions of the body model."""

import numpy as np
import pytest
import torch

from diffproxy.body import JOINT_NAMES, PARAM_DIMS, PARENTS, BodyParams, load_body


@pytest.fixture(scope="module", params=["stand-in", "official layout"])
def model64(request, official_file):
    return load_body("anny" if request.param == "stand-in" else official_file).double()


@pytest.mark.parametrize("name", list(PARAM_DIMS))
def test_gradient_of_every_parameter(model64, random_params, name):
    params = random_params(1, seed=3, dtype=torch.float64)
    faces = torch.arange(0, len(model64.faces), len(model64.faces) // 20)[None]
    bary = torch.full((1, faces.shape[1], 3), 1 / 3, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    mix = torch.randn(1, faces.shape[1], 3, generator=generator, dtype=torch.float64)

    def value(x):
        p = params.replace(**{name: x})
        return (model64.surface_points(p, faces, bary) * mix).sum() + model64.joints(p).square().sum()

    x = getattr(params, name).clone().requires_grad_()
    (gradient,) = torch.autograd.grad(value(x), x)
    for k in range(0, PARAM_DIMS[name], max(1, PARAM_DIMS[name] // 6)):
        step = torch.zeros_like(x)
        step[0, k] = 1e-5
        slope = (value(x.detach() + step) - value(x.detach() - step)) / 2e-5
        assert abs(slope - gradient[0, k]) < 1e-6 * max(1, abs(slope)), (
            f"{name}[{k}]: {gradient[0, k]} is not {slope}"
        )


def test_gradient_at_rest_is_finite(body):
    pose = torch.zeros(1, 63, requires_grad=True)
    body(BodyParams.rest(1).replace(body_pose=pose)).vertices.square().sum().backward()
    assert torch.isfinite(pose.grad).all()


@pytest.mark.parametrize("rows", [1, 2])
def test_surface_points_are_points_of_the_posed_triangles(model64, random_params, rows):
    params = random_params(2, seed=4, dtype=torch.float64)
    generator = torch.Generator().manual_seed(1)
    faces = torch.randint(len(model64.faces), (rows, 50), generator=generator)
    bary = torch.rand(rows, 50, 3, generator=generator, dtype=torch.float64)
    bary = bary / bary.sum(dim=-1, keepdim=True)
    triangles = model64(params).vertices
    want = torch.stack(
        [
            (triangles[b][model64.faces[faces[b % rows]]] * bary[b % rows][..., None]).sum(dim=1)
            for b in range(len(params))
        ]
    )
    torch.testing.assert_close(model64.surface_points(params, faces, bary), want, atol=1e-12, rtol=0)


def test_a_batch_equals_its_rows(body, random_params):
    params = random_params(3, seed=5)
    whole = body(params).vertices
    for k in range(3):
        torch.testing.assert_close(body(params[k]).vertices[0], whole[k], atol=1e-6, rtol=0)


def test_joint_transforms_move_rigid_pieces(body, random_params):
    """A child joint keeps its place in its parent's frame."""
    params = random_params(2, seed=6)
    R, c = body.joint_transforms(params)
    rest = body.rest_joints(params)
    child = torch.arange(1, 55)
    parent = torch.tensor(PARENTS[1:])
    offset = (R[:, parent] @ (rest[:, child] - rest[:, parent])[..., None])[..., 0] * params.scale[:, None]
    torch.testing.assert_close(c[:, child] - c[:, parent], offset, atol=1e-5, rtol=0)
    torch.testing.assert_close(c, body.joints(params))


def test_rest_pose_is_that_of_smplx(body):
    """T-pose, y up, facing +z, left at +x, arms level, straight fingers; where SMPL-X has its pelvis."""
    joints = body.joints(BodyParams.rest())[0].numpy()
    j = {name: joints[i] for i, name in enumerate(JOINT_NAMES)}
    np.testing.assert_allclose(j["pelvis"], [0, -0.351, 0.012], atol=2e-3)
    assert j["left_wrist"][0] > 0.5
    assert abs(j["left_wrist"][1] - j["left_shoulder"][1]) < 0.03 and abs(j["left_wrist"][2]) < 0.06
    assert j["left_ankle"][1] < j["left_knee"][1] < j["left_hip"][1] < j["pelvis"][1] < j["head"][1]
    assert j["left_foot"][2] > j["left_ankle"][2] + 0.1
    assert 0.15 < j["left_ankle"][0] - j["right_ankle"][0] < 0.35
    assert j["left_thumb3"][2] > j["left_index1"][2] > j["left_pinky1"][2]
    for finger in ("index", "middle", "ring", "pinky"):
        a, b = (j[f"left_{finger}{k + 1}"] - j[f"left_{finger}{k}"] for k in (1, 2))
        assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) > 0.99
    np.testing.assert_allclose(j["right_wrist"], j["left_wrist"] * [-1, 1, 1], atol=1e-5)
    tall = body.v_template[:, 1].max() - body.v_template[:, 1].min()
    assert 1.65 < tall < 1.8


def test_pose_signs_are_those_of_smplx(body):
    """Known motions: elbow bends the hand forward, knee bends the foot backward, jaw opens downward."""
    rest = body.joints(BodyParams.rest())[0]

    def posed(name: str, rotvec: list[float]) -> torch.Tensor:
        full = torch.zeros(1, 55, 3)
        full[0, JOINT_NAMES.index(name)] = torch.tensor(rotvec)
        params = BodyParams.rest().replace(**BodyParams.split_full_pose(full.flatten(1)))
        return body.joints(params)[0] - rest

    def moved(delta: torch.Tensor, name: str) -> torch.Tensor:
        return delta[JOINT_NAMES.index(name)]

    assert moved(posed("left_elbow", [0, -1.5, 0]), "left_wrist")[2] > 0.2
    assert moved(posed("right_elbow", [0, 1.5, 0]), "right_wrist")[2] > 0.2
    assert moved(posed("left_knee", [1.0, 0, 0]), "left_ankle")[2] < -0.3
    assert moved(posed("left_shoulder", [0, 0, -1.2]), "left_wrist")[1] < -0.4
    assert moved(posed("left_index1", [0, 0, -1.0]), "left_index3")[1] < -0.02


def test_shape_space_spans_adults(body):
    """Stature over +-2.6 sigma of the first beta, and betas of comparable reach."""

    def stature(beta: float) -> float:
        params = BodyParams.rest().replace(betas=torch.tensor([[beta] + [0.0] * 9]))
        y = body(params).vertices[0, :, 1]
        return float(y.max() - y.min())

    assert stature(-2.6) < 1.45 and stature(2.6) > 2.0
    assert abs(stature(0.0) - 1.73) < 0.03


def test_moves_between_precisions(random_params):
    model = load_body("anny").to(torch.float64)
    assert model.v_template.dtype == torch.float64 and model.faces.dtype == torch.int64
    assert model(random_params(1, dtype=torch.float64)).vertices.dtype == torch.float64


def test_regions_share_the_vertices_among_them(body) -> None:
    """Each vertex is in one region, and a turned wrist moves the hand alone (its skin fades into the forearm's)."""
    regions = body.regions
    assert set(regions) == {"head", "trunk", "arms", "hands", "legs", "feet"}
    np.testing.assert_array_equal(np.sum(list(regions.values()), axis=0), 1)
    rest = BodyParams.rest()
    pose = rest.body_pose.clone()
    pose[0, 3 * 19 : 3 * 20] = torch.tensor([0.0, 0.0, 0.5])  # left wrist
    with torch.no_grad():
        moved = (body(rest.replace(body_pose=pose)).vertices - body(rest).vertices)[0].norm(dim=-1).numpy()
    assert moved[regions["hands"]].max() > 0.05
    for name in ("head", "trunk", "legs", "feet"):
        assert moved[regions[name]].max() < 0.005
