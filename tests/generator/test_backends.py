"""One mask, three ways to compute attention under it, and a bound on what they hold at a time."""

import sys
import types

import pytest
import torch

from diffproxy.generator import AttentionConfig
from diffproxy.generator.network import backends
from diffproxy.generator.network.backends import (
    attend,
    check_backend,
    flex_attend,
    prepare_mask,
    xformers_attend,
)
from diffproxy.utils.errors import InputError


def case(groups=2, heads=3, length=96, dim=16, dtype=torch.float32):
    rng = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(groups, heads, length, dim, generator=rng).to(dtype) for _ in range(3))
    mask = torch.rand(groups, 1, length, length, generator=rng) < 0.3
    return q, k, v, mask | torch.eye(length, dtype=torch.bool)


def by_hand(q, k, v, mask):
    scores = (q.double() @ k.double().mT) / q.shape[-1] ** 0.5
    return scores.masked_fill(~mask, -torch.inf).softmax(-1) @ v.double()


@pytest.fixture
def eager_flex(monkeypatch):
    """FlexAttention without its compiler, which takes half a minute."""
    from torch.nn.attention.flex_attention import flex_attention

    monkeypatch.setattr(backends, "_compiled_flex", lambda: flex_attention)


def naive_xformers(q, k, v, attn_bias):
    """What xformers documents: (batch, token, head, channel), an additive bias of the type of q, rows aligned to 8."""
    assert attn_bias.dtype == q.dtype and attn_bias.shape == (q.shape[0], q.shape[2], q.shape[1], k.shape[1])
    assert attn_bias.stride(-2) % 8 == 0 and attn_bias.stride(-1) == 1
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    return ((q @ k.mT / q.shape[-1] ** 0.5 + attn_bias).softmax(-1) @ v).transpose(1, 2)


@pytest.fixture
def stand_in_xformers(monkeypatch):
    package, ops = types.ModuleType("xformers"), types.ModuleType("xformers.ops")
    ops.memory_efficient_attention = naive_xformers
    monkeypatch.setitem(sys.modules, "xformers", package)
    monkeypatch.setitem(sys.modules, "xformers.ops", ops)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_sdpa_equals_attention_written_out(dtype):
    q, k, v, mask = case(dtype=dtype)
    tolerance = 1e-5 if dtype == torch.float32 else 0.03
    torch.testing.assert_close(attend(q, k, v, mask).double(), by_hand(q, k, v, mask), rtol=0, atol=tolerance)


def test_flex_equals_sdpa(eager_flex):
    q, k, v, mask = case(length=150)  # not a multiple of its blocks of 128
    found = flex_attend(q, k, v, prepare_mask(mask, "flex"))
    torch.testing.assert_close(found, attend(q, k, v, mask), rtol=0, atol=1e-5)


@pytest.mark.parametrize("length", [96, 90])
def test_xformers_is_given_what_it_documents(length, stand_in_xformers):
    q, k, v, mask = case(length=length)
    found = backends._in_blocks(backends._xformers, 1, q, k, v, mask)
    torch.testing.assert_close(found, attend(q, k, v, mask), rtol=0, atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="xformers needs a GPU")
def test_xformers_equals_sdpa():
    pytest.importorskip("xformers.ops")
    q, k, v, mask = (x.cuda() for x in case(dim=64, dtype=torch.bfloat16))
    torch.testing.assert_close(xformers_attend(q, k, v, mask), attend(q, k, v, mask), rtol=0, atol=0.03)


def test_unknown_missing_and_unsupported_backends_are_explained(monkeypatch):
    with pytest.raises(InputError, match="sdpa"):
        AttentionConfig(backend="flash")
    if "xformers" not in sys.modules:
        monkeypatch.setattr(backends.importlib.util, "find_spec", lambda name: None)
        with pytest.raises(InputError, match=r"pip install 'diffproxy\[xformers\]'"):
            check_backend("xformers")
    q, k, v, mask = case()
    with pytest.raises(InputError, match="a GPU for"):
        xformers_attend(q, k, v, mask)
    with pytest.raises(InputError, match="to train"):
        flex_attend(q.requires_grad_(), k, v, None)
    monkeypatch.setattr(backends.shutil, "which", lambda name: None)
    with torch.no_grad(), pytest.raises(InputError, match="compiler"):
        flex_attend(q, k, v, None)


@pytest.mark.parametrize(("dtype", "held"), [(torch.float32, 1), (torch.bfloat16, 6)])
def test_blocks_of_queries_bound_the_memory_and_change_nothing(dtype, held, monkeypatch, largest):
    q, k, v, mask = case(groups=1, heads=6, length=256, dim=8, dtype=dtype)
    with largest() as whole:
        expected = attend(q, k, v, mask)
    assert whole.elements >= held * 256 * 256
    bound = held * 256 * 100  # blocks of 100, 100 and 56 queries
    monkeypatch.setattr(backends, "MAX_PAIRS", bound)
    with largest() as blocks:
        found = attend(q, k, v, mask)
    assert blocks.elements <= bound
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6 if dtype == torch.float32 else 0.01)


def test_blocks_of_queries_have_the_same_gradients(monkeypatch):
    gradients = []
    for bound in (2**26, 2 * 96 * 40):
        monkeypatch.setattr(backends, "MAX_PAIRS", bound)
        q, k, v, mask = case()
        for x in (q, k, v):
            x.requires_grad_()
        attend(q, k, v, mask).square().sum().backward()
        gradients.append(torch.stack([q.grad, k.grad, v.grad]))
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-5, atol=1e-6)
