"""Positions of detectors' keypoints on the body: a joint, a surface point, or a point between two of them.

Joints are made surface points, too: `with_landmarks` adds to the body one vertex per joint (skinned by that joint
alone, moved by the betas as the joint is) and one face per keypoint. The fitter can then treat a keypoint like a pixel
on a face.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from diffproxy.body import BodyModel, BodyParams
from diffproxy.body.names import JOINT_NAMES, NUM_JOINTS
from diffproxy.keypoints.layouts import COCO17, HAND_NAMES, INDEX, NAMES

_J = {name: i for i, name in enumerate(JOINT_NAMES)}
STD = {
    "shoulder": 0.02, "elbow": 0.015, "wrist": 0.015, "hip": 0.04, "knee": 0.02, "ankle": 0.02, "nose": 0.015,
    "eye": 0.015, "ear": 0.02, "heel": 0.02, "big_toe": 0.015, "small_toe": 0.015, "foot_index": 0.025, "neck": 0.04,
    "mid_hip": 0.04, "head_top": 0.03,
}  # fmt: skip
"""Metres by which a detector's idea of the point and ours may differ (nobody sees the joint of a hip)."""
HAND_STD = 0.01
ENCODER_OFFSETS = {
    "nose": ("head", "head", (0.0, 0.025, 0.109), 0.010),
    "eye": ("head", "head", (0.024, 0.054, 0.086), 0.010),
    "ear": ("head", "head", (0.063, 0.026, 0.005), 0.010),
    "shoulder": ("shoulder", "collar", (-0.017, 0.040, -0.014), 0.016),
    "elbow": ("elbow", "shoulder", (-0.019, 0.004, 0.002), 0.008),
    "wrist": ("wrist", "elbow", (-0.006, 0.003, 0.002), 0.005),
    "hip": ("hip", "pelvis", (-0.009, 0.013, 0.026), 0.022),
    "knee": ("knee", "hip", (0.002, -0.008, 0.002), 0.010),
    "ankle": ("ankle", "knee", (0.003, 0.021, 0.002), 0.010),
}
"""Where the encoder's keypoints lie: a joint, the joint in whose frame the offset is fixed, the offset in the rest pose
(metres, left side: x points to the left; mirrored for the right), and the deviation of that place (metres), beside the
deviation in the image. Measured on renderings (`benchmarks/encoder_keypoints.py`, docs/keypoints.md)."""


@dataclass(frozen=True)
class Landmarks:
    """For each of NAMES: face and barycentric coordinates on the body of `with_landmarks`, standard deviation of its
    definition (metres), and the joint that moves it. Face -1: no position on the body.
    """

    face: Int[np.ndarray, " K"]
    bary: Float[np.ndarray, "K 3"]
    std: Float[np.ndarray, " K"]
    mover: Int[np.ndarray, " K"]


def with_landmarks(body: BodyModel) -> tuple[BodyModel, Landmarks]:
    """Add joints and keypoints to a body as vertices and faces.

    Args:
        body: The body.

    Returns:
        The extended body, and the position of each of NAMES on it.
    """
    count, faces = len(body.v_template), len(body.faces)
    points = _places(body)
    out = copy.deepcopy(body)
    like = body.v_template
    out.v_template = torch.cat([like, body.joint_template])
    out.shapedirs = torch.cat([body.shapedirs, body.joint_shapedirs])
    out.weights = torch.cat([body.weights, torch.eye(NUM_JOINTS, dtype=like.dtype, device=like.device)])
    if body.posedirs is not None:
        out.posedirs = torch.cat(
            [body.posedirs, body.posedirs.new_zeros(NUM_JOINTS, *body.posedirs.shape[1:])]
        )
    face, bary = np.full(len(NAMES), -1, dtype=np.int64), np.tile([1.0, 0.0, 0.0], (len(NAMES), 1))
    std, mover = np.full(len(NAMES), HAND_STD), np.zeros(len(NAMES), dtype=np.int64)
    extra: list[list[int]] = []
    for name, (corners, blend, joint) in points.items():
        k = INDEX[name]
        face[k] = faces + len(extra)
        bary[k] = blend
        mover[k] = joint
        extra.append([c if c >= 0 else count + ~c for c in corners])
        plain = name.removeprefix("left_").removeprefix("right_")
        std[k] = STD.get(plain, HAND_STD)
    out.faces = torch.cat([body.faces, torch.tensor(extra, dtype=body.faces.dtype, device=body.faces.device)])
    return out, Landmarks(face, bary, std, mover)


def with_encoder_keypoints(body: BodyModel) -> tuple[BodyModel, Landmarks]:
    """As `with_landmarks`, for the 17 keypoints of the encoder: a vertex and a face for each (`ENCODER_OFFSETS`)."""
    count = len(body.v_template)
    face, std, mover = np.full(len(NAMES), -1), np.full(len(NAMES), HAND_STD), np.zeros(len(NAMES), dtype=int)
    joints, frames, offsets = encoder_places()
    for k, name in enumerate(COCO17):
        deviation = ENCODER_OFFSETS[name.rpartition("_")[2]][3]
        face[INDEX[name]], std[INDEX[name]], mover[INDEX[name]] = len(body.faces) + k, deviation, frames[k]
    out, like = copy.deepcopy(body), body.v_template
    out.v_template = torch.cat([like, body.joint_template[joints] + torch.as_tensor(offsets).to(like)])
    out.shapedirs = torch.cat([body.shapedirs, body.joint_shapedirs[joints]])
    out.weights = torch.cat([body.weights, torch.eye(NUM_JOINTS).to(like)[frames]])
    if body.posedirs is not None:
        out.posedirs = torch.cat(
            [body.posedirs, body.posedirs.new_zeros(len(joints), *body.posedirs.shape[1:])]
        )
    extra = torch.arange(count, count + len(joints)).to(body.faces)[:, None].expand(-1, 3)
    out.faces = torch.cat([body.faces, extra])
    return out, Landmarks(face, np.tile([1.0, 0.0, 0.0], (len(NAMES), 1)), std, mover)


def encoder_places() -> tuple[Int[np.ndarray, "17"], Int[np.ndarray, "17"], Float[np.ndarray, "17 3"]]:
    """Of the encoder's keypoints the joint that each is near, the joint in whose frame it is fixed, and its offset from
    the former (metres, rest pose)."""
    near, frames, offsets = [], [], []
    for name in COCO17:
        side, _, part = name.rpartition("_")
        joint, frame, offset, _ = ENCODER_OFFSETS[part]
        near.append(_J.get(joint, _J.get(f"{side}_{joint}", 0)))
        frames.append(_J.get(frame, _J.get(f"{side}_{frame}", 0)))
        offsets.append((-offset[0] if side == "right" else offset[0], *offset[1:]))
    return np.array(near), np.array(frames), np.array(offsets)


def encoder_points(body: BodyModel, params: BodyParams) -> Float[np.ndarray, "17 3"]:
    """Where a posed body has the encoder's keypoints, in the order of `COCO17`.

    Args:
        body: Body model.
        params: One body.

    Returns:
        (17, 3) world coordinates, metres.
    """
    near, frames, offsets = encoder_places()
    with torch.no_grad():
        turns, at = (x[0].double().cpu().numpy() for x in body.joint_transforms(params))
        rest, scale = body.rest_joints(params)[0].double().cpu().numpy(), float(params.scale[0])
    arms = rest[near] + offsets - rest[frames]
    return at[frames] + scale * np.einsum("kcd,kd->kc", turns[frames], arms)


def _places(body: BodyModel) -> dict[str, tuple[tuple[int, int, int], tuple[float, float, float], int]]:
    """Name → (corners, barycentric, moving joint); a corner is a vertex, or ~j for joint j."""
    v = body.v_template.double().cpu().numpy()
    w = body.weights.double().cpu().numpy()
    joints = body.joint_template.double().cpu().numpy()
    points: dict[str, tuple[tuple[int, int, int], tuple[float, float, float], int]] = {}

    def one(name: str, corner: int, joint: int) -> None:
        points[name] = ((corner, corner, corner), (1.0, 0.0, 0.0), joint)

    def between(name: str, a: int, b: int, share: float, joint: int) -> None:
        points[name] = ((a, b, b), (1.0 - share, share, 0.0), joint)

    for side in ("left", "right"):
        for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
            one(
                f"{side}_{part}",
                ~_J[f"{side}_{part}"],
                _MOVER[part] if part in _MOVER else _J[f"{side}_{_ABOVE[part]}"],
            )
    between("neck", ~_J["left_shoulder"], ~_J["right_shoulder"], 0.5, _J["spine3"])
    between("mid_hip", ~_J["left_hip"], ~_J["right_hip"], 0.5, 0)

    head = _J["head"]
    on_head = w[:, [head, _J["jaw"], _J["left_eye_smplhf"], _J["right_eye_smplhf"]]].sum(1) > 0.5
    middle = on_head & (np.abs(v[:, 0]) < 0.012)
    one("nose", _best(v[:, 2], middle), head)
    one("head_top", _best(v[:, 1], on_head), head)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        eye = joints[_J[f"{side}_eye_smplhf"]]
        one(f"{side}_eye", _best(-np.linalg.norm(v - eye - [0, 0, 0.013], axis=1), on_head), head)
        level = on_head & (v[:, 1] > eye[1] - 0.05) & (v[:, 1] < eye[1] + 0.02)
        one(f"{side}_ear", _best(sign * v[:, 0], level), head)
        ankle, ball = _J[f"{side}_ankle"], _J[f"{side}_foot"]
        foot = w[:, [ankle, ball]].sum(1) > 0.5
        low = foot & (v[:, 1] < v[foot, 1].min() + 0.03)
        one(f"{side}_heel", _best(-v[:, 2], low), ankle)
        toes = foot & (v[:, 2] > joints[ball, 2])
        big = _best(v[:, 2] - 0.5 * sign * v[:, 0], toes)
        small = _best(sign * v[:, 0] + 0.3 * v[:, 2], toes)
        one(f"{side}_big_toe", big, ball)
        one(f"{side}_small_toe", small, ball)
        between(f"{side}_foot_index", big, small, 0.3, ball)
        one(f"{side}_hand_wrist", ~_J[f"{side}_wrist"], _J[f"{side}_elbow"])
        for name in HAND_NAMES[1:]:
            finger, k = name[:-1], int(name[-1])
            last = _J[f"{side}_{finger}3"]
            if k < 4:
                joint = _J[f"{side}_{finger}{k}"]
                one(
                    f"{side}_hand_{name}",
                    ~joint,
                    _J[f"{side}_{finger}{k - 1}"] if k > 1 else _J[f"{side}_wrist"],
                )
            else:
                along = joints[last] - joints[_J[f"{side}_{finger}2"]]
                one(f"{side}_hand_{name}", _best(v @ along, w[:, last] > 0.5), last)
    return points


_MOVER = {"shoulder": _J["spine3"], "hip": 0}
_ABOVE = {"elbow": "shoulder", "wrist": "elbow", "knee": "hip", "ankle": "knee"}


def _best(score: np.ndarray, among: np.ndarray) -> int:
    """The vertex with the highest score among some (among all, if the body has none of them)."""
    if not among.any():
        return int(np.argmax(score))
    return int(np.argmax(np.where(among, score, -np.inf)))
