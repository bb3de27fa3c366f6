"""The posterior of a draft is Bayes' rule: checked against draws from the very distribution it assumes."""

import pytest
import torch

from diffproxy.generator.coarse_posterior import MIN_VARIANCE, UV_FLOOR, UV_SLOPE, CoarsePosterior

COLORS = torch.tensor([[-1, -1, -1], [0.8, -0.2, 0.1], [-0.3, 0.9, -0.5], [0.2, 0.3, 1.0]])
LIKELY = torch.tensor([0.3, 0.4, 0.2, 0.1])
UV = torch.tensor([0.4, -0.6])


def drawn(side: int, seed: int) -> tuple[CoarsePosterior, torch.Tensor, torch.Generator]:
    """One view whose pixels all have the same distribution, and a clean image of each modality drawn from it."""
    rng = torch.Generator().manual_seed(seed)
    labels = torch.multinomial(LIKELY, side * side, True, generator=rng).view(side, side)
    doubt = 1 - LIKELY[1:].max() / LIKELY[1:].sum()
    spread = (UV_FLOOR + UV_SLOPE * doubt).sqrt()
    uv = UV[:, None, None] + spread * torch.randn(2, side, side, generator=rng)
    uv = torch.where(labels > 0, torch.cat([uv, torch.ones(1, side, side)]), torch.tensor(-1.0))
    clean = torch.stack([COLORS[labels].permute(2, 0, 1), uv])[None]
    shape = (1, -1, side, side)
    draft = CoarsePosterior(
        LIKELY.log()[None, :, None, None].expand(shape), UV[None, :, None, None].expand(shape), COLORS
    )
    return draft, clean, rng


@pytest.mark.parametrize(
    ("signal", "sigma"), [(0.0, 1.0), (0.2, 0.98), (0.5, 0.87), (0.75, 0.66), (0.9, 0.43)]
)
def test_mean_and_deviation_are_those_of_the_draws(signal, sigma):
    """Errors have the stated size, on average and among the less sure half, and no trace of what was seen."""
    draft, clean, rng = drawn(300, int(100 * signal))
    noisy = signal * clean + sigma * torch.randn(clean.shape, generator=rng)
    scale = [torch.full((1, 1, 1, 1), x) for x in (signal, sigma)]
    mean, deviation = draft.posterior(noisy, *scale)
    error, stated = clean - mean, deviation.square() - MIN_VARIANCE * sigma**2
    for found, said, seen in zip(error.unbind(1), stated.unbind(1), noisy.unbind(1), strict=True):
        unsure = said > said.median()
        for among in (torch.ones_like(unsure), unsure):
            if among.any():  # in pure noise all pixels are equally unsure
                got = found.square().mean(1, keepdim=True)[among].mean()
                assert got.item() == pytest.approx(said[among].mean().item(), rel=0.04)
        assert abs(torch.corrcoef(torch.stack([found.flatten(), seen.flatten()]))[0, 1].item()) < 0.01


def test_rows_follow_group_sample_view():
    draft = CoarsePosterior(torch.randn(6, 4, 2, 2), torch.randn(6, 2, 2, 2), COLORS)
    rows = draft.expand(samples=5, groups=2)  # of three views each
    assert rows.log_probability.shape == (30, 4, 2, 2)
    for group, sample, view in ((0, 0, 0), (0, 4, 2), (1, 3, 1)):
        at = (group * 5 + sample) * 3 + view
        assert torch.equal(rows.log_probability[at], draft.log_probability[group * 3 + view])
        assert torch.equal(rows.uv[at], draft.uv[group * 3 + view])
