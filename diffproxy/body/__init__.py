"""SMPL-X-format bodies: parameters to joints, vertices and surface points; parts and charts of the surface."""

from diffproxy.body.atlas import SurfaceAtlas
from diffproxy.body.model import BodyModel, BodyOutput, load_body
from diffproxy.body.names import JOINT_NAMES, NUM_JOINTS, PARENTS
from diffproxy.body.palette import Palette
from diffproxy.body.params import PARAM_DIMS, POSE_FIELDS, BodyParams

__all__ = [
    "JOINT_NAMES",
    "NUM_JOINTS",
    "PARAM_DIMS",
    "PARENTS",
    "POSE_FIELDS",
    "BodyModel",
    "BodyOutput",
    "BodyParams",
    "Palette",
    "SurfaceAtlas",
    "load_body",
]
