"""The four constant prompts (body-seg, body-uv, hand-seg, hand-uv) as one table of embeddings."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from diffproxy.generator.config import MODALITIES, PROMPTS

KINDS = ("body", "left_hand", "right_hand")  # order of kind ids


def kind_ids(kinds: list[str] | tuple[str, ...]) -> Int[Tensor, "V"]:
    """Names to ids; KeyError-free: callers validate names first."""
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
