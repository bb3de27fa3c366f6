"""One residual attention branch, used for image tokens, across modalities and across views."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from diffproxy.generator.network.backends import ATTEND, Mask, attend


class CpuAwareProcessor:
    """diffusers attention processor for the UNet's own attentions: the same computation through `attend`."""

    def __call__(
        self,
        attn: Any,  # diffusers' Attention
        hidden_states: Float[Tensor, "N L C"],
        encoder_hidden_states: Float[Tensor, "N T D"] | None = None,
        attention_mask: None = None,
        temb: None = None,
    ) -> Float[Tensor, "N L C"]:
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        q, k, v = (
            project(x).unflatten(-1, (attn.heads, -1)).transpose(1, 2)
            for project, x in ((attn.to_q, hidden_states), (attn.to_k, context), (attn.to_v, context))
        )
        return attn.to_out[0](attend(q, k, v).transpose(1, 2).flatten(2))


class AttentionBranch(nn.Module):
    """LayerNorm, multi-head attention, zero-initialised output: an untrained branch adds exactly nothing.

    `ray_dim > 0` adds a zero-initialised linear embedding of per-token rays to the normalised tokens.
    """

    def __init__(self, dim: int, heads: int, context_dim: int | None = None, ray_dim: int = 0):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(dim)
        self.norm_context = nn.LayerNorm(context_dim) if context_dim else None
        self.rays = nn.Linear(ray_dim, dim, bias=False) if ray_dim else None
        self.to_q = nn.Linear(dim, dim, bias=False)
        self.to_k = nn.Linear(context_dim or dim, dim, bias=False)
        self.to_v = nn.Linear(context_dim or dim, dim, bias=False)
        self.to_out = nn.Linear(dim, dim)
        nn.init.zeros_(self.to_out.weight)
        nn.init.zeros_(self.to_out.bias)
        if self.rays is not None:
            nn.init.zeros_(self.rays.weight)

    def cross(self, x: Float[Tensor, "B L C"], context: Float[Tensor, "B T D"]) -> Float[Tensor, "B L C"]:
        """Each row of `x` attends to its own `context` tokens."""
        x, context = self.norm(x), self.norm_context(context)
        q, k, v = self._split(self.to_q(x)), self._split(self.to_k(context)), self._split(self.to_v(context))
        return self.to_out(self._merge(attend(q, k, v)))

    def joint(
        self,
        x: Float[Tensor, "G P L C"],
        mask: Mask | None = None,
        rays: Float[Tensor, " G #P L R"] | None = None,
        backend: str = "sdpa",
    ) -> Float[Tensor, "G P L C"]:
        """Self-attention over the L tokens of each of the P sequences of a group; the P share one mask.

        P is folded into the head axis, so that one (L, L) mask per group serves all samples, modalities and heads.
        `mask` is what `backends.prepare_mask` made for `backend`; without a mask all attend to all, by SDPA.
        """
        groups, parallel, length, dim = x.shape
        x = self.norm(x)
        if self.rays is not None and rays is not None:
            x = x + self.rays(rays.to(x.dtype))

        def heads(t: Tensor) -> Tensor:
            t = t.view(groups, parallel, length, self.heads, dim // self.heads)
            return t.transpose(2, 3).reshape(groups, parallel * self.heads, length, dim // self.heads)

        q, k, v = heads(self.to_q(x)), heads(self.to_k(x)), heads(self.to_v(x))
        out = attend(q, k, v) if mask is None else ATTEND[backend](q, k, v, mask)
        out = out.view(groups, parallel, self.heads, length, dim // self.heads).transpose(2, 3)
        return self.to_out(out.reshape(groups, parallel, length, dim))

    def _split(self, x: Float[Tensor, "B L C"]) -> Float[Tensor, "B h L d"]:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def _merge(self, x: Float[Tensor, "B h L d"]) -> Float[Tensor, "B L C"]:
        return x.transpose(1, 2).flatten(2)
