"""One door for all motion files."""

from __future__ import annotations

from pathlib import Path

from diffproxy.motion.clip import Motion, load_arrays
from diffproxy.motion.readers.amass import UpAxis, read_amass
from diffproxy.motion.readers.bvh import read_bvh
from diffproxy.motion.readers.deepmimic import read_deepmimic
from diffproxy.motion.readers.skeleton import read_skeleton_npz
from diffproxy.motion.retarget import retarget
from diffproxy.motion.skeleton import SkeletonClip
from diffproxy.utils.errors import InputError


def read_motion(path: Path | str, up_axis: UpAxis | None = None, rest: SkeletonClip | None = None) -> Motion:
    """A motion file as SMPL-X parameters, by what it is.

    AMASS-like npz (`up_axis` as in `read_amass`), skeleton npz, BVH, DeepMimic text; skeletons are retargeted, from
    `rest` if their file holds no T-pose. InputError on anything else.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind == ".npz":
        if "rotvec" in load_arrays(path, {"rotvec"}):
            return retarget(read_skeleton_npz(path), rest)
        return read_amass(path, up_axis)
    if kind == ".bvh":
        return retarget(read_bvh(path), rest)
    if kind in (".txt", ".json"):
        return retarget(read_deepmimic(path), rest)
    raise InputError("a motion file .npz, .bvh, .txt or .json", str(path), "convert it to one of these")
