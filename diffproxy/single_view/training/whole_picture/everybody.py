"""The labelled people of a rendered picture, in the axes of its camera."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diffproxy.body import BodyModel
from diffproxy.body.flip import FLIPPED_JOINTS
from diffproxy.body.names import NUM_BODY_JOINTS
from diffproxy.body.params import BodyParams
from diffproxy.cameras import Camera
from diffproxy.datasets.shards import ShardIndex
from diffproxy.geometry.so3 import rotvec_to_rotmat

MIRROR = (-1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Everybody:
    """T people of one picture in the axes of its camera, metres.

    Attributes:
        rotations: Of the pelvis in the camera, and of the 21 body joints in their parents.
        betas: Shape coefficients.
        scale: Size factor beside them.
        pelvis: Positions of the pelvises.
        visible: Share of each that nothing hides.
    """

    rotations: Float[Tensor, "T 22 3 3"]
    betas: Float[Tensor, "T 10"]
    scale: Float[Tensor, " T"]
    pelvis: Float[Tensor, "T 3"]
    visible: Float[Tensor, " T"]

    def mirrored(self) -> Everybody:
        """The same people seen in a mirror."""
        mirror = torch.tensor(MIRROR)
        turn = torch.diag(mirror)
        rotations = (turn @ self.rotations @ turn)[:, list(FLIPPED_JOINTS[:NUM_BODY_JOINTS])]
        return Everybody(rotations, self.betas, self.scale, self.pelvis * mirror, self.visible)


def everybody(index: ShardIndex, sample: int, view: int, body: BodyModel) -> Everybody:
    """The people of a picture whose bodies are known: all, or the subject alone (`ShardIndex.people`)."""
    listed = index.meta(sample)["views"][view]
    camera, bodies = Camera.from_json(listed["camera"]), index.people(sample)
    p = BodyParams.cat(bodies)
    R, t = torch.as_tensor(camera.R_cam_world).float(), torch.as_tensor(camera.t_cam_world).float()
    pose = rotvec_to_rotmat(torch.cat([p.global_orient, p.body_pose], 1).unflatten(1, (NUM_BODY_JOINTS, 3)))
    pose = torch.cat([(R @ pose[:, 0])[:, None], pose[:, 1:]], 1)
    with torch.no_grad():
        pelvis = body.joints(p)[:, 0] @ R.T + t
    said = listed.get("people", [{"visible": 1.0}] * len(bodies))
    return Everybody(pose, p.betas, p.scale[:, 0], pelvis, torch.tensor([float(x["visible"]) for x in said]))
