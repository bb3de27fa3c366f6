"""Random people: shape, pose, hands, heading, standing on the floor."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float

from diffproxy.body import BodyModel, BodyParams
from diffproxy.motion.limits import within_limits
from render_synth.humans.body.shapes import sample_shape
from render_synth.humans.poses.pose_check import DEEP, pose_check
from render_synth.humans.poses.pose_source import PoseSource
from render_synth.humans.poses.postures import sample_body_pose, sample_hand_pose
from render_synth.humans.poses.seated import sample_seated_pose

TRIES = 8


@dataclass(frozen=True)
class Person:
    """One posed body in the world (y up, floor at y = 0), with the draws that generated it.

    `notes`: kind of shape, poses drawn, and how deep (metres) the limbs of the one taken enter the body.
    """

    params: BodyParams
    vertices: Float[np.ndarray, "Nv 3"]
    joints: Float[np.ndarray, "55 3"]
    posture: str
    notes: dict[str, float | int | str] = field(default_factory=dict)


def sample_pose(
    rng: np.random.Generator, source: PoseSource | None, split: str
) -> tuple[dict[str, np.ndarray], str]:
    """Pose fields of one person: of the source if there is one (82 %), else an everyday posture."""
    body_pose, kind = sample_body_pose(rng)
    pose = {"body_pose": body_pose, "global_orient": heading(rng, rng.normal(0, 4, 3))}
    for side in ("left", "right"):
        pose[f"{side}_hand_pose"] = sample_hand_pose(rng, side)
    if source is not None:
        drawn, where = source.sample(rng, split=split)
        hands = {k: drawn[k] for k in ("left_hand_pose", "right_hand_pose")}
        if rng.random() < 0.82:
            pose.update({k: drawn[k] for k in ("body_pose", "global_orient")})
            kind = where
        if rng.random() < 0.8:
            pose.update(hands)
    return {k: np.asarray(v, dtype=np.float32) for k, v in pose.items()}, kind


def sample_seated(
    rng: np.random.Generator, source: PoseSource | None, split: str
) -> tuple[dict[str, np.ndarray], str]:
    """Pose fields of a seated person; hands of the source, if there is one."""
    pose = {"body_pose": sample_seated_pose(rng), "global_orient": heading(rng, rng.normal(0, 2, 3))}
    for side in ("left", "right"):
        pose[f"{side}_hand_pose"] = sample_hand_pose(rng, side)
    if source is not None and rng.random() < 0.8:
        drawn, _ = source.sample(rng, split=split)
        pose.update({k: drawn[k] for k in ("left_hand_pose", "right_hand_pose")})
    return {k: np.asarray(v, dtype=np.float32) for k, v in pose.items()}, "seated"


def heading(rng: np.random.Generator, tilt_deg: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3"]:
    """A random turn about the vertical, slightly tilted, as axis-angle."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("y", rng.uniform(0, 2 * np.pi))
    return (turn * Rotation.from_euler("xyz", tilt_deg, degrees=True)).as_rotvec()


def sample_person(
    body: BodyModel,
    rng: np.random.Generator,
    place: Float[np.ndarray, "3"],
    source: PoseSource | None = None,
    split: str = "train",
    children: float = 0.0,
    seated: bool = False,
) -> Person:
    """A person whose lowest point is at the height of `place`, and whose pelvis is above it; `seated`: on a chair.

    Poses beyond joint limits, or in which a limb enters the body by more than 2 cm, are drawn again, eight times at
    most; then the least bad one is taken.
    """
    betas, scale, shape = sample_shape(rng, body, children)
    jaw, face = np.array([max(0.0, rng.normal(0, 0.08)), 0, 0]), np.clip(rng.normal(0, 0.7, 10), -2, 2)
    fixed = {"betas": betas, "scale": np.array([scale]), "jaw_pose": jaw, "expression": face}
    best, depth, tries = None, np.inf, 0
    while depth > DEEP and tries < TRIES:
        tries += 1
        pose, kind = (sample_seated if seated else sample_pose)(rng, source, split)
        values = {
            k: torch.from_numpy(np.asarray(v, dtype=np.float32))[None] for k, v in (fixed | pose).items()
        }
        params = BodyParams.rest().replace(**values)
        with torch.no_grad():
            out = body(params)
        found = pose_check(body).depth(out.vertices[0].numpy())
        if not within_limits(pose["body_pose"][None])[0]:
            found += 1.0
        if found < depth:
            best, depth = (params, out, kind), found
    params, out, kind = best
    pelvis, low = out.joints[0, 0], out.vertices[0, :, 1].min()
    shift = torch.tensor([place[0] - pelvis[0], place[1] - low, place[2] - pelvis[2]], dtype=torch.float32)
    notes: dict[str, float | int | str] = {
        "shape": shape,
        "pose_tries": tries,
        "pose_depth": round(float(depth), 4),
    }
    vertices, joints = (out.vertices[0] + shift).numpy(), (out.joints[0] + shift).numpy()
    return Person(params.replace(transl=shift[None]), vertices, joints, kind, notes)
