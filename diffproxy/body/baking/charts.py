"""Cut the rest body into labelled halves and give every half a smooth (u, v).

u of a half is the angle around the segment, folded at the border to the other half so that both agree there; v runs
along the segment, its direction alternating down the tree so that it agrees across elbows, knees and waist. A label
slip at a border therefore moves a point by little. Right is the mirror image of left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffproxy.body.baking.frames import Centreline, area_of, cap, equalise
from diffproxy.body.names import JOINT_NAMES
from diffproxy.body.segments import HAND_PARTS, SEGMENTS, hand_part_joints, hand_part_mover

_J = {name: i for i, name in enumerate(JOINT_NAMES)}
_HALVES = {"hand": ("dorsal", "palmar"), "foot": ("top", "sole")}

PART_NAMES = (
    "background",
    *(f"{half}_{name}" for name in SEGMENTS for half in _HALVES.get(name[:-2], ("front", "back"))),
)
PART_JOINT = (0, *(_J[SEGMENTS[name][1]] for name in SEGMENTS for _ in range(2)))
HAND_PART_NAMES = HAND_PARTS
HAND_PART_JOINT = tuple(_J[hand_part_mover(part)] for part in HAND_PARTS)
FIRST_HAND_LABEL = len(PART_NAMES)  # 31

_ROUND = 0.82 / (2 * np.pi)  # u per radian of a full turn (hand charts)
_HALF = (
    0.82 / np.pi
)  # u per radian of a half turn (body charts); the margin takes faces that straddle the border


@dataclass(frozen=True)
class Charts:
    """Labels (Nf,) uint8 and per-corner coordinates (Nf, 3, 2) in [0, 1] of the body and the hand palette."""

    part: np.ndarray
    uv: np.ndarray
    hand_part: np.ndarray
    hand_uv: np.ndarray


def make_charts(template: np.ndarray, joints: np.ndarray, weights: np.ndarray, faces: np.ndarray) -> Charts:
    """Charts of the rest body: template (Nv, 3), joints (55, 3), skin weights (Nv, 55), triangles (Nf, 3)."""
    corners, area = template[faces], area_of(template[faces])
    face_weights = weights[faces].mean(axis=1)
    owned = np.stack(
        [face_weights[:, [_J[j] for j in js]].sum(axis=1) for js, _ in SEGMENTS.values()], axis=1
    )
    segment = owned.argmax(axis=1)

    part = np.zeros(len(faces), dtype=np.uint8)
    uv = np.zeros((len(faces), 3, 2))
    rulers = _rulers(corners, area, segment, joints)
    for i, name in enumerate(SEGMENTS):
        mask = segment == i
        second, half_uv = rulers[name].halves(_to_left(corners[mask], name))
        part[mask] = 1 + 2 * i + second
        uv[mask] = half_uv[:, ::-1] if name.endswith("_r") else half_uv

    hand_part = np.zeros(len(faces), dtype=np.uint8)
    hand_uv = np.zeros((len(faces), 3, 2))
    taken = np.stack(
        [face_weights[:, [_J[j] for j in hand_part_joints(p)]].sum(axis=1) for p in HAND_PARTS], axis=1
    )
    which = taken.argmax(axis=1)
    on_hand = np.isin(segment, [list(SEGMENTS).index("hand_l"), list(SEGMENTS).index("hand_r")])
    for k, name in enumerate(HAND_PARTS):
        mask = on_hand & (which == k)
        hand_part[mask] = FIRST_HAND_LABEL + k
        one = _hand_chart(name, _to_left(corners[mask], name), area[mask], _to_left(joints, name))
        hand_uv[mask] = one[:, ::-1] if name.endswith("_r") else one
    return Charts(part, uv.clip(0, 1), hand_part, hand_uv.clip(0, 1))


def _to_left(points: np.ndarray, segment: str) -> np.ndarray:
    """Right-side points (N, 3) or face corners (N, 3, 3) as their mirror image, faces still looking outward."""
    if not segment.endswith("_r"):
        return points
    points = points * [-1, 1, 1]
    return points[:, ::-1] if points.ndim == 3 else points


class _Ruler:
    """Coordinates of one segment, measured on left-side points (N, 3, 3)."""

    def __init__(self, line: Centreline, front: np.ndarray, v_of_t: tuple[float, float] = (0.0, 1.0)):
        self.line, self.front, self.v_of_t = line, front, v_of_t

    def along(self, points: np.ndarray) -> np.ndarray:
        return self.line.split(points, self.front)[0]

    def halves(self, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which half each face is in (0 front, 1 back) and its corner coordinates."""
        t, side, ahead = self.line.split(corners, self.front)
        second = ahead.mean(axis=1) < 0
        phi = np.arctan2(side, np.where(second[:, None], -ahead, ahead))
        v0, v1 = self.v_of_t
        return second, np.stack([0.5 + _HALF * phi, v0 + (v1 - v0) * t], axis=-1)


class _HandRuler(_Ruler):
    """The flat hand seen from above and below: u across, v towards the finger tips."""

    def __init__(self, wrist: np.ndarray, corners: np.ndarray, v_wrist: float):
        self.wrist = wrist
        self.length = corners[..., 0].max() - wrist[0]
        self.half_width = np.abs(corners[..., 2] - wrist[2]).max()
        self.v_wrist = v_wrist

    def along(self, points: np.ndarray) -> np.ndarray:
        return (points[..., 0] - self.wrist[0]) / self.length

    def halves(self, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        normal_y = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 1]
        up = normal_y > 0
        u = 0.5 + 0.45 * (corners[..., 2] - self.wrist[2]) / self.half_width
        v = self.v_wrist + (0.98 - self.v_wrist) * self.along(corners)
        return ~up, np.stack([u, v], axis=-1)


class _HeadRuler(_Ruler):
    """Longitude and latitude about the head's centre, latitude stretched to even arc length down to the neck."""

    def __init__(self, centre: np.ndarray, neck: np.ndarray, corners: np.ndarray, area: np.ndarray):
        self.centre, self.neck = centre, neck
        middle = corners.mean(axis=1)
        self.knots = equalise(self._latitude(middle), area, np.linalg.norm(self._from_axis(middle), axis=-1))

    def _from_axis(self, points: np.ndarray) -> np.ndarray:
        """(x, z) from the axis, which leans back from the skull's centre to the neck's."""
        lean = np.clip((points[..., 1] - self.neck[1]) / (self.centre[1] - self.neck[1]), 0, 1)
        z = self.neck[2] + lean * (self.centre[2] - self.neck[2])
        return np.stack([points[..., 0], points[..., 2] - z], axis=-1)

    def _latitude(self, points: np.ndarray) -> np.ndarray:
        return np.arctan2(points[..., 1] - self.centre[1], np.linalg.norm(self._from_axis(points), axis=-1))

    def halves(self, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        d = self._from_axis(corners)
        second = d[..., 1].mean(axis=1) < 0
        phi = np.arctan2(d[..., 0], np.where(second[:, None], -d[..., 1], d[..., 1]))
        v = 0.02 + 0.96 * np.interp(self._latitude(corners), *self.knots)
        return second, np.stack([0.5 + _HALF * phi, v], axis=-1)


def _rulers(
    corners: np.ndarray, area: np.ndarray, segment: np.ndarray, joints: np.ndarray
) -> dict[str, _Ruler]:
    names = list(SEGMENTS)

    def of(name: str) -> tuple[np.ndarray, np.ndarray]:
        mask = segment == names.index(name)
        return corners[mask], area[mask]

    def j(name: str) -> np.ndarray:
        return joints[_J[name]]

    z, y = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])
    waist = (j("spine1")[1] + j("spine2")[1]) / 2
    crotch = of("abdomen")[0][..., 1].min()
    lines = {
        "abdomen": Centreline.fit(
            *of("abdomen"), np.array([0, crotch, 0]), np.array([0, waist, 0]), z, oval=True
        ),
        "chest": Centreline.fit(*of("chest"), np.array([0, waist, 0]), j("neck") * y, z, oval=True),
        "upper_arm_l": Centreline.fit(*of("upper_arm_l"), j("left_shoulder"), j("left_elbow"), z),
        "forearm_l": Centreline.fit(*of("forearm_l"), j("left_elbow"), j("left_wrist"), z),
        "thigh_l": Centreline.fit(*of("thigh_l"), j("left_hip"), j("left_knee"), z),
        "shin_l": Centreline.fit(*of("shin_l"), j("left_knee"), j("left_ankle"), z),
    }
    over = {}  # how far each segment reaches past its two joints, in its own length
    for name, line in lines.items():
        t = line.split(of(name)[0], z)[0]
        over[name] = (max(0.0, -t.min()), max(0.0, t.max() - 1))

    def margins(name: str) -> tuple[float, float]:
        a, b = over[name]
        return 0.01 + a / (1 + a + b), 0.01 + b / (1 + a + b)

    def shared(upper: str, lower: str) -> float:
        return max(margins(upper)[1], margins(lower)[0])

    waist_m, elbow_m, knee_m = (
        shared("abdomen", "chest"),
        shared("upper_arm_l", "forearm_l"),
        shared("thigh_l", "shin_l"),
    )
    wrist_m = margins("forearm_l")[1]
    span = {
        "abdomen": (margins("abdomen")[0], 1 - waist_m),
        "chest": (1 - waist_m, margins("chest")[1]),
        "upper_arm_l": (margins("upper_arm_l")[0], 1 - elbow_m),
        "forearm_l": (1 - elbow_m, wrist_m),
        "thigh_l": (margins("thigh_l")[0], 1 - knee_m),
        "shin_l": (1 - knee_m, margins("shin_l")[1]),
    }
    rulers: dict[str, _Ruler] = {name: _Ruler(line, z, span[name]) for name, line in lines.items()}

    head, head_area = of("head")
    skull = head[(head[..., 1] > j("head")[1]).all(axis=1)]
    centre = (skull.min(axis=(0, 1)) + skull.max(axis=(0, 1))) / 2 * [0, 1, 1]
    middle = (j("neck")[1] + j("head")[1]) / 2
    low = head[(np.abs(head[..., 1] - middle) < 0.03).any(axis=1)]
    low = low[(np.linalg.norm((low - j("neck"))[..., [0, 2]], axis=-1) < 0.1).all(axis=1)]  # not the chin
    neck = (low.min(axis=(0, 1)) + low.max(axis=(0, 1))) / 2 * [0, 1, 1]
    rulers["head"] = _HeadRuler(centre, neck, head, head_area)

    hand, _ = of("hand_l")
    length = hand[..., 0].max() - j("left_wrist")[0]
    back = (j("left_wrist")[0] - hand[..., 0].min()) / length
    rulers["hand_l"] = _HandRuler(j("left_wrist"), hand, max(wrist_m, 0.01 + back / (1 + back)))

    foot, foot_area = of("foot_l")
    ahead = (j("left_foot") - j("left_ankle")) * [1, 0, 1]
    reach = (foot - j("left_ankle")) @ (ahead / np.linalg.norm(ahead))
    heel = j("left_ankle") + ahead / np.linalg.norm(ahead) * reach.min()
    toe = j("left_ankle") + ahead / np.linalg.norm(ahead) * reach.max()
    rulers["foot_l"] = _HeelRuler(Centreline.fit(foot, foot_area, heel, toe, y, oval=True), y, foot)

    for name in names:
        if name.endswith("_r"):
            rulers[name] = rulers[f"{name[:-2]}_l"]
    return rulers


class _HeelRuler(_Ruler):
    """A segment whose first end is rounded, so that v keeps growing over the end face."""

    def __init__(self, line: Centreline, front: np.ndarray, corners: np.ndarray):
        super().__init__(line, front)
        _, side, ahead = line.split(corners, front)
        self.radius = float(np.median(np.hypot(side, ahead)))
        t = self.along(corners)
        self.v_of_t = (0.02 - 0.96 * t.min() / np.ptp(t), 0.02 + 0.96 * (1 - t.min()) / np.ptp(t))

    def along(self, points: np.ndarray) -> np.ndarray:
        t, side, ahead = self.line.split(points, self.front)
        return cap(t, np.hypot(side, ahead), self.radius, self.radius)

    def halves(self, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        second, uv = super().halves(corners)
        uv[..., 1] = self.v_of_t[0] + (self.v_of_t[1] - self.v_of_t[0]) * self.along(corners)
        return second, uv


def _hand_chart(name: str, corners: np.ndarray, area: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Cylinder around a finger or the palm; the seam is on the side a camera sees least."""

    name, s = name.rsplit("_", 1)

    def j(joint: str) -> np.ndarray:
        return joints[_J[f"{'left' if s == 'l' else 'right'}_{joint}"]]

    if name == "palm":
        start, end, front = (
            j("wrist"),
            j("middle1"),
            np.array([0.0, 0.0, -1.0]),
        )  # seam between thumb and index
    else:
        start, end = j(f"{name}1"), j(f"{name}3")
        front = {
            "thumb": np.array([-1.0, 0.0, 0.0]),  # away from the index finger
            "pinky": np.array([0.0, 0.0, -1.0]),  # seam towards the ring finger
        }.get(name, np.array([0.0, 0.0, 1.0]))  # seam towards the next finger
    line = Centreline.fit(corners, area, start, end, front, oval=name == "palm")
    t, across, ahead = line.split(corners, front)
    phi = np.arctan2(across, ahead)
    middle = np.arctan2(across.mean(axis=1), ahead.mean(axis=1))[:, None]
    phi = (
        middle + (phi - middle + np.pi) % (2 * np.pi) - np.pi
    )  # a face that straddles the seam stays in one piece
    if name != "palm":
        radius = float(np.median(np.hypot(across, ahead)))
        t = -cap(-t, np.hypot(across, ahead), radius - t.max(), radius)
    return np.stack([0.5 + _ROUND * phi, 0.03 + 0.94 * (t - t.min()) / np.ptp(t)], axis=-1)
