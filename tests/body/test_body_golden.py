"""Our bodies against the official `smplx` package, on the default body and on a file in the official layout."""

import copy
import warnings

import pytest
import torch

from diffproxy.body import PARAM_DIMS, BodyParams, load_body
from diffproxy.body.model import PACKAGED

smplx = pytest.importorskip("smplx")


def official(path) -> torch.nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = smplx.SMPLX(
            str(path), use_pca=False, flat_hand_mean=True, num_betas=10, num_expression_coeffs=10,
            use_face_contour=False, dtype=torch.float64,
        )  # fmt: skip
    # its extra landmarks are vertices of the licensed mesh, which these meshes do not have
    model.vertex_joint_selector.extra_joints_idxs.zero_()
    return model


def compare(ours, golden, params: BodyParams, atol: float = 1e-5) -> None:
    unit = params.replace(scale=torch.ones_like(params.scale))  # smplx has no scale
    out = ours(unit)
    want = golden(**{k: getattr(unit, k) for k in PARAM_DIMS if k != "scale"})
    torch.testing.assert_close(out.vertices, want.vertices, atol=atol, rtol=0)
    torch.testing.assert_close(out.joints, want.joints[:, :55], atol=atol, rtol=0)
    torch.testing.assert_close(ours.joints(unit), out.joints)
    scaled = ours(params).vertices
    expected = params.scale[:, None] * (out.vertices - unit.transl[:, None]) + unit.transl[:, None]
    torch.testing.assert_close(scaled, expected, atol=atol, rtol=0)


@pytest.fixture(scope="module")
def stand_in():
    return official(PACKAGED["anny"])


@pytest.mark.parametrize("batch", [1, 3])
def test_stand_in_equals_smplx(batch, stand_in, random_params):
    compare(load_body("anny").double(), stand_in, random_params(batch, dtype=torch.float64))


def test_stand_in_equals_smplx_in_single_precision(body, stand_in, random_params):
    compare(body, copy.deepcopy(stand_in).float(), random_params(2, seed=1))


@pytest.mark.parametrize("batch", [1, 4])
def test_official_layout_equals_smplx(batch, official_file, random_params):
    """With pose correctives, 300 + 100 shape directions and a mean hand that is not flat."""
    ours = load_body(official_file).double()
    assert ours.posedirs is not None
    # our tensors pass through single precision once, at loading
    compare(ours, official(official_file), random_params(batch, seed=2, dtype=torch.float64))
