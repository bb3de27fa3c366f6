"""The whole-body pose prior: a small diffusion model over body and finger rotations (after DPoser-X)."""

from diffproxy.pose_prior.checkpoint import load_prior, save_prior
from diffproxy.pose_prior.model import PosePrior

__all__ = ["PosePrior", "load_prior", "save_prior"]
