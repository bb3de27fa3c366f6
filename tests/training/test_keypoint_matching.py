import torch

from diffproxy.encoders.movenet import MoveNet
from diffproxy.generator import ProxyGenerator
from diffproxy.generator.presets import preset
from diffproxy.training.config import TrainConfig
from diffproxy.training.keypoint_matching import KeypointMatching
from diffproxy.training.parameters import select_parameters


def test_zero_for_the_published_network_and_positive_for_a_changed_one():
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    matching, net = KeypointMatching(), MoveNet().load_published()
    assert matching(images, net(images * 2 - 1).heads).item() == 0
    with torch.no_grad():
        net.top.bias.add_(0.5)
    loss = matching(images, net(images * 2 - 1).heads)
    loss.backward()
    assert loss > 0 and net.top.bias.grad is not None
    assert all(p.grad is None for p in matching.parameters())


def test_by_hand():
    images = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    matching = KeypointMatching()
    maps = {k: v.clone() for k, v in MoveNet().load_published()(images * 2 - 1).heads.items()}
    deviation = maps["offset"].std()
    maps["offset"] = maps["offset"] + 3 * deviation
    torch.testing.assert_close(matching(images, maps), torch.tensor(9.0 / len(maps)))


def test_the_deep_half_of_movenet_is_trained_and_the_keypoint_heads_are_not():
    generator = ProxyGenerator(preset("nano"))
    head, encoder = select_parameters(generator, TrainConfig(diffusion_weight=0, lr=1e-3, encoder_lr=1e-4))
    trained = {n for n, p in generator.encoder.net.named_parameters() if p.requires_grad}
    assert {n.split(".")[0] for n in trained} == {"stages", "last", "top", "laterals"}
    assert {n.split(".")[1] for n in trained if n.startswith("stages")} == {"3", "4", "5", "6"}
    assert len(encoder["params"]) == len(trained) and (head["lr"], encoder["lr"]) == (1e-3, 1e-4)
