"""Pictures of several people out of body crops of which one person is labelled, without rendering.

People are cut out of their crops and shown by one new camera, each turned about its own camera's centre: that is a
homography of the image (Hartley and Zisserman 2004, section 8.4), and an exact rotation of the body. Only light and
shadows do not fit, and what hid a person in the crop is missing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Float

from diffproxy.body import BodyModel
from diffproxy.datasets.shards import ShardIndex
from diffproxy.geometry.boxes import tight_box
from diffproxy.geometry.so3 import rotvec_to_rotmat
from diffproxy.single_view.training.whole_picture.everybody import Everybody, everybody

MOST, FIELD_OF_VIEW, LEAST_DEPTH = 7, (30.0, 105.0), 0.35
"""People of a picture; degrees along its longer side; metres of a pelvis along the optical axis."""
ROLL = 5.0
"""Degrees (standard deviation) that people are turned about their ray."""
UNLABELLED = 255
"""Value of pixels that show somebody of whom nothing is known."""


def compose(
    index: ShardIndex,
    crops: list[tuple[int, int]],
    body: BodyModel,
    width: int,
    height: int,
    rng: np.random.Generator,
) -> tuple[Any, np.ndarray, Float[np.ndarray, "3 3"], Everybody]:
    """A picture of people out of random crops, before another crop, whose people stay without labels.

    Args:
        index: Shards.
        crops: Sample and view of each body crop.
        body: Body model.
        width: Of the picture, pixels.
        height: Of the picture, pixels.
        rng: Random numbers.

    Returns:
        RGB; whose each pixel is (0 nobody, 1 and more: row of the people plus 1, `UNLABELLED`); K; the people.
    """
    focal = max(width, height) / 2 / np.tan(np.radians(rng.uniform(*FIELD_OF_VIEW)) / 2)
    K = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])
    behind = index.view(*crops[rng.integers(len(crops))])
    flip = int(rng.integers(-1, 2))  # upside down, mirrored, or both: any background will do
    image = cv2.resize(cv2.flip(behind.rgb, flip), (width, height), interpolation=cv2.INTER_LINEAR)
    mask = cv2.resize(cv2.flip(behind.mask, flip), (width, height), interpolation=cv2.INTER_NEAREST)
    owner = np.where(mask > 0, UNLABELLED, 0).astype(np.uint8)
    drawn = [crops[rng.integers(len(crops))] for _ in range(rng.integers(1, MOST + 1))]
    cut = [_cut_out(index, crop, body, K, width, height, rng) for crop in drawn]
    if not any(cut):
        return compose(index, crops, body, width, height, rng)
    people = sorted((p for p in cut if p is not None), key=lambda p: -float(p[2].pelvis[0, 2]))
    shares = []
    for row, (pixels, alpha, _) in enumerate(people):
        image = (image + (pixels - image.astype(np.float32)) * alpha[..., None]).astype(np.uint8)
        owner[alpha > 0.5] = row + 1
    for row, (_, alpha, _) in enumerate(people):
        shares.append((owner == row + 1).sum() / max(int((alpha > 0.5).sum()), 1))
    found = [p for _, _, p in people]
    joined = Everybody(*(torch.cat([getattr(p, name) for p in found]) for name in vars(found[0])))
    visible = torch.tensor(shares, dtype=torch.float32)
    return image, owner, K, replace(joined, visible=visible)


def _cut_out(
    index: ShardIndex,
    crop: tuple[int, int],
    body: BodyModel,
    K: Float[np.ndarray, "3 3"],
    width: int,
    height: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, Everybody] | None:
    """The subject of a crop somewhere in the new picture: RGB, share of each pixel, body; None if it is too near."""
    view = index.view(*crop)
    subject = everybody(index, *crop, body)
    subject = Everybody(*(value[:1] for value in vars(subject).values()))
    box = tight_box(view.mask == 1)
    if box is None:
        return None
    middle = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2, 1.0])
    goal = np.array([rng.uniform(0, width), rng.uniform(0.15, 0.95) * height, 1.0])
    a, b = (v / np.linalg.norm(v) for v in (np.linalg.solve(view.camera.K, middle), np.linalg.solve(K, goal)))
    axis = np.cross(a, b)
    angle = np.arctan2(np.linalg.norm(axis), a @ b)
    turn, roll = axis / max(np.linalg.norm(axis), 1e-9) * angle, b * np.radians(ROLL * rng.normal())
    R = (rotvec_to_rotmat(torch.tensor(roll)) @ rotvec_to_rotmat(torch.tensor(turn))).float()
    pelvis = subject.pelvis @ R.T
    if float(pelvis[0, 2]) < LEAST_DEPTH:
        return None
    rotations = torch.cat([R @ subject.rotations[:, :1], subject.rotations[:, 1:]], 1)
    moved = replace(subject, pelvis=pelvis, rotations=rotations)
    # OpenCV counts from the centre of the first pixel, we count from its corner.
    to_corner = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    H = np.linalg.solve(to_corner, K @ R.double().numpy() @ np.linalg.solve(view.camera.K, to_corner))
    blurred = float(
        np.clip(0.35 * view.camera.K[0, 0] / K[0, 0], 0, 4)
    )  # what is made smaller is averaged before
    rgb = cv2.GaussianBlur(view.rgb, (0, 0), blurred) if blurred > 0.5 else view.rgb
    pixels = cv2.warpPerspective(rgb, H, (width, height), flags=cv2.INTER_LINEAR)
    alpha = cv2.warpPerspective(
        (view.mask == 1).astype(np.float32), H, (width, height), flags=cv2.INTER_LINEAR
    )
    return pixels, alpha, moved
