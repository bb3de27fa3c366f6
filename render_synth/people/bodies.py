"""Random people: shape, posture, hands, heading, and standing on the floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from diffproxy.body import BodyModel, BodyParams
from render_synth.people.postures import sample_body_pose, sample_hand_pose


@dataclass(frozen=True)
class Person:
    """One posed body in the world (y up, floor at y = 0), with what generated it."""

    params: BodyParams
    vertices: Float[np.ndarray, "Nv 3"]
    joints: Float[np.ndarray, "55 3"]
    posture: str


def sample_pose(rng: np.random.Generator, bank, split: str) -> tuple[dict[str, np.ndarray], str]:
    """Pose fields of one person: from the pose bank if there is one (75 %), else an everyday posture."""
    body_pose, kind = sample_body_pose(rng)
    pose = {"body_pose": body_pose, "global_orient": heading(rng, rng.normal(0, 4, 3))}
    for side in ("left", "right"):
        pose[f"{side}_hand_pose"] = sample_hand_pose(rng, side)
    if bank is not None and rng.random() < 0.75:
        drawn = bank.sample(rng, split=split)
        pose.update({k: np.asarray(drawn[k], dtype=np.float64) for k in ("body_pose", "global_orient")})
        if rng.random() < 0.5:
            pose.update(
                {k: np.asarray(drawn[k], dtype=np.float64) for k in ("left_hand_pose", "right_hand_pose")}
            )
        kind = "bank"
    return pose, kind


def heading(rng: np.random.Generator, tilt_deg: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3"]:
    """A random turn about the vertical, slightly tilted, as axis-angle."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("y", rng.uniform(0, 2 * np.pi))
    return (turn * Rotation.from_euler("xyz", tilt_deg, degrees=True)).as_rotvec()


def sample_person(
    body: BodyModel,
    rng: np.random.Generator,
    place: Float[np.ndarray, "3"],
    bank=None,
    split: str = "train",
) -> Person:
    """A person whose lowest point is at the height of `place`, and whose pelvis is above it."""
    pose, kind = sample_pose(rng, bank, split)
    values = {
        "betas": np.clip(rng.normal(0, 1.0, 10), -2.5, 2.5),
        "jaw_pose": np.array([max(0.0, rng.normal(0, 0.08)), 0, 0]),
        "expression": np.clip(rng.normal(0, 0.7, 10), -2, 2),
        **pose,
    }
    rest = BodyParams.rest()
    tensors = {k: torch.from_numpy(np.asarray(v, dtype=np.float32))[None] for k, v in values.items()}
    params = rest.replace(**tensors)
    with torch.no_grad():
        out = body(params)
        pelvis = out.joints[0, 0]
        low = out.vertices[0, :, 1].min()
        shift = torch.tensor(
            [place[0] - pelvis[0], place[1] - low, place[2] - pelvis[2]], dtype=torch.float32
        )
        params = params.replace(transl=shift[None])
    return Person(params, (out.vertices[0] + shift).numpy(), (out.joints[0] + shift).numpy(), kind)
