"""Published checkpoints, as tiny random files in their layout."""

import pytest
import torch

from diffproxy.pose_prior import load_prior, save_prior
from diffproxy.pose_prior.network import NetConfig, TimeNet
from diffproxy.utils.errors import InputError


class Odd:
    """Something that only a full unpickler would load."""


def net(dim: int, hidden: int = 32, embed: int = 16, given: int = 0) -> TimeNet:
    return TimeNet(NetConfig(dim, hidden, embed, input=given))


def lightning(state: dict, parameters: list, path, **more) -> None:
    """Weights under `model.`, a body model beside them, averaged weights as a bare list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shadow = [p.detach() + 0.5 for p in parameters]
    state = {f"model.{k}": v for k, v in state.items()} | {"body_model_vis.v_template": torch.zeros(3)}
    ema = {"decay": 0.9999, "num_updates": 7, "shadow_params": shadow}
    torch.save({"state_dict": state, "model_ema": ema, "global_step": 9, **more}, path)


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    body, hand, face = net(63), net(45), net(103)
    lightning(body.state_dict(), list(body.parameters()), tmp_path / "body/BaseMLP/last.ckpt")
    lightning(hand.state_dict(), list(hand.parameters()), tmp_path / "hand/BaseMLP/last.ckpt")
    whole = {}
    for name, part in (("body", body), ("hand", hand), ("face", face)):
        whole |= {f"base_model.{name}_model.{k}": v for k, v in part.state_dict().items()}
    mask, output = net(256, given=128), torch.nn.Linear(256, 256)
    whole |= {f"mask_fc.{k}": v for k, v in mask.state_dict().items()}
    for name in ("output_linear", "zero_linear"):
        whole |= {f"{name}.{k}": v for k, v in output.state_dict().items()}
    averaged = [*mask.parameters(), *output.parameters()]
    assert len(averaged) == 36
    lightning(whole, averaged, tmp_path / "wholebody/mixed/last.ckpt")
    for part, dim in (("body", 63), ("hand", 45)):
        path = tmp_path / f"data/{part}_data/{part}_normalizer/axis_normalize2.pt"
        path.parent.mkdir(parents=True)
        torch.save({"mean_poses": torch.randn(dim), "std_poses": 0.1 + torch.rand(dim)}, path)
    return tmp_path, body, output


def test_whole_body(folder, tmp_path):
    path, body, output = folder
    prior = load_prior(path)
    assert prior.net.dim == 153 and prior.mean.shape == (153,)
    assert torch.equal(prior.net.body.pre_dense.weight, body.pre_dense.weight)  # the frozen parts as they are
    assert torch.allclose(prior.net.output.weight, output.weight + 0.5)  # the trained part averaged
    x, t = torch.randn(2, 153), torch.full((2,), 0.1)
    assert prior.denoise(x, t).shape == (2, 153)
    save_prior(prior, tmp_path / "converted.safetensors")
    back = load_prior(tmp_path / "converted.safetensors")
    assert torch.allclose(back.net(x, t), prior.net(x, t), rtol=0.05, atol=0.05)


def test_body_and_hand_alone(folder):
    path, body, _ = folder
    (path / "wholebody/mixed/last.ckpt").unlink()
    prior = load_prior(path)
    assert prior.net.dim == 153 and prior.net.correction is None
    assert torch.allclose(prior.net.body.post_dense.bias, body.post_dense.bias + 0.5)
    (path / "hand/BaseMLP/last.ckpt").unlink()
    assert load_prior(path).columns == tuple(range(3, 66))


def test_wrong_folders_say_what_is_missing(folder, tmp_path):
    path, body, _ = folder
    with pytest.raises(InputError, match="ckpt"):
        load_prior(tmp_path / "data")
    (path / "wholebody/mixed/last.ckpt").unlink()
    lightning(body.state_dict(), list(body.parameters())[1:], path / "body/BaseMLP/last.ckpt")
    with pytest.raises(InputError, match="averaged"):
        load_prior(path)
    lightning(body.state_dict(), list(body.parameters()), path / "body/BaseMLP/last.ckpt", extra=Odd())
    with pytest.raises(InputError, match="tensors"):
        load_prior(path)
    lightning(body.state_dict(), list(body.parameters()), path / "body/BaseMLP/last.ckpt")
    (path / "data/body_data/body_normalizer/axis_normalize2.pt").unlink()
    with pytest.raises(InputError, match="body_normalizer"):
        load_prior(path)
