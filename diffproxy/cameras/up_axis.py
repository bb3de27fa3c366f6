"""Up axes of a world by name ("+Y", "-Z", ...)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from diffproxy.geometry.directions import rotation_between
from diffproxy.utils.errors import InputError

UP_AXES = ("+X", "-X", "+Y", "-Y", "+Z", "-Z")


def up_vector(up_axis: str) -> Float[ndarray, " 3"]:
    """Unit vector of the up direction; InputError on an unknown name."""
    if up_axis not in UP_AXES:
        raise InputError(
            f"up_axis one of {', '.join(UP_AXES)}", f"{up_axis!r}", 'for example "up_axis": "+Z"'
        )
    vector = np.zeros(3)
    vector["XYZ".index(up_axis[1])] = 1.0 if up_axis[0] == "+" else -1.0
    return vector


def rotation_to_y_up(up_axis: str) -> Float[ndarray, "3 3"]:
    """`R_yup_world`: the quarter or half turn that takes the world's up direction to +Y.

    For "+Z" this is (x, y, z) -> (x, z, -y), as in Blender's exporter; for "-Y" (x, -y, -z).
    """
    return rotation_between(up_vector(up_axis), np.array([0.0, 1.0, 0.0]))
