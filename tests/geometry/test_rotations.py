"""Rotation Jacobians against RoMa's exponential."""

import torch

from diffproxy.geometry.so3 import (
    hat,
    left_jacobian,
    left_jacobian_inverse,
    rotmat_to_rotvec,
    rotvec_to_rotmat,
)


def vectors() -> torch.Tensor:
    torch.manual_seed(0)
    unit = torch.nn.functional.normalize(torch.randn(6, 3, dtype=torch.float64), dim=-1)
    return unit * torch.tensor([0.0, 1e-5, 9e-3, 0.5, 2.0, 3.1], dtype=torch.float64)[:, None]


def test_hat_is_the_cross_product():
    a, b = torch.randn(2, 5, 3)
    assert torch.allclose((hat(a) @ b[..., None])[..., 0], torch.linalg.cross(a, b))


def test_left_jacobian_against_finite_differences():
    v, h = vectors(), 1e-6
    back = rotvec_to_rotmat(v).transpose(-1, -2)
    for axis in range(3):
        step = torch.zeros(3, dtype=v.dtype)
        step[axis] = h
        turn = rotmat_to_rotvec(rotvec_to_rotmat(v + step) @ back) / h
        assert (turn - left_jacobian(v)[..., axis]).abs().max() < 2e-6


def test_inverse():
    v = vectors()
    eye = torch.eye(3, dtype=v.dtype).expand(len(v), 3, 3)
    assert torch.allclose(left_jacobian(v) @ left_jacobian_inverse(v), eye, atol=1e-9)
