"""The whole-body pose prior: a small diffusion model over body and finger rotations (after DPoser-X)."""

from typing import TYPE_CHECKING

from diffproxy.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from diffproxy.pose_prior.checkpoint import load_prior, save_prior
    from diffproxy.pose_prior.model import PosePrior

__all__ = ["PosePrior", "load_prior", "save_prior"]
__getattr__ = lazy_exports(
    __name__,
    {
        "PosePrior": "diffproxy.pose_prior.model",
        "load_prior": "diffproxy.pose_prior.checkpoint",
        "save_prior": "diffproxy.pose_prior.checkpoint",
    },
)
