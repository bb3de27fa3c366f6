"""The formats of `diffproxy export`: one line each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from diffproxy.export.blender import write_blender
from diffproxy.export.bvh import write_bvh
from diffproxy.export.coco import write_coco
from diffproxy.export.gltf import write_gltf_animation
from diffproxy.export.joint_angles import write_joint_angles
from diffproxy.export.joint_positions import write_joint_positions
from diffproxy.export.marker_files import write_c3d, write_trc
from diffproxy.export.meshes import write_mesh
from diffproxy.export.motion import BodyMotion
from diffproxy.export.smplx_files import write_amass, write_smpl
from diffproxy.export.usd import write_usd
from diffproxy.utils.errors import InputError


class Format(NamedTuple):
    """How a format is written.

    Args:
        file: Name of the file behind that of the run; of a folder with one file per frame if it ends with a slash.
        write: Called with the path and the motion.
        summary: For `--help`.
        one_shape: The file holds one body shape: where the run has one per frame, bone lengths are medians.
        cameras: `write` also gets the rig with its images, or None where it has gone.
        of_run: `write` gets the run instead of its evenly spaced motion: the frames as they are, with their status.
    """

    file: str
    write: Callable[..., None]
    summary: str
    one_shape: bool = False
    cameras: bool = False
    of_run: bool = False


def write_motion_bvh(path: Path, motion: BodyMotion) -> None:
    """BVH in centimetres, +Y up, as `write_bvh` does."""
    write_bvh(path, motion.body, motion.params, motion.fps, motion.up_axis)


def write_mesh_sequence(folder: Path, motion: BodyMotion, suffix: str) -> None:
    """One mesh per known frame, in the rig's world, named by the run's frame, or by the row after interpolation.

    InputError where the folder has meshes of other frames: a program would read them as part of the sequence.
    """
    faces, ids = motion.body.faces.numpy(), motion.frame_ids.tolist()
    names = ids if len(set(ids)) == len(ids) else [*range(len(ids))]
    files = {int(row): f"{names[row]:06d}{suffix}" for row in motion.known.nonzero()[0]}
    others = sorted({p.name for p in folder.glob(f"*{suffix}")} - {*files.values()})
    if others:
        found = f"{len(others)} others, such as {others[0]}"
        raise InputError(
            f"no meshes but those of this export in {folder}",
            found,
            "move that folder, or choose another out=DIR",
        )
    for row, name in files.items():
        write_mesh(folder / name, motion.vertices(row), faces, motion.up_axis)


FORMATS: dict[str, Format] = {
    "amass": Format("_amass.npz", write_amass, "AMASS npz of SMPL-X, also for the SMPL-X add-on of Blender", True),
    "smpl": Format(".smpl", write_smpl, "Meshcapade .smpl", True),
    "bvh": Format(".bvh", write_motion_bvh, "skeleton motion", True),
    "glb": Format(".glb", write_gltf_animation, "skinned glTF animation"),
    "usd": Format(".usd", write_usd, "skinned USD animation (UsdSkel); needs diffproxy[usd]"),
    "trc": Format(".trc", write_trc, "virtual markers, text, for OpenSim"),
    "c3d": Format(".c3d", write_c3d, "virtual markers, binary; needs diffproxy[c3d]"),
    "angles": Format("_angles.csv", write_joint_angles, "joint angles in degrees"),
    "joints": Format("_joints.csv", write_joint_positions, "joint centres, their deviation and support, CSV"),
    "obj": Format("_obj/", lambda p, m: write_mesh_sequence(p, m, ".obj"), "one OBJ mesh per frame"),
    "blender": Format("_blender.py", write_blender, "script for Blender: glb, cameras, pictures", cameras=True),
    "coco": Format("_coco.json", write_coco, "2D keypoints, boxes and outlines in every picture", False, True, True),
    "ply": Format("_ply/", lambda p, m: write_mesh_sequence(p, m, ".ply"), "one PLY mesh per frame"),
}  # fmt: skip
