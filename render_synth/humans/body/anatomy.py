"""Landmarks of the rest body: fractions along limbs and trunk, on which clothes and faces are painted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from diffproxy.body import BodyModel
from render_synth.humans.body.fine_mesh import FineMesh, build_fine_mesh

ARM = {
    side: [base, base + 2, base + 4, *hand]
    for side, base, hand in (("l", 16, range(25, 40)), ("r", 17, range(40, 55)))
}
HEAD = [12, 15, 22, 23, 24]
LEG = {"l": [1, 4, 7, 10], "r": [2, 5, 8, 11]}


@dataclass(frozen=True)
class Anatomy:
    """Per fine vertex of the rest body (T-pose, facing +z, left is +x); metres. Built once per body file."""

    body: BodyModel
    mesh: FineMesh
    mesh_rest_coarse: Float[np.ndarray, "Ncoarse 3"]  # the rest body's own vertices
    rest: Float[np.ndarray, "N 3"]
    joints: Float[np.ndarray, "55 3"]
    arm: Float[np.ndarray, " N"]  # 0 at the shoulder joint, 1 at the wrist; negative elsewhere
    leg: Float[np.ndarray, " N"]  # 0 at the hip joint, 1 at the ankle, > 1 below; negative above
    torso: Float[np.ndarray, " N"]  # 0 at the hips, 1 at the neck joint
    head: Float[np.ndarray, " N"]  # weight of head and neck
    skull: Float[np.ndarray, " N"]  # weight of the head joint and what hangs on it
    foot: Float[np.ndarray, " N"]
    hand: Float[np.ndarray, " N"]

    @cached_property
    def rest_normal_z(self) -> Float[np.ndarray, " N"]:
        """How much the rest surface faces ahead."""
        return self.mesh.refine(self.mesh.normals(self.mesh_rest_coarse))[:, 2]

    @property
    def face_of(self) -> Float[np.ndarray, "N 3"]:
        """Rest vertices relative to the middle of the eyes."""
        return self.rest - self.joints[23:25].mean(0)


def build_anatomy(body: BodyModel, max_edge: float) -> Anatomy:
    """The anatomy of a body model's rest shape, on a mesh with edges of at most `max_edge` metres."""
    template = body.v_template.detach().double().numpy()
    mesh = build_fine_mesh(template, body.faces.numpy(), max_edge)
    rest = mesh.refine(template)
    joints = rest_joints(body)
    w = mesh.refine(body.weights.detach().numpy())
    arm = np.full(len(rest), -1.0, np.float32)
    for side, joint in (("l", (16, 20)), ("r", (17, 21))):
        start, axis = joints[joint[0]], joints[joint[1]] - joints[joint[0]]
        along = ((rest - start) @ axis / (axis @ axis)).astype(np.float32)
        arm = np.where(w[:, ARM[side]].sum(1) > 0.4, along, arm)
    hip, ankle = joints[1:3, 1].mean(), joints[7:9, 1].mean()
    leg_weight = w[:, LEG["l"] + LEG["r"]].sum(1)
    leg = np.where((arm < -0.9) & (leg_weight > 0.02), (hip - rest[:, 1]) / (hip - ankle), -1.0).astype(
        np.float32
    )
    torso = ((rest[:, 1] - hip) / (joints[12, 1] - hip)).astype(np.float32)
    return Anatomy(
        body, mesh, template, rest, joints, arm, leg, torso,
        head=w[:, HEAD].sum(1), skull=w[:, HEAD[1:]].sum(1), foot=w[:, [7, 8, 10, 11]].sum(1),
        hand=w[:, [20, 21, *range(25, 55)]].sum(1),
    )  # fmt: skip


def rest_joints(body: BodyModel) -> Float[np.ndarray, "55 3"]:
    from diffproxy.body import BodyParams

    return body.joints(BodyParams.rest())[0].detach().double().numpy()
