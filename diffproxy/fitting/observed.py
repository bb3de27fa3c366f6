"""How far pixels support each joint of a fitted body: `joint_observed`."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.spatial import cKDTree

from diffproxy.body import BodyModel
from diffproxy.body.names import BODY_JOINT_NAMES, NUM_JOINTS
from diffproxy.export.result import UNOBSERVED
from diffproxy.proxies import ProxyMaps

SAMPLES = 48
"""Faces of each joint's skin that are looked up, at most."""
FEWEST = 4
"""Joints whose skin has fewer faces than this (inner ones, such as parts of the spine) take their parent's value."""
NEAR, NEAR_FINGER = 0.05, 0.02
"""Metres on the rest body within which a pixel supports a face of the same joint's skin."""
FULL = 0.4
"""Share of the skin that counts as all of it: cameras on one side of a limb see about half."""
FIRST_FINGER = 25


class JointSkin:
    """Samples of the rest body's surface, each owned by the joint with most of its skinning weight.

    A joint's position is supported by its own skin, and by the half of its parent's that is nearer to the joint than
    to the parent: a shin seen down to the ankle locates the ankle, a strip of thigh at the hip does not locate the
    knee.
    """

    def __init__(self, body: BodyModel):
        faces = body.faces.cpu().numpy()
        vertices = body.v_template.detach().double().cpu().numpy()
        rest = body.joint_template.detach().double().cpu().numpy()
        self.parents = [-1, *(int(p) for p in body.parents[1:])]
        self.vertices, self.faces = vertices, faces
        self.owner = body.weights.detach().cpu().numpy()[faces].mean(1).argmax(1)
        center = vertices[faces].mean(1)
        kept = []
        for j in range(NUM_JOINTS):
            on = np.flatnonzero(self.owner == j)
            take = min(len(on), SAMPLES)
            kept.append(on[(np.arange(take) * len(on)) // max(take, 1)])
        sample = np.concatenate(kept)
        self.joint, at = self.owner[sample], center[sample]
        self.key = self._key(at, self.joint)
        from_own = np.linalg.norm(at - rest[self.joint], axis=-1)
        self.rows: list[
            tuple[np.ndarray, np.ndarray]
        ] = []  # of each joint: its own skin, its half of the parent's
        for j, parent in enumerate(self.parents):
            half = (self.joint == parent) & (np.linalg.norm(at - rest[j], axis=-1) < from_own)
            self.rows.append((np.flatnonzero(self.joint == j), np.flatnonzero(half)))

    @staticmethod
    def _key(point: Float[np.ndarray, "N 3"], joint: Int[np.ndarray, " N"]) -> Float[np.ndarray, "N 4"]:
        """Coordinates in which neighbours are those within reach on the same joint's skin."""
        reach = np.where(joint < FIRST_FINGER, NEAR, NEAR_FINGER)
        return np.concatenate([point / reach[:, None], 10.0 * joint[:, None]], axis=1)

    def support(self, face: Int[np.ndarray, " N"], bary: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "55"]:
        """Support of every joint, in [0, 1], by pixels that show these points of the surface."""
        if not len(face):
            return np.zeros(NUM_JOINTS)
        point = np.einsum("nk,nkc->nc", bary, self.vertices[self.faces[face]])
        far = cKDTree(self._key(point, self.owner[face])).query(self.key, distance_upper_bound=1.0)[0]
        covered = np.isfinite(far)
        out = np.zeros(NUM_JOINTS)
        for j, rows in enumerate(self.rows):
            known = [covered[r].mean() for r in rows if len(r) >= FEWEST]
            out[j] = min(1.0, max(known) / FULL) if known else out[max(self.parents[j], 0)]
        return out


_SKINS: WeakKeyDictionary[BodyModel, JointSkin] = WeakKeyDictionary()


def joint_support(
    body: BodyModel, face: Int[np.ndarray, " N"], bary: Float[np.ndarray, "N 3"]
) -> Float[np.ndarray, "55"]:
    """How far pixels support each joint's position: 0, no pixel of any view does; 1, they show its limb fully.

    Args:
        body: The model that was fitted.
        face: Face that each agreeing pixel shows.
        bary: Where in the face it lies.

    Returns:
        For each joint the share of its own skin, or of the half of its parent's skin that is nearer to it, that some
        pixel shows (the larger of the two), over `FULL`, at most 1.
    """
    if body not in _SKINS:
        with torch.no_grad():
            _SKINS[body] = JointSkin(body)
    return _SKINS[body].support(face, bary)


def camera_of_view(maps: ProxyMaps) -> Int[np.ndarray, " V"]:
    """A number for the camera of each view: hand crops have that of the body view which has their camera's name."""
    names = [camera.name for camera in maps.cameras]
    bodies = [name for name, kind in zip(names, maps.kind, strict=True) if kind == "body"]
    if len(set(bodies)) < len(bodies):  # names that say nothing: every view is of a camera of its own
        return np.arange(len(names))
    return np.unique(names, return_inverse=True)[1]


def supporting_cameras(
    body: BodyModel,
    face: Int[np.ndarray, " N"],
    bary: Float[np.ndarray, "N 3"],
    camera: Int[np.ndarray, " N"],
) -> Int[np.ndarray, "55"]:
    """How many cameras support each joint by themselves.

    Args:
        body: The model that was fitted.
        face: Face that each agreeing pixel shows.
        bary: Where in the face it lies.
        camera: Number of the camera that each pixel is of.
    """
    count = np.zeros(NUM_JOINTS, dtype=np.int64)
    for c in np.unique(camera):
        count += joint_support(body, face[camera == c], bary[camera == c]) >= UNOBSERVED
    return count


def supported_joints(
    body: BodyModel,
    maps: ProxyMaps,
    pixels: tuple[Int[np.ndarray, " N"], Float[np.ndarray, "N 3"], Int[np.ndarray, " N"]],
    keypoints: tuple[Int[np.ndarray, " K"], Int[np.ndarray, " K"]] | None = None,
) -> tuple[Float[np.ndarray, "55"], Int[np.ndarray, "55"]]:
    """`joint_observed` and `joint_cameras` of a fit.

    Args:
        body: The model that was fitted.
        maps: The proxies.
        pixels: Face, barycentric coordinates and view of each agreeing pixel.
        keypoints: The joint that moves each agreeing keypoint, and its view.
    """
    face, bary, view = pixels
    observed = joint_support(body, face, bary)
    cameras = supporting_cameras(body, face, bary, camera_of_view(maps)[view])
    if keypoints is not None:
        shown = keypoint_views(*keypoints)
        observed[shown >= 2] = 1.0
        cameras = np.maximum(cameras, shown)
    return observed, cameras


def keypoint_views(joint: Int[np.ndarray, " N"], view: Int[np.ndarray, " N"]) -> Int[np.ndarray, "55"]:
    """In how many views agreeing keypoints show each joint; `joint` is the one that moves each keypoint."""
    pairs = np.unique(np.stack([joint, view]), axis=1)[0]
    return np.bincount(pairs, minlength=NUM_JOINTS)


def moving_joints(marked: BodyModel, face: Int[np.ndarray, " N"]) -> Int[np.ndarray, " N"]:
    """The joint that moves each keypoint, given by its face of `marked`, the body with the keypoints' faces."""
    weights = marked.weights[marked.faces[torch.from_numpy(face).to(marked.faces.device)]]
    return weights.mean(1).argmax(1).cpu().numpy()


# Unobserved joints in words.


_LIMBS = (
    ("leg", ("knee", "ankle", "foot")),
    ("lower leg", ("ankle", "foot")),
    ("foot", ("foot",)),
    ("arm", ("elbow", "wrist")),
    ("forearm", ("wrist",)),
)
"""Names for what is missing when these joints of one side are, the largest first."""
_SINGLE = {
    "head": "head", "neck": "head", "pelvis": "hips", "left_hip": "hips", "right_hip": "hips", "spine1": "trunk",
    "spine2": "trunk", "spine3": "trunk", "left_collar": "shoulders", "right_collar": "shoulders",
}  # fmt: skip


def unobserved_parts(joint_observed: Float[np.ndarray, "55"]) -> tuple[str, ...]:
    """Names of the parts of the body whose joints no pixel supports ("left leg", "head"); fingers are left out."""
    missing = {name for j, name in enumerate(BODY_JOINT_NAMES) if joint_observed[j] < UNOBSERVED}
    parts: dict[str, None] = {}
    for name in BODY_JOINT_NAMES:
        if name in missing and name in _SINGLE:
            parts[_SINGLE[name]] = None
    for side in ("left", "right"):
        for part, joints in _LIMBS:
            names = {f"{side}_{joint}" for joint in joints}
            if names <= missing:
                parts[f"{side} {part}"] = None
                missing -= names
    singles = [name for name in BODY_JOINT_NAMES if name in missing and name not in _SINGLE]
    return (*parts, *(name.replace("_", " ") for name in singles))


def unobserved_note(parts: tuple[str, ...]) -> str:
    """The sentence for `reason`; empty where all is seen."""
    if not parts:
        return ""
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"
    return f"no view shows the {listed}: the pose prior places what is unseen"
