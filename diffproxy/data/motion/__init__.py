"""Motion files of all kinds to SMPL-X poses, and the pose bank made from them."""

from .motion import Motion
from .read import read_motion
from .read_amass import read_amass
from .read_bvh import read_bvh
from .retarget import find_rest, retarget
from .skeleton import SkeletonClip

__all__ = ["Motion", "SkeletonClip", "find_rest", "read_amass", "read_bvh", "read_motion", "retarget"]
