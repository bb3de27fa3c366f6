"""One function that reads all supported motion files."""

from __future__ import annotations

from pathlib import Path

from diffproxy.motion.clip import Motion, load_arrays
from diffproxy.motion.readers.amass import UpAxis, read_amass
from diffproxy.motion.readers.bvh import read_bvh
from diffproxy.motion.readers.deepmimic import read_deepmimic
from diffproxy.motion.readers.skeleton import read_skeleton_npz
from diffproxy.motion.retarget import retarget
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError


@checked
def read_motion(path: Path | str, up_axis: UpAxis | None = None) -> Motion:
    """Read a motion file; its kind is detected. Skeletons are retargeted.

    Args:
        path: AMASS-like .npz, skeleton .npz, .bvh, or DeepMimic text.
        up_axis: See `read_amass`.

    Returns:
        The motion as SMPL-X parameters in a y-up world.

    Raises:
        InputError: any other or a damaged file.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind == ".npz":
        if "rotvec" in load_arrays(path, {"rotvec"}):
            return retarget(read_skeleton_npz(path))
        return read_amass(path, up_axis)
    if kind == ".bvh":
        return retarget(read_bvh(path))
    if kind in (".txt", ".json"):
        return retarget(read_deepmimic(path))
    raise InputError("a motion file .npz, .bvh, .txt or .json", str(path), "convert it to one of these")
