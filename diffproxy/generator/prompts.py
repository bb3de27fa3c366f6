"""The four constant prompts (body-seg, body-uv, hand-seg, hand-uv) as one table of embeddings."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from diffproxy.generator.config import MODALITIES, PROMPTS
from diffproxy.proxies.maps import KINDS


def kind_ids(kinds: Sequence[str]) -> Int[Tensor, " V"]:
    """Kinds of views to their numbers in `KINDS`."""
    return torch.tensor([KINDS.index(k) for k in kinds], dtype=torch.long)


def prompt_ids(kinds: Int[Tensor, "*B"]) -> Int[Tensor, "*B 2"]:
    """Rows of the prompt table for (seg, uv) of each view; both hands share the hand prompts, as in the paper."""
    first = (kinds > 0).long() * len(MODALITIES)
    return first[..., None] + torch.arange(len(MODALITIES), device=kinds.device)


class PromptTable(nn.Module):
    """(prompt, token, channel). Learned for `nano`; for `sd21` the cached CLIP embeddings of four fixed sentences."""

    def __init__(self, tokens: int, dim: int):
        super().__init__()
        self.table = nn.Parameter(torch.randn(len(PROMPTS), tokens, dim) * 0.5)

    def forward(self, ids: Int[Tensor, "*B"]) -> Float[Tensor, "*B T D"]:
        return self.table[ids]
