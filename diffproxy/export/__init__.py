"""Files for other programs: `result.npz`, and its bodies in the formats of `formats.py`."""

from diffproxy.export.bvh import write_bvh
from diffproxy.export.meshes import write_mesh
from diffproxy.export.motion import BodyMotion
from diffproxy.export.result import Result, load_result, save_result
from diffproxy.export.result_motion import motion_of_result
from diffproxy.export.run import Run, open_run

__all__ = [
    "BodyMotion",
    "Result",
    "Run",
    "load_result",
    "motion_of_result",
    "open_run",
    "save_result",
    "write_bvh",
    "write_mesh",
]
