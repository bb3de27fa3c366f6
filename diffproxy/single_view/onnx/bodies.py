"""Keypoints of the people of a picture to their bodies and the focal length that they share, by exported models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from diffproxy.geometry.boxes import Box, as_box
from diffproxy.single_view.focal_length import FocalPrior
from diffproxy.single_view.keypoint_placement import points_on_bones, shift_onto_keypoints
from diffproxy.single_view.onnx.models import Models
from diffproxy.single_view.onnx.results import Camera, Person, Seen
from diffproxy.single_view.onnx.rotations import rotation_vectors

LEAST_KEYPOINTS = 4
"""Confident keypoints of a body; fewer are no person."""
MIN_CONFIDENCE_REGRESSED = 0.5
"""Of a body that is not `doubtful`: as with torch (`regress_people.py`)."""
FOLLOWED_KEYPOINTS = 8
"""Confident keypoints with which a person is followed without the detector, however sure the body is."""
KEYPOINT_MARGIN = 1.15
"""Of the next frame's box around the keypoints: limbs move, and skin reaches beyond them."""
PLACES = ("near", "frame", "offset")
"""Arrays of the manifest that say where keypoints lie on the bones (`points_on_bones`)."""


def shared_focal(
    models: Models, keypoints: np.ndarray, size: tuple[int, int], prior: FocalPrior
) -> FocalPrior:
    """One focal length of all people: the product of their estimates, in each of which the prior counts once.

    Args:
        models: The exported models.
        keypoints: (N, 17, 4) x, y, confidence, deviation in pixels of the picture.
        size: Width and height of the picture, pixels.
        prior: What is known before; a fixed one stays as it is.
    """
    keypoints = keypoints[_confident(models, keypoints).sum(1) >= LEAST_KEYPOINTS]
    if prior.fixed or not len(keypoints):
        return prior
    known = np.array([*size, prior.focal, prior.log_std], np.float32)
    found = models.run("regressor", keypoints=keypoints, camera=np.tile(known, (len(keypoints), 1)))
    before = 1 / prior.log_std**2
    # an estimate is the mean of the prior and of what the person alone says, which is to be multiplied
    stated = 1 / found["focal_log_std"].astype(np.float64) ** 2
    informed = stated > before
    total = before + (stated - before)[informed].sum()
    shift = float((np.log(found["focal"] / prior.focal) * stated)[informed].sum() / total)
    return replace(prior, focal=prior.focal * float(np.exp(shift)), log_std=float(total**-0.5))


def regress_people(
    models: Models, seen: Sequence[Seen], keypoints: np.ndarray, camera: Camera, focal_log_std: float
) -> tuple[Person, ...]:
    """The bodies of all people of a picture, in the order of `seen`.

    Args:
        models: The exported models.
        seen: Where the people are.
        keypoints: (N, 17, 4) x, y, confidence, deviation in pixels of the picture.
        camera: Of the picture, with the focal length that they share.
        focal_log_std: Deviation of the logarithm of that focal length.
    """
    confident = _confident(models, keypoints)
    shown = confident.sum(1) >= LEAST_KEYPOINTS
    known = np.array([camera.width, camera.height, camera.focal, 0.0], np.float32)
    found = models.run("regressor", keypoints=keypoints, camera=np.tile(known, (len(seen), 1)))
    following = [
        _around(points[sure, :2]) if sure.sum() >= FOLLOWED_KEYPOINTS else None
        for points, sure in zip(keypoints, confident, strict=True)
    ]
    stated = found["log_depth_std"]
    return posed_people(models, seen, found, keypoints, camera, focal_log_std, stated, shown, following)


def posed_people(
    models: Models,
    seen: Sequence[Seen],
    found: dict[str, np.ndarray],
    keypoints: np.ndarray,
    camera: Camera,
    focal_log_std: float,
    log_depth_std: np.ndarray | float,
    shown: np.ndarray,
    following: Sequence[Box | None],
) -> tuple[Person, ...]:
    """A network's bodies, moved onto the keypoints, as the people of a picture.

    Args:
        models: The exported models.
        seen: Where the people are.
        found: The bodies, as the regressor's outputs are called.
        keypoints: (N, 17, 4) x, y, confidence, deviation in pixels of the picture.
        camera: Of the picture, with the focal length that they share.
        focal_log_std: Deviation of its logarithm that the bodies' own deviations do not have yet.
        log_depth_std: (N,), or of all: deviation of the logarithm of the depths as against the keypoints.
        shown: (N,) bool: who has a body.
        following: Where each is expected in the next frame.
    """
    params = _params(models, found)
    joints = models.pose("joints", params)
    # the regressor places the pelvis, SMPL-X the origin of the body: the rest of the body moves with it
    params["transl"] = found["pelvis"] - joints[:, 0]
    joints = joints + params["transl"][:, None]
    shifts = _shifts(models, joints, found, keypoints, camera, found["pelvis"][:, 2] * log_depth_std)
    params["transl"] += shifts
    joints = joints + shifts[:, None]
    depth_std = found["pelvis"][:, 2] * np.hypot(found["log_depth_std"], focal_log_std)
    parents = models.manifest["joints"]["parents"]
    own = found["joint_std"]
    nearest = [_stated(j, parents, own.shape[1]) for j in range(len(parents))]
    deviations = np.hypot(own[:, nearest], depth_std[:, None])
    people = []
    for i, s in enumerate(seen):
        sure = found["confidence"][i] >= MIN_CONFIDENCE_REGRESSED
        status = ("one_view" if sure else "doubtful") if shown[i] else "no_person"
        nothing = np.nan if status == "no_person" else 1.0
        row = {name: value[i] * np.float32(nothing) for name, value in params.items()}
        places = joints[i] * nothing, deviations[i] * nothing
        deviation = float(depth_std[i] * nothing)
        people.append(Person(s.box, s.score, keypoints[i], status, row, *places, deviation, following[i]))
    return tuple(people)


def _confident(models: Models, keypoints: np.ndarray) -> np.ndarray:
    """(N, 17) bool."""
    return keypoints[..., 2] >= models.manifest["keypoints"]["least_confidence"]


def _shifts(
    models: Models,
    joints: np.ndarray,
    found: dict[str, np.ndarray],
    keypoints: np.ndarray,
    camera: Camera,
    depth_std: np.ndarray,
) -> np.ndarray:
    """(N, 3): the motion of each body onto its keypoints, metres."""
    stated, parents = models.manifest["keypoints"], models.manifest["joints"]["parents"]
    near, frame, offset = (np.array(stated["places"][name]) for name in PLACES)
    rotations = np.concatenate([found["R_cam_body"][:, None], found["R_parent_joint"]], axis=1)
    rows = [
        shift_onto_keypoints(
            points_on_bones(joints[i], rotations[i], parents, (near, frame, offset)),
            keypoints[i],
            camera.K,
            stated["least_confidence"],
            float(depth_std[i]),
        )
        for i in range(len(joints))
    ]
    return np.array(rows, np.float32)


def _params(models: Models, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """SMPL-X parameters of the regressed rotations; hands, face and place are those of the rest body."""
    rows = len(found["betas"])
    params = {name: np.zeros((rows, n), np.float32) for name, n in models.manifest["params"].items()}
    params["scale"] += 1
    params["betas"] = found["betas"]
    params["global_orient"] = rotation_vectors(found["R_cam_body"])
    params["body_pose"] = rotation_vectors(found["R_parent_joint"]).reshape(rows, -1)
    return params


def _stated(joint: int, parents: Sequence[int], stated: int) -> int:
    """The joint itself, or the nearest one above it among the first `stated`, whose deviations are known."""
    while joint >= stated:
        joint = parents[joint]
    return joint


def _around(points: np.ndarray) -> Box:
    """A box around points, with room for motion."""
    low, high = points.min(0), points.max(0)
    middle, half = (low + high) / 2, KEYPOINT_MARGIN * (high - low) / 2
    return as_box(np.concatenate([middle - half, middle + half]))
