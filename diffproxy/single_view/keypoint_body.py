"""Joints and the encoder's 17 keypoints of bodies given by rotation matrices, without any vertices of the skin."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diffproxy.body import BodyModel
from diffproxy.body.kinematics import Chain
from diffproxy.body.names import NUM_BODY_JOINTS, PARENTS
from diffproxy.keypoints.landmarks import with_encoder_keypoints
from diffproxy.keypoints.layouts import COCO17, INDEX


class KeypointBody(nn.Module):
    """The body joints of a body model and the points that `fitting.encoder_keypoints` fits keypoints to.

    Each of these points is fixed to one bone, so posing them takes no skinning: thousands of bodies a second.
    """

    joint_template: Tensor
    joint_dirs: Tensor
    template: Tensor
    dirs: Tensor
    movers: Tensor

    def __init__(self, body: BodyModel):
        super().__init__()
        marked, landmarks = with_encoder_keypoints(body)
        first = len(body.v_template)
        self.register_buffer("joint_template", body.joint_template[:NUM_BODY_JOINTS], persistent=False)
        self.register_buffer("joint_dirs", body.joint_shapedirs[:NUM_BODY_JOINTS, :, :10], persistent=False)
        self.register_buffer("template", marked.v_template[first:], persistent=False)
        self.register_buffer("dirs", marked.shapedirs[first:, :, :10], persistent=False)
        movers = torch.as_tensor(landmarks.mover[[INDEX[n] for n in COCO17]])
        self.register_buffer("movers", movers, persistent=False)
        self.chain = Chain(PARENTS[:NUM_BODY_JOINTS])

    def forward(
        self, rotations: Float[Tensor, "B 22 3 3"], betas: Float[Tensor, "B 10"]
    ) -> tuple[Float[Tensor, "B 22 3"], Float[Tensor, "B 17 3"]]:
        """Joints and keypoints relative to the pelvis, metres.

        Args:
            rotations: Of the pelvis and of the 21 body joints in their parents.
            betas: Shape coefficients.
        """
        rest = self.joint_template + torch.einsum("jck,bk->bjc", self.joint_dirs, betas)
        points = self.template + torch.einsum("jck,bk->bjc", self.dirs, betas)
        turns, joints = self.chain(rotations, rest)
        joints = joints - joints[:, :1]
        offset = (points - rest[:, self.movers])[..., None]
        return joints, joints[:, self.movers] + (turns[:, self.movers] @ offset)[..., 0]
