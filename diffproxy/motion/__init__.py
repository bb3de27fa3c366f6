"""Motion files as SMPL-X poses, and the pose bank built from them."""

from diffproxy.motion.clip import Motion
from diffproxy.motion.readers.amass import read_amass
from diffproxy.motion.readers.bvh import read_bvh
from diffproxy.motion.readers.read import read_motion
from diffproxy.motion.retarget import find_rest, retarget
from diffproxy.motion.skeleton import SkeletonClip

__all__ = ["Motion", "SkeletonClip", "find_rest", "read_amass", "read_bvh", "read_motion", "retarget"]
