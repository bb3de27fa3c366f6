"""Up axes: from the rig's world to the one a file format demands."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from diffproxy.utils.errors import InputError

_TO_Y_UP = {
    "+Y": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "-Y": [[1, 0, 0], [0, -1, 0], [0, 0, -1]],
    "+Z": [[1, 0, 0], [0, 0, 1], [0, -1, 0]],
    "-Z": [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
    "+X": [[0, -1, 0], [1, 0, 0], [0, 0, 1]],
    "-X": [[0, 1, 0], [-1, 0, 0], [0, 0, 1]],
}


def rotation_to_y_up(up_axis: str) -> Float[np.ndarray, "3 3"]:
    """`R_yup_world`: a rotation by a quarter or half turn that brings the world's up axis to +Y.

    +Z up: (x, y, z) becomes (x, z, -y), as Blender's exporter does. InputError on an unknown axis.
    """
    if up_axis not in _TO_Y_UP:
        raise InputError(f"an up axis among {', '.join(_TO_Y_UP)}", f"{up_axis!r}", "set up_axis of the rig")
    return np.array(_TO_Y_UP[up_axis], dtype=np.float64)
