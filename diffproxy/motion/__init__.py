"""Motion files as SMPL-X poses, and the pose bank built from them."""

from typing import TYPE_CHECKING

from diffproxy.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from diffproxy.motion.clip import Motion
    from diffproxy.motion.readers.amass import read_amass
    from diffproxy.motion.readers.bvh import read_bvh
    from diffproxy.motion.readers.read import read_motion
    from diffproxy.motion.skeleton import SkeletonClip

__all__ = ["Motion", "SkeletonClip", "read_amass", "read_bvh", "read_motion"]
__getattr__ = lazy_exports(
    __name__,
    {
        "Motion": "diffproxy.motion.clip",
        "read_amass": "diffproxy.motion.readers.amass",
        "read_bvh": "diffproxy.motion.readers.bvh",
        "read_motion": "diffproxy.motion.readers.read",
        "SkeletonClip": "diffproxy.motion.skeleton",
    },
)
