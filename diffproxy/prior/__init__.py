"""The whole-body pose prior: a small diffusion model over body and finger rotations (after DPoser-X)."""

from diffproxy.prior.model import PosePrior
from diffproxy.prior.store import load_prior, save_prior

__all__ = ["PosePrior", "load_prior", "save_prior"]
