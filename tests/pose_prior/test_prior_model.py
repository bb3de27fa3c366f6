"""PosePrior: units, sides, sampling, files."""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from diffproxy.pose_prior import load_prior, save_prior, sde
from diffproxy.pose_prior.__main__ import main
from diffproxy.pose_prior.checkpoint import PACKAGED
from diffproxy.pose_prior.evaluate import denoising_errors, linear_denoiser
from diffproxy.utils.errors import InputError


def test_a_gaussian_is_denoised_as_gaussians_are(gaussian_prior):
    prior, _, covariance, std = gaussian_prior
    x = torch.randn(4, 63)
    expected = linear_denoiser(x, 0.3, torch.zeros(63, dtype=torch.float64), covariance / std[:, None] / std)
    assert torch.allclose(prior.denoise(x, torch.full((4,), 0.3)), expected, atol=2e-4)


def test_samples_have_the_moments_of_the_gaussian(gaussian_prior):
    prior, mean, covariance, _ = gaussian_prior
    drawn = prior.sample(1500, torch.Generator().manual_seed(0)).double()
    assert torch.allclose(drawn.mean(0), mean, atol=0.04)
    assert torch.allclose(drawn.std(0), covariance.diagonal().sqrt(), rtol=0.1)
    again = prior.sample(5, torch.Generator().manual_seed(3))
    assert torch.equal(again, prior.sample(5, torch.Generator().manual_seed(3)))


def test_hands_are_mirror_images(random_prior):
    """The same finger pose on both sides costs the same: the left hand is seen mirrored by the right hand's net."""
    right = torch.randn(2, 45)
    left = right * torch.tensor([1.0, -1.0, -1.0]).repeat(15)
    pose = torch.cat([torch.randn(2, 63), left, right], dim=1)
    random_prior.mean[63:108], random_prior.std[63:108] = random_prior.mean[108:], random_prior.std[108:]
    x = random_prior.normalise(pose)
    assert torch.allclose(x[:, 63:108], x[:, 108:])
    out = random_prior.net(x, torch.full((2,), 0.2))
    assert torch.allclose(out[:, 63:108], out[:, 108:], atol=1e-6)
    assert torch.allclose(random_prior.radians(x), pose, atol=1e-5)
    assert random_prior.columns == (*range(3, 66), *range(75, 165))


def test_a_file_gives_the_prior_back(random_prior, tmp_path):
    save_prior(random_prior, tmp_path / "a.safetensors")
    back = load_prior(tmp_path / "a.safetensors")
    x, t = torch.randn(3, 153), torch.full((3,), 0.2)
    assert torch.allclose(back.denoise(x, t), random_prior.denoise(x, t), atol=2e-2)  # half-precision weights
    assert not any(p.requires_grad for p in back.parameters())
    save_prior(back, tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.safetensors", "b.safetensors"]


def test_what_is_no_prior_says_so(random_prior, tmp_path):
    with pytest.raises(InputError, match="prior=diffusion"):
        load_prior(tmp_path / "missing.safetensors")
    (tmp_path / "junk.safetensors").write_bytes(b"junk")
    with pytest.raises(InputError, match="safetensors"):
        load_prior(tmp_path / "junk.safetensors")
    save_prior(random_prior, tmp_path / "a.safetensors")
    data = (tmp_path / "a.safetensors").read_bytes().replace(b'hidden\\": 64', b'hidden\\": 96')
    (tmp_path / "a.safetensors").write_bytes(data)
    with pytest.raises(InputError, match="fit their sizes"):
        load_prior(tmp_path / "a.safetensors")


def test_denoising_errors_of_a_gaussian(gaussian_prior):
    prior, mean, covariance, _ = gaussian_prior
    rng = np.random.default_rng(0)
    poses = rng.multivariate_normal(mean.numpy(), covariance.numpy(), 4000)
    rows = denoising_errors(prior, poses[:3000], poses[3000:])
    for row in rows.values():
        assert row["body network"] == pytest.approx(row["body gaussian"], rel=0.05)
        assert row["body gaussian"] <= row["body identity"] * 1.01
    s = float(sde.spread(torch.tensor(0.1)))
    assert rows["0.1"]["body identity"] == pytest.approx(s * s, rel=0.05)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda t, m: t["mean"].fill_(float("nan")), "finite weights"),
        (lambda t, m: t["std"].zero_(), "above 0"),
        (lambda t, m: t.pop("mean"), "mean in"),
        (lambda t, m: m.update(nets=[]), "nets of"),
        (lambda t, m: m["nets"].update(foot={"dim": 45}), "foot"),
        (lambda t, m: m["nets"]["body"].update(width=3), "width"),
        (lambda t, m: m["nets"]["body"].update(hidden="x"), "hidden"),
        (lambda t, m: m["nets"]["body"].update(hidden=32 * 10**9), "hidden"),
        (lambda t, m: m["nets"]["body"].update(dropout=7), "dropout"),
        (lambda t, m: m["nets"].pop("body"), "network of the body"),
    ],
)
def test_a_prior_of_any_content_is_refused(random_prior, tmp_path, change, expected):
    path = tmp_path / "a.safetensors"
    save_prior(random_prior, path)
    tensors = load_file(path)
    with safe_open(path, "pt") as file:
        meta = json.loads(file.metadata()["prior"])
    change(tensors, meta)
    save_file(tensors, path, {"prior": json.dumps(meta)})
    with pytest.raises(InputError, match=expected):
        load_prior(path)


def test_convert_writes_over_no_file_of_another_kind(random_prior, tmp_path):
    save_prior(random_prior, tmp_path / PACKAGED)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="a new file"):
        main(["convert", f"official={tmp_path}", f"out={tmp_path / 'notes.txt'}"])
    assert (tmp_path / "notes.txt").read_text() == "mine"
