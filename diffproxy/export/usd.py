"""USD: a skinned body with its animation (UsdSkel), written by Pixar's own library."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from jaxtyping import Float

from diffproxy.export.gltf import continuous_quaternions, strongest_joints
from diffproxy.export.meshes import SKIN
from diffproxy.export.motion import BodyMotion
from diffproxy.utils.extras import require_extra
from diffproxy.utils.io import write_atomic

ROOT = "/body"


def write_usd(path: Path, motion: BodyMotion) -> None:
    """Write a binary .usd: +Y up, metres, one time code per frame; mesh and joints as in `gltf_animation_bytes`.

    Args:
        path: File to write.
        motion: F frames in any world.

    Raises:
        InputError: usd-core is not installed.
    """
    require_extra("pxr", "usd")
    from pxr import Usd, UsdGeom, UsdSkel

    motion = motion.with_up_axis("+Y")
    with TemporaryDirectory() as folder:
        file = Path(folder) / "motion.usd"
        stage = Usd.Stage.CreateNew(str(file))
        UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
        UsdGeom.SetStageMetersPerUnit(stage, 1.0)
        stage.SetTimeCodesPerSecond(motion.fps)
        stage.SetFramesPerSecond(motion.fps)
        stage.SetStartTimeCode(0)
        stage.SetEndTimeCode(len(motion) - 1)
        root = UsdSkel.Root.Define(stage, ROOT)
        stage.SetDefaultPrim(root.GetPrim())
        vertices, rest = motion.median_rest()
        joints = joint_paths(motion.body.joint_names, motion.body.parents.tolist())
        mesh = _mesh(stage, motion, vertices)
        _skeleton(stage, motion, joints, rest)
        _animation(stage, motion, joints)
        UsdSkel.BindingAPI.Apply(mesh.GetPrim()).CreateSkeletonRel().SetTargets([f"{ROOT}/skeleton"])
        root.CreateExtentAttr(mesh.GetExtentAttr().Get())
        stage.GetRootLayer().Save()
        write_atomic(path, file.read_bytes())


def joint_paths(names: tuple[str, ...], parents: list[int]) -> list[str]:
    """The tree of joints as UsdSkel states it: `pelvis/left_hip/left_knee`."""
    paths: list[str] = []
    for name, parent in zip(names, parents, strict=True):
        paths.append(name if parent < 0 else f"{paths[parent]}/{name}")
    return paths


def _mesh(stage: Any, motion: BodyMotion, vertices: Float[np.ndarray, "Nv 3"]) -> Any:
    from pxr import Gf, UsdGeom, UsdSkel, Vt

    faces, weights = motion.body.faces.numpy(), motion.body.weights.double().numpy()
    influences = int((weights > 0).sum(axis=1).max())
    joints, kept = strongest_joints(weights, influences)
    mesh = UsdGeom.Mesh.Define(stage, f"{ROOT}/mesh")
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(vertices.astype(np.float32)))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(len(faces), 3, np.int32)))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(faces.astype(np.int32).ravel()))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateDisplayColorAttr([Gf.Vec3f(*(c / 255 for c in SKIN[:3]))])
    places = motion.joints.reshape(-1, 3)  # of all frames, so that a viewer does not cull the moving body
    reach = np.linalg.norm(vertices - vertices.mean(axis=0), axis=1).max()
    bounds = np.stack([places.min(axis=0) - reach, places.max(axis=0) + reach]).astype(np.float32)
    mesh.CreateExtentAttr(Vt.Vec3fArray.FromNumpy(bounds))
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateGeomBindTransformAttr(Gf.Matrix4d(1.0))
    indices = Vt.IntArray.FromNumpy(joints.astype(np.int32).ravel())
    binding.CreateJointIndicesPrimvar(False, influences).Set(indices)
    kept_flat = Vt.FloatArray.FromNumpy(kept.astype(np.float32).ravel())
    binding.CreateJointWeightsPrimvar(False, influences).Set(kept_flat)
    return mesh


def _skeleton(stage: Any, motion: BodyMotion, joints: list[str], rest: Float[np.ndarray, "55 3"]) -> None:
    from pxr import UsdSkel, Vt

    skeleton = UsdSkel.Skeleton.Define(stage, f"{ROOT}/skeleton")
    skeleton.CreateJointsAttr(joints)
    parents = np.asarray(motion.body.parents.tolist())
    offsets = np.where(parents[:, None] < 0, rest, rest - rest[parents])
    for create, places in (
        (skeleton.CreateBindTransformsAttr, rest),
        (skeleton.CreateRestTransformsAttr, offsets),
    ):
        matrices = np.tile(np.eye(4), (len(rest), 1, 1))
        matrices[:, 3, :3] = places  # USD multiplies rows from the left
        create(Vt.Matrix4dArray.FromNumpy(matrices))
    binding = UsdSkel.BindingAPI.Apply(skeleton.GetPrim())
    binding.CreateAnimationSourceRel().SetTargets([f"{ROOT}/skeleton/animation"])


def _animation(stage: Any, motion: BodyMotion, joints: list[str]) -> None:
    from pxr import UsdSkel, Vt

    animation = UsdSkel.Animation.Define(stage, f"{ROOT}/skeleton/animation")
    animation.CreateJointsAttr(joints)
    translations, size = motion.joint_translations()
    turns = np.stack(
        [continuous_quaternions(m) for m in motion.local_rotations.transpose(1, 0, 2, 3)], axis=1
    )
    scales = np.ones((len(motion), len(joints), 3), dtype=np.float16)  # the type that UsdSkel prescribes
    scales[:, 0] = size
    places, rotations = animation.CreateTranslationsAttr(), animation.CreateRotationsAttr()
    sizes = animation.CreateScalesAttr()
    for row in range(len(motion)):
        places.Set(Vt.Vec3fArray.FromNumpy(translations[row].astype(np.float32)), row)
        rotations.Set(Vt.QuatfArray.FromNumpy(turns[row].astype(np.float32)), row)
        sizes.Set(Vt.Vec3hArray.FromNumpy(scales[row]), row)
