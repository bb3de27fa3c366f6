"""Files for other programs: results as .npz, meshes as OBJ, PLY and GLB, motion as BVH."""

from diffproxy.export.bvh import write_bvh
from diffproxy.export.meshes import write_mesh
from diffproxy.export.result import Result, load_result, save_result

__all__ = ["Result", "load_result", "save_result", "write_bvh", "write_mesh"]
