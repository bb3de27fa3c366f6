"""Attention backends: PyTorch's SDPA, the reference, and two alternatives for the masked attention across views.

Memory is bounded: queries are processed in blocks of at most `MAX_PAIRS` query-key pairs, so that neither scores nor
the additive form of a mask are ever complete in memory. The result does not depend on the blocks.
"""

from __future__ import annotations

import functools
import importlib.util
import shutil
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from diffproxy.utils.errors import InputError

Mask = Any  # (G, 1, L, L) bool, True = may attend; for "flex" the BlockMask made of it
MAX_PAIRS = 2**26  # 128 MiB in bfloat16


def attend(
    q: Float[Tensor, "B h L d"],
    k: Float[Tensor, "B h T d"],
    v: Float[Tensor, "B h T d"],
    mask: Bool[Tensor, " B #h L T"] | None = None,
) -> Float[Tensor, "B h L d"]:
    """Scaled dot-product attention; True in `mask` = may attend.

    On a CPU in bfloat16, PyTorch 2.13's fused kernel converts to float inside and is 2 to 3 times slower, forward and
    backward, than two plain matrix products (AVX512-BF16, one thread, d = 64, L = 256 to 1024). Elsewhere: fused.
    """
    plain = q.device.type == "cpu" and q.dtype == torch.bfloat16
    if mask is None and not plain:
        return F.scaled_dot_product_attention(q, k, v)
    # Fused kernels store the mask once for all heads, as a bias of the type of q; without fusion all scores are stored.
    held = q.shape[1] if plain or q.device.type not in ("cpu", "cuda") else 1
    return _in_blocks(_plain if plain else _fused, held, q, k, v, mask)


def flex_attend(
    q: Float[Tensor, "B h L d"], k: Float[Tensor, "B h L d"], v: Float[Tensor, "B h L d"], mask: Mask
) -> Float[Tensor, "B h L d"]:
    """FlexAttention: blocks of 128 x 128 pairs without an allowed pair are skipped. `mask`: a BlockMask."""
    if q.device.type == "cpu" and torch.is_grad_enabled() and q.requires_grad:
        raise InputError("a GPU to train with attention.backend=flex", "a CPU", "use attention.backend=sdpa")
    if q.device.type == "cpu" and not any(map(shutil.which, ("g++", "clang++", "c++"))):
        raise InputError("a C++ compiler for attention.backend=flex", "none", "use attention.backend=sdpa")
    return _compiled_flex()(q, k, v, block_mask=mask)


def xformers_attend(
    q: Float[Tensor, "B h L d"],
    k: Float[Tensor, "B h L d"],
    v: Float[Tensor, "B h L d"],
    mask: Bool[Tensor, "B 1 L L"],
) -> Float[Tensor, "B h L d"]:
    """xformers' memory-efficient attention, called directly: diffusers' switch for it drops our branches."""
    if q.device.type != "cuda":
        raise InputError("a GPU for attention.backend=xformers", q.device.type, "use attention.backend=sdpa")
    return _in_blocks(_xformers, 1, q, k, v, mask)


ATTEND: dict[str, Callable[..., Tensor]] = {
    "sdpa": attend, "flex": flex_attend, "xformers": xformers_attend
}  # fmt: skip


def check_backend(name: str) -> None:
    """InputError if the package behind a backend is missing."""
    if name == "xformers" and importlib.util.find_spec("xformers") is None:
        fix = "pip install 'diffproxy[xformers]', or use sdpa"
        raise InputError("xformers for attention.backend=xformers", "not installed", fix)
    if name == "flex" and importlib.util.find_spec("torch.nn.attention.flex_attention") is None:
        fix = "pip install 'diffproxy[flex]', or use sdpa"
        raise InputError("PyTorch 2.5 or newer for attention.backend=flex", torch.__version__, fix)


def prepare_mask(mask: Bool[Tensor, "G 1 L L"], backend: str) -> Mask:
    """The mask in the form of the backend; computed once per image, used by every block and step."""
    if backend != "flex":
        return mask
    from torch.nn.attention.flex_attention import create_block_mask

    groups, _, queries, keys = mask.shape
    # A lambda: PyTorch counts the arguments of the function, and type checkers wrap functions.
    allowed = lambda group, head, query, key: mask[group, 0, query, key]  # noqa: E731
    return create_block_mask(allowed, groups, None, queries, keys, device=str(mask.device))


@functools.cache
def _compiled_flex() -> Callable[..., Tensor]:
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention)


def _in_blocks(
    kernel: Callable[..., Tensor], held: int, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None
) -> Tensor:
    """`kernel` on blocks of queries; it needs `held` values per query-key pair of a row of the batch."""
    rows = max(1, MAX_PAIRS // (q.shape[0] * held * k.shape[2]))
    if rows >= q.shape[2]:
        return kernel(q, k, v, mask)
    masks = [None] * -(-q.shape[2] // rows) if mask is None else mask.split(rows, 2)
    return torch.cat([kernel(part, k, v, m) for part, m in zip(q.split(rows, 2), masks, strict=True)], 2)


def _fused(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def _plain(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    scores = (q * q.shape[-1] ** -0.5) @ k.mT
    if mask is not None:
        scores = scores + torch.where(mask, 0.0, -1e4).to(scores.dtype)
    return scores.softmax(-1) @ v


def _xformers(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    from xformers.ops import memory_efficient_attention

    keys = mask.shape[-1]
    # Its kernels want rows of the bias aligned to 8 values, and (batch, token, head, channel).
    bias = q.new_zeros(*mask.shape[:-1], -(-keys // 8) * 8)[..., :keys]
    bias.masked_fill_(~mask, -torch.inf)
    turned = (x.transpose(1, 2) for x in (q, k, v))
    out = memory_efficient_attention(*turned, attn_bias=bias.expand(-1, q.shape[1], -1, -1))
    return out.transpose(1, 2)
