"""Bodies by the regressor for the views of a person: what fits start from, and the answer where nothing is fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from diffproxy.body import BodyModel, BodyParams
from diffproxy.body.names import NUM_BODY_JOINTS, PARENTS
from diffproxy.cameras import Camera
from diffproxy.fitting.encoder_keypoints import in_picture
from diffproxy.geometry.boxes import Box
from diffproxy.geometry.so3 import rotmat_to_rotvec
from diffproxy.keypoints.landmarks import encoder_places
from diffproxy.pipeline.generate_proxies import Generated
from diffproxy.proxies import ProxyMaps
from diffproxy.single_view.keypoint_placement import points_on_bones, shift_onto_keypoints
from diffproxy.single_view.regressor import MIN_CONFIDENCE, BodyRegressor, RegressedBody
from diffproxy.single_view.regressor_weights import load_regressor

LEAST_KEYPOINTS = 4
"""Fewer confident keypoints than this say nothing of a body."""


@dataclass(frozen=True)
class CoarseBody:
    """A body by the regressor.

    Attributes:
        params: In world coordinates, metres.
        joints: (55, 3) joint positions.
        joint_std: (55,) their standard deviations, metres (root of the covariance's trace); of joints that the network
            does not know, those of the wrist or head that they hang on.
        log_focal: Log of the estimated focal length over the assumed one; 0 where it is known.
        focal_log_std: Its standard deviation.
        log_depth_std: Standard deviation of the log of the pelvis' depth.
        confidence: Probability that the pose is about right.
        seen: Number of keypoints that it was made of.
    """

    params: BodyParams
    joints: Float[np.ndarray, "55 3"]
    joint_std: Float[np.ndarray, "55"]
    log_focal: float
    focal_log_std: float
    log_depth_std: float
    confidence: float
    seen: int


class CoarseBodies:
    """The regressor for one body model.

    Args:
        body: Body model.
        network: None: the packaged one.
    """

    def __init__(self, body: BodyModel, network: BodyRegressor | None = None):
        self.body, self.network = body, network or load_regressor()

    def guesses(self, made: Generated) -> list[BodyParams]:
        """What a fit to the views may start from, in world coordinates: `guess` of `pipeline.fit_rig.run_fit`."""
        return [found.params for found in self.of_views(made.maps, made.boxes, made.keypoints)]

    def of_views(
        self,
        maps: ProxyMaps,
        boxes: Sequence[Box] | None,
        keypoints: Float[np.ndarray, "V 17 4"] | None,
    ) -> list[CoarseBody]:
        """A body for each view of a person that shows enough keypoints, the most confident first.

        Args:
            maps: Crops of the pictures, with their cameras, whose focal lengths are known.
            boxes: The crops in pixels of the pictures; None: the maps are whole pictures.
            keypoints: Of each view, in pixels of the maps.
        """
        if keypoints is None:
            return []
        rows = [v for v, kind in enumerate(maps.kind) if kind == "body"]
        shown = in_picture(maps, keypoints)
        views = [
            picture_view(shown[v], maps.cameras[v], None if boxes is None else boxes[v], focal_log_std=0.0)
            for v in rows
        ]
        found = self.of_pictures(views, [maps.cameras[v] for v in rows])
        return sorted((b for b in found if b is not None), key=lambda b: -b.confidence)

    @torch.no_grad()
    def of_pictures(
        self,
        views: Sequence[tuple[Float[np.ndarray, "17 4"], Float[np.ndarray, "4"]]],
        cameras: Sequence[Camera],
    ) -> list[CoarseBody | None]:
        """Of keypoints and cameras in the network's form, one each; None for too few keypoints.

        `cameras` give the pose in the world.
        """
        seen = [int((points[:, 2] >= MIN_CONFIDENCE).sum()) for points, _ in views]
        rows = [i for i, count in enumerate(seen) if count >= LEAST_KEYPOINTS]
        found: list[CoarseBody | None] = [None] * len(views)
        if not rows:
            return found
        points, told = (
            torch.as_tensor(np.stack([views[i][k] for i in rows]), dtype=torch.float32) for k in (0, 1)
        )
        out = self.network(points, told)
        for n, i in enumerate(rows):
            params = params_of(self.body, out, n, cameras[i])
            shift = self._shift(params, cameras[i], points[n], told[n], out, n)
            R_world_cam = torch.as_tensor(cameras[i].R_cam_world.T, dtype=torch.float32)
            params = params.replace(transl=params.transl + R_world_cam @ shift)
            found[i] = coarse_body(self.body, params, out, n, float(told[n, 2]), seen[i])
        return found

    def _shift(
        self, params: BodyParams, camera: Camera, points: Tensor, told: Tensor, out: RegressedBody, n: int
    ) -> Float[Tensor, "3"]:
        """The motion onto the keypoints, in the camera's axes."""
        joints = self.body.joints(params)[0].double().numpy() @ camera.R_cam_world.T + camera.t_cam_world
        rotations = torch.cat([out.R_cam_body[n, None], out.R_parent_joint[n]]).double().numpy()
        focal, (x, y) = float(out.focal[n]), (told[:2] / 2).tolist()
        shift = shift_onto_keypoints(
            points_on_bones(joints, rotations, PARENTS, encoder_places()),
            points.double().numpy(),
            np.array([[focal, 0.0, x], [0.0, focal, y], [0.0, 0.0, 1.0]]),
            MIN_CONFIDENCE,
            float(out.pelvis[n, 2] * out.log_depth_std[n]),
        )
        return torch.as_tensor(shift).float()


def params_of(body: BodyModel, out: RegressedBody, n: int, camera: Camera) -> BodyParams:
    """Row `n` of a network's bodies in the world of the camera."""
    R_world_cam = torch.as_tensor(camera.R_cam_world.T, dtype=torch.float32)
    pelvis = R_world_cam @ (out.pelvis[n] - torch.as_tensor(camera.t_cam_world).float())
    params = BodyParams.rest(1).replace(
        global_orient=rotmat_to_rotvec(R_world_cam @ out.R_cam_body[n])[None],
        body_pose=rotmat_to_rotvec(out.R_parent_joint[n]).reshape(1, -1),
        betas=out.betas[n : n + 1],
    )
    return params.replace(transl=pelvis[None] - body.joints(params)[:, 0])


def coarse_body(
    body: BodyModel, params: BodyParams, out: RegressedBody, n: int, told_focal: float, seen: int
) -> CoarseBody:
    """Row `n` of a network's bodies, posed as `params`, with what the network says of it.

    `told_focal`: focal length that it was told, pixels. `seen`: number of keypoints that the body was made of.
    """
    return CoarseBody(
        params,
        body.joints(params)[0].numpy(),
        _joint_std(out.joint_std[n].numpy(), float(out.pelvis[n, 2] * out.log_depth_std[n])),
        float((out.focal[n] / told_focal).log()),
        float(out.focal_log_std[n]),
        float(out.log_depth_std[n]),
        float(out.confidence[n]),
        seen,
    )


def picture_view(
    keypoints: Float[np.ndarray, "17 4"], camera: Camera, box: Box | None, focal_log_std: float
) -> tuple[Float[np.ndarray, "17 4"], Float[np.ndarray, "4"]]:
    """Keypoints in pixels of a crop as those of its picture, and the picture's camera, in the network's form.

    The picture is taken to be symmetric about the principal point: twice its distance from the left and upper edge. Of
    a crop that was turned before it was read the edges are not known; there the picture ends with the crop.
    """
    x0, y0, zoom = (0.0, 0.0, 1.0) if box is None else (*box[:2], (box[2] - box[0]) / camera.width)
    side = np.array([camera.width, camera.height]) * zoom
    principal = camera.K[:2, 2] * zoom  # from the crop's corner
    size = 2 * np.add(principal, (x0, y0))
    centre = np.add(side / 2, (x0, y0))
    if (centre < 0).any() or (centre > size).any():
        size = 2 * np.maximum(np.abs(principal), np.abs(side - principal))
    offsets = keypoints[:, :2].astype(np.float64) * zoom - principal
    points = np.concatenate([offsets + size / 2, keypoints[:, 2:3], keypoints[:, 3:] * zoom], axis=1)
    return points, np.array([*size, camera.K[0, 0] * zoom, focal_log_std])


def _joint_std(of_body: Float[np.ndarray, "22"], depth: float) -> Float[np.ndarray, "55"]:
    """Deviations relative to the pelvis and along each axis as those of positions."""
    head, left, right = of_body[15:16], of_body[20:21], of_body[21:22]
    everywhere = np.concatenate([of_body, *[head] * 3, *[left] * 15, *[right] * 15])
    assert len(of_body) == NUM_BODY_JOINTS
    return np.sqrt(3 * everywhere**2 + depth**2).astype(np.float32)
