"""The networks of one picture as modules of plain tensors, in the form in which they are exported to ONNX."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from diffproxy.body import BodyModel, BodyParams
from diffproxy.detector.people import decode_people
from diffproxy.encoders.movenet import MoveNet
from diffproxy.encoders.movenet_keypoints import decode_keypoints
from diffproxy.generator import DiffProxyPipeline
from diffproxy.generator.dense_prediction import LAPLACE_STD
from diffproxy.generator.network.adapter_output import MultiviewBatch
from diffproxy.generator.network.camera_conditioning import grid_points
from diffproxy.generator.network.encoders import MoveNetEncoder
from diffproxy.generator.network.pyramid_adapter import PyramidAdapter
from diffproxy.proxies.interfaces import palette_ids
from diffproxy.single_view.regressor import BodyRegressor
from diffproxy.utils.errors import InputError

PEOPLE = 6
"""Most people in a picture."""


class DetectorGraph(nn.Module):
    """People in a whole picture; places are shares of its sides."""

    def __init__(self, net: MoveNet):
        super().__init__()
        self.net = net

    def forward(
        self, image: UInt8[Tensor, "1 H W 3"]
    ) -> tuple[Float[Tensor, "1 6 4"], Float[Tensor, "1 6 17 3"], Float[Tensor, "1 6"]]:
        """Boxes, keypoints and scores of RGB whose sides are multiples of 32."""
        people = decode_people(self.net(_normal(image)).heads, PEOPLE)
        one = torch.ones_like(image[0, :, :, 0], dtype=torch.float32)
        sides = torch.stack([one[0].sum(), one[:, 0].sum()])
        places = people.keypoints[..., :2] / sides
        keypoints = torch.cat([places, people.keypoints[..., 2:]], -1)
        return people.boxes / torch.cat([sides, sides]), keypoints, people.scores


class KeypointGraph(nn.Module):
    """Keypoints of the person in the middle of each crop."""

    def __init__(self, encoder: MoveNetEncoder):
        super().__init__()
        self.net = encoder.net

    def forward(self, crops: UInt8[Tensor, "N S S 3"]) -> Float[Tensor, "N 17 3"]:
        """x and y as shares of the crop, and their confidences."""
        return decode_keypoints(self.net(_normal(crops)).heads)


class DenseGraph(nn.Module):
    """Encoder and dense head: proxies of body crops, as probabilities of labels, UV, and its deviation in metres."""

    barred: Tensor
    points: Tensor

    def __init__(self, pipe: DiffProxyPipeline):
        super().__init__()
        adapter = pipe.network.adapter
        if not isinstance(adapter, PyramidAdapter) or adapter.scale_head is None:
            raise InputError(
                "a generator with a dense head that states deviations", "another one", "write generator=nano"
            )
        if not isinstance(pipe.network.encoder, MoveNetEncoder):
            raise InputError("a generator with MoveNet as its encoder", "another one", "write generator=nano")
        self.encoder = pipe.network.encoder.net
        self.adapter, self.grid = adapter, pipe.network.config.coarsest_grid
        self.size = int(pipe.network.config.image_size)
        barred = torch.ones(pipe.network.config.num_labels, dtype=torch.bool)
        barred[palette_ids(pipe.palette, "body")] = False
        self.register_buffer("barred", barred)
        self.register_buffer("points", grid_points(self.grid).float())

    def forward(
        self,
        crops: UInt8[Tensor, "N S S 3"],
        camera: Float[Tensor, "N 3"],
    ) -> tuple[Float[Tensor, "N L P P"], Float[Tensor, "N 2 P P"], Float[Tensor, "N P P"]]:
        """Dense maps of N crops.

        Args:
            crops: RGB, of the generator's input size.
            camera: Focal length and principal point (x, y), in units of the crop's side.
        """
        kinds = (camera[:, 0] * 0).long()  # body
        rays = crop_rays(camera, self.points)
        images = crops.permute(0, 3, 1, 2).float() / 255.0
        alone = MultiviewBatch(-1, 1, rays)  # -1: the number of rows stays a variable of the graph
        adapted = self.adapter(images, self.encoder(images * 2 - 1).pyramid, kinds, alone)
        scores = adapted.dense_logits.masked_fill(self.barred[:, None, None], -torch.inf)
        std = LAPLACE_STD * adapted.dense_log_scale[:, 0].exp()
        return scores.softmax(1), adapted.dense_uv.clamp(0, 1), std


class RegressorGraph(nn.Module):
    """`BodyRegressor` without its depth distribution, whose mean and deviation are among the outputs."""

    OUTPUTS = (
        "R_cam_body", "R_parent_joint", "betas", "pelvis", "log_depth_std", "focal", "focal_log_std", "joint_std",
        "confidence",
    )  # fmt: skip

    def __init__(self, network: BodyRegressor):
        super().__init__()
        self.network = network

    def forward(self, keypoints: Float[Tensor, "N 17 4"], camera: Float[Tensor, "N 4"]) -> tuple[Tensor, ...]:
        """The values called `OUTPUTS`; arguments as of `BodyRegressor.forward`."""
        body = self.network(keypoints, camera)
        return tuple(getattr(body, name) for name in self.OUTPUTS)


class JointsGraph(nn.Module):
    """A body model without its skin: SMPL-X parameters to joints, metres."""

    INPUTS = ("betas", "full_pose", "expression", "transl", "scale")

    def __init__(self, body: BodyModel):
        super().__init__()
        self.body = body

    def params(
        self,
        betas: Float[Tensor, "N 10"],
        full_pose: Float[Tensor, "N 165"],
        expression: Float[Tensor, "N 10"],
        transl: Float[Tensor, "N 3"],
        scale: Float[Tensor, "N 1"],
    ) -> BodyParams:
        """The inputs called `INPUTS`; `full_pose` as in `BodyParams`."""
        pose = BodyParams.split_full_pose(full_pose)
        return BodyParams(betas=betas, expression=expression, transl=transl, scale=scale, **pose)

    def forward(self, *values: Tensor) -> Float[Tensor, "N 55 3"]:
        """Joints; arguments as of `params`."""
        return self.body.joints(self.params(*values))


class VerticesGraph(JointsGraph):
    """A body model: SMPL-X parameters to vertices, metres."""

    def forward(self, *values: Tensor) -> Float[Tensor, "N Nv 3"]:
        """Vertices; arguments as of `params`."""
        return self.body(self.params(*values)).vertices


def crop_rays(camera: Float[Tensor, "N 3"], points: Float[Tensor, "P 2"]) -> Float[Tensor, "N 1 P 6"]:
    """`plucker_rays` of single cameras in their scene frame, written out for the identity as the cameras' pose.

    Args:
        camera: Focal length and principal point in units of the crop's side.
        points: Image points in the same units.
    """
    focal, center = camera[:, None, :1], camera[:, None, 1:]
    d = F.normalize(_with_one((points - center) / focal), dim=-1)
    ray = _with_one((0.5 - center) / focal)[:, 0]  # through the middle of the crop, to depth 1
    zero = torch.zeros_like(ray[:, 0])
    x = F.normalize(torch.stack([-ray[:, 0], zero, -ray[:, 2]], -1), dim=-1)
    up = torch.stack([zero, zero - 1, zero], -1)
    R_scene_cam = torch.stack([x, torch.linalg.cross(up, x), up], -2)
    d = d @ R_scene_cam.transpose(1, 2)
    origin = -2 * camera[:, :1] * (R_scene_cam @ ray[..., None])[..., 0]  # the unit is half the crop's width
    return torch.cat([d, torch.linalg.cross(origin[:, None].expand_as(d), d)], -1)[:, None]


def _with_one(xy: Float[Tensor, "*N 2"]) -> Float[Tensor, "*N 3"]:
    return torch.cat([xy, torch.ones_like(xy[..., :1])], -1)


def _normal(images: UInt8[Tensor, "N H W 3"]) -> Float[Tensor, "N 3 H W"]:
    """As MoveNet takes them: RGB in [-1, 1]."""
    return images.permute(0, 3, 1, 2).float() / 127.5 - 1
