"""The network from keypoints to a body: what it is given does not depend on lens, place and resolution."""

import numpy as np
import pytest
import torch

from diffproxy.single_view.regressor import (
    BodyRegressor,
    RegressorConfig,
    look_at,
    rotation_from_6d,
)
from diffproxy.single_view.regressor_weights import load_regressor, save_regressor
from diffproxy.utils.errors import InputError

SMALL = RegressorConfig(width=32, blocks=1)


def example(count: int = 4, seed: int = 0):
    random = torch.Generator().manual_seed(seed)
    points = torch.rand(count, 17, 4, generator=random) * torch.tensor([800.0, 600.0, 1.0, 8.0])
    return points, torch.tensor([[800.0, 600.0, 520.0, 0.35]]).repeat(count, 1)


@pytest.fixture(scope="module")
def network() -> BodyRegressor:
    torch.manual_seed(3)
    return BodyRegressor(SMALL).eval()


def test_rotations_from_six_values_are_rotations():
    R = rotation_from_6d(torch.randn(5, 6, generator=torch.Generator().manual_seed(0)).double())
    torch.testing.assert_close(R @ R.mT, torch.eye(3).double().expand(5, 3, 3), atol=1e-9, rtol=0)
    torch.testing.assert_close(torch.linalg.det(R), torch.ones(5).double())
    torch.testing.assert_close(rotation_from_6d(R[..., :2].mT.flatten(1)), R)


def test_the_virtual_camera_looks_along_the_direction():
    direction = torch.tensor([[0.3, -0.4, 1.0]])
    R = look_at(direction)[0]
    torch.testing.assert_close(
        R @ direction[0], torch.tensor([0.0, 0.0, direction.norm()]), atol=1e-6, rtol=0
    )
    assert float(R[0, 1]) == 0 and float(torch.linalg.det(R)) == pytest.approx(1)


@torch.no_grad()
def test_the_resolution_of_the_picture_does_not_matter(network):
    points, camera = example()
    one = network(points, camera)
    other = network(points * torch.tensor([3.0, 3, 1, 3]), camera * torch.tensor([3.0, 3, 3, 1]))
    torch.testing.assert_close(other.pelvis, one.pelvis, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(other.focal, 3 * one.focal, atol=1e-2, rtol=1e-4)


@torch.no_grad()
def test_keypoints_that_are_missing_may_lie_anywhere(network):
    points, camera = example()
    points[:, 3:6, 2] = 0.1
    one = network(points, camera)
    points[:, 3:6, :2] = 1e4
    torch.testing.assert_close(network(points, camera).pelvis, one.pelvis)


@torch.no_grad()
def test_a_known_focal_length_stays_and_an_unknown_one_has_a_deviation(network):
    points, camera = example()
    known = network(points, camera * torch.tensor([1.0, 1, 1, 0]))
    torch.testing.assert_close(known.focal, camera[:, 2])
    assert not known.focal_log_std.any()
    unknown = network(points, camera)
    assert (unknown.focal_log_std > 0).all() and (unknown.focal_log_std < 1.5 * 0.35).all()


@torch.no_grad()
def test_depth_is_the_expectation_over_its_bins(network):
    points, camera = example()
    out = network(points, camera)
    share = out.depth_logits.softmax(1)
    mean = (share * out.log_depth_bins).sum(1)
    torch.testing.assert_close(out.pelvis[:, 2], mean.exp(), rtol=1e-4, atol=1e-5)
    variance = (share * (out.log_depth_bins - mean[:, None]).square()).sum(1)
    torch.testing.assert_close(out.log_depth_std, variance.sqrt(), rtol=1e-4, atol=1e-5)


def test_gradients_reach_every_weight():
    torch.manual_seed(0)
    network = BodyRegressor(SMALL)
    out = network(*example())
    torch.stack([value.square().mean() for value in out]).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_nobody_gives_finite_numbers(network):
    with torch.no_grad():
        out = network(torch.zeros(1, 17, 4), torch.tensor([[640.0, 480.0, 500.0, 0.35]]))
    assert all(torch.isfinite(value).all() for value in out)


def test_weights_survive_a_file(network, tmp_path):
    path = tmp_path / "network.safetensors"
    save_regressor(network, path)
    again = load_regressor(path)
    points, camera = example()
    with torch.no_grad():
        torch.testing.assert_close(
            again(points, camera).pelvis, network(points, camera).pelvis, rtol=2e-2, atol=2e-2
        )
    save_regressor(again, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_other_files_are_refused(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(np.arange(100).tobytes())
    for path in (tmp_path / "a.safetensors", tmp_path / "none.safetensors"):
        with pytest.raises(InputError, match="body regressor"):
            load_regressor(path)
