"""The dense head's prediction as a distribution per pixel, and its exact posterior given a noisy proxy image.

If pixels were independent given the input of the dense head, the mean of this posterior would be the optimal denoiser
(Bayes' rule for each pixel). A UNet that starts from it only has to learn the dependencies between pixels, modalities
and views.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

#: Variance of the head's coordinates, in [-1, 1], where its label is certain, and its growth until the label is
#: certainly wrong (measured on held-out subjects; docs/generator.md).
UV_FLOOR, UV_SLOPE = 0.03, 0.2
#: Share of the noise's variance that remains where the head is certain, so that the UNet can still correct it.
MIN_VARIANCE = 1e-3


@dataclass(frozen=True)
class CoarsePosterior:
    """Per pixel: log-probabilities of the labels, and (u, v) of the foreground. Proxy images are in [-1, 1].

    A pixel of the segmentation image has one of `colors` (L, 3); of the UV image (u, v, 1), or (-1, -1, -1) on the
    background.
    """

    log_probability: Float[Tensor, "N L P P"]
    uv: Float[Tensor, "N 2 P P"]
    colors: Float[Tensor, "L 3"]

    def expand(self, samples: int, groups: int) -> CoarsePosterior:
        """Rows (group, view) to rows (group, sample, view)."""

        def rows(x: Tensor) -> Tensor:
            x = x.unflatten(0, (groups, 1, -1))
            return x.expand(-1, samples, *x.shape[2:]).flatten(0, 2)

        return CoarsePosterior(rows(self.log_probability), rows(self.uv), self.colors)

    @torch.no_grad()
    def posterior(
        self,
        noisy: Float[Tensor, "N 2 3 P P"],
        signal: Float[Tensor, "N 1 1 1"],
        sigma: Float[Tensor, "N 1 1 1"],
    ) -> tuple[Float[Tensor, "N 2 3 P P"], Float[Tensor, "N 2 1 P P"]]:
        """Mean and standard deviation of the clean images, given `noisy` = `signal` * clean + `sigma` * noise."""
        with torch.autocast(noisy.device.type, enabled=False):
            seg, uv = noisy.float().unbind(1)
            images = self._labels(seg, signal, sigma), self._coordinates(uv, signal, sigma)
            mean, variance = (torch.stack(x, 1) for x in zip(*images, strict=True))
            return mean, (variance + MIN_VARIANCE * sigma.square()[:, None]).sqrt()

    def _labels(self, x: Tensor, signal: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        colors = self.colors.float()
        evidence = torch.einsum("nchw,lc->nlhw", x, colors) * signal
        evidence = evidence - signal.square() * (colors.square().sum(1) / 2)[:, None, None]
        probability = (self.log_probability + evidence / sigma.square()).softmax(1)
        mean = torch.einsum("nlhw,lc->nchw", probability, colors)
        square = torch.einsum("nlhw,l->nhw", probability, colors.square().mean(1))
        return mean, (square - mean.square().mean(1)).clamp(min=0)[:, None]

    def _coordinates(self, x: Tensor, signal: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        background, body = self.log_probability[:, :1], self.log_probability[:, 1:]
        either = body.logsumexp(1, keepdim=True)
        wrong = 1 - (body.amax(1, keepdim=True) - either).exp()
        there = torch.cat([self.uv, torch.ones_like(self.uv[:, :1])], 1)
        own = torch.cat([(UV_FLOOR + UV_SLOPE * wrong).expand_as(self.uv), torch.zeros_like(wrong)], 1)
        seen = signal.square() * own + sigma.square()  # variance of x on the body
        off, off_there = x + signal, x - signal * there
        odds = (
            either
            - background
            + 0.5
            * (off.square() / sigma.square() - off_there.square() / seen + (sigma.square() / seen).log()).sum(
                1, keepdim=True
            )
        )
        body_is = odds.sigmoid()
        best = there + own * signal / seen * off_there
        left = own * sigma.square() / seen
        mean = body_is * best - (1 - body_is)
        variance = body_is * left + body_is * (1 - body_is) * (best + 1).square()
        return mean, variance.mean(1, keepdim=True)
