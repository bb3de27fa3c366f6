"""One picture to the people in it: detect, keypoints of each crop, bodies with one focal length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from diffproxy.geometry.boxes import Box, as_box, best_of_overlapping, expand_to_square
from diffproxy.geometry.resampling import crop_image, letterbox
from diffproxy.single_view.keypoint_placement import points_on_bones, shift_onto_keypoints
from diffproxy.single_view.onnx.models import Models
from diffproxy.single_view.onnx.rotations import rotation_vectors
from diffproxy.utils.timing import Stopwatch

LEAST_SIDE = 8.0
"""Pixels of the longer side of a box; what is smaller shows nobody."""
LEAST_KEYPOINTS = 4
"""Confident keypoints of a body; fewer are no person."""
LEAST_CONFIDENCE = 0.5
"""Of a body that is not doubtful."""
FOLLOWED_KEYPOINTS = 8
"""Confident keypoints with which a person is followed without the detector, however sure the body is."""
KEYPOINT_MARGIN = 1.15
"""Of the next frame's box around the keypoints: limbs move, and skin reaches beyond them."""
PLACES = ("near", "frame", "offset")
"""Arrays of the manifest that say where keypoints lie on the bones (`points_on_bones`)."""
TEXT = {
    "one_view": "the depth rests on an average body size",
    "doubtful": "the keypoints fit no body well",
    "no_person": "fewer than 4 confident keypoints",
}


@dataclass(frozen=True)
class Seen:
    """Somebody in a picture: box in pixels, and the score of the detector (or of the previous frame)."""

    box: Box
    score: float


@dataclass(frozen=True)
class Camera:
    """A pinhole camera whose principal point is the middle of the picture.

    `log_std` is the standard deviation of the logarithm of `focal` (pixels); 0: it is known. `source`: `given`, `usual
    lenses` or `earlier frames`.
    """

    width: int
    height: int
    focal: float
    log_std: float
    source: str

    @property
    def K(self) -> np.ndarray:
        return np.array(
            [[self.focal, 0.0, self.width / 2], [0.0, self.focal, self.height / 2], [0.0, 0.0, 1.0]]
        )


@dataclass(frozen=True)
class Person:
    """A person of a picture, in metres and the camera's axes (x right, y down, z forward).

    `keypoints`: x, y, confidence, deviation (pixels) of 17 COCO keypoints. `params`: one array per field of SMPL-X.
    `next_box`: where the person is expected in the next frame; None where that is not certain. Without a body
    (`no_person`) params and joints are NaN.
    """

    box: Box
    score: float
    keypoints: np.ndarray
    status: str
    params: dict[str, np.ndarray]
    joints: np.ndarray
    joint_std: np.ndarray
    depth_std: float
    next_box: Box | None

    @property
    def has_body(self) -> bool:
        return self.status != "no_person"

    @property
    def reason(self) -> str:
        return TEXT[self.status]


@dataclass(frozen=True)
class Picture:
    """All people of a picture, the camera with the estimated focal length, and the seconds of each stage."""

    people: tuple[Person, ...]
    camera: Camera
    seconds: dict[str, float] = field(default_factory=dict)


class Estimator:
    """Everything that stays the same from picture to picture.

    Args:
        models: The exported graphs.
        detector_side: Longer side of the detector's input, pixels.
        crop_side: Side of the crops of people, pixels, a multiple of 32.
        flip: Average the keypoints with those of the mirrored crop, for twice the work.
        min_score: Detections below it are left out.
    """

    def __init__(
        self,
        models: Models,
        detector_side: int = 320,
        crop_side: int = 256,
        flip: bool = True,
        min_score: float = 0.2,
    ):
        self.models, self.detector_side, self.crop_side = models, detector_side, crop_side
        self.flip, self.min_score = flip, min_score

    def usual_camera(self, width: int, height: int, focal: float = 0.0) -> Camera:
        """The camera of a picture before anybody in it is looked at; `focal` 0: a usual lens."""
        if focal > 0:
            return Camera(width, height, focal, 0.0, "given")
        usual = self.models.manifest["usual_focal"]
        middle = float(usual["of_diagonal"]) * float(np.hypot(width, height))
        return Camera(width, height, middle, float(usual["log_std"]), "usual lenses")

    def detect(self, image: np.ndarray) -> list[Seen]:
        """People in an RGB picture, best first."""
        boxed, scale = letterbox(image, self.detector_side)
        found = self.models.run("detector", image=boxed[None])
        size = np.array(boxed.shape[1::-1] * 2, np.float32) / scale
        boxes = np.minimum(found["boxes"][0] * size, np.tile(image.shape[1::-1], 2))
        scores = found["scores"][0]
        kept = best_of_overlapping(boxes, scores, self.min_score)
        return [
            Seen(as_box(boxes[i]), float(scores[i]))
            for i in kept
            if max(boxes[i, 2:] - boxes[i, :2]) >= LEAST_SIDE
        ]

    def keypoints(self, image: np.ndarray, boxes: Sequence[Box]) -> np.ndarray:
        """(N, 17, 4): x, y in pixels of the picture, confidence, deviation in pixels."""
        squares = [expand_to_square(box, self.models.manifest["crop"]["margin"]) for box in boxes]
        crops = np.stack([crop_image(image, square, self.crop_side) for square in squares])
        stated = self.models.manifest["keypoints"]
        found = self.models.run("keypoints", crops=crops)["keypoints"]
        differ = np.zeros(found.shape[:2], np.float32)
        if self.flip:
            mirrored = np.ascontiguousarray(crops[:, :, ::-1])
            other = self.models.run("keypoints", crops=mirrored)["keypoints"]
            other = (other * (-1, 1, 1) + (1, 0, 0))[:, stated["flip_order"]]
            differ = np.linalg.norm((found - other)[..., :2], axis=-1) / 2
            found = (found + other) / 2
        std = np.hypot(np.interp(found[..., 2], stated["confidence"], stated["deviation"]), differ)
        side = np.array([x1 - x0 for x0, _, x1, _ in squares])[:, None, None]
        corner = np.array([square[:2] for square in squares])[:, None]
        places = corner + side * found[..., :2]
        inside = ((places >= 0) & (places < image.shape[1::-1])).all(-1, keepdims=True)
        confidence = np.where(inside, found[..., 2:], 0)  # what is guessed beyond the picture is no evidence
        return np.concatenate([places, confidence, side * std[..., None]], -1).astype(np.float32)

    def dense(self, image: np.ndarray, box: Box, camera: Camera) -> dict[str, np.ndarray]:
        """Dense proxies of a person: `probability` (L, P, P) of each label, `uv` (2, P, P), `uv_std` (P, P) metres.

        They show the square `expand_to_square(box, margin)`, as the manifest states the margin.
        """
        settings = self.models.manifest["crop"]
        square = expand_to_square(box, settings["margin"])
        crops = crop_image(image, square, settings["size"])[None]
        x0, y0, x1, _ = square
        middle = (camera.width / 2 - x0, camera.height / 2 - y0)
        place = np.array([[camera.focal, *middle]], np.float32) / np.float32(x1 - x0)
        found = self.models.run("dense", crops=crops, camera=place)
        return {name: value[0] for name, value in found.items()}

    def run(
        self,
        image: np.ndarray,
        camera: Camera,
        seen: Sequence[Seen] | None = None,
        clock: Stopwatch | None = None,
    ) -> Picture:
        """All people of a picture.

        Args:
            image: (H, W, 3) uint8 RGB.
            camera: What is known of it.
            seen: Where the people are; None: the detector is asked.
            clock: Adds up the seconds of each stage.
        """
        clock = clock or Stopwatch()
        if seen is None:
            with clock("detect"):
                seen = self.detect(image)
        if not seen:
            return Picture((), camera, clock.seconds)
        with clock("keypoints"):
            keypoints = self.keypoints(image, [s.box for s in seen])
        with clock("body"):
            people, camera = self._bodies(list(seen), keypoints, camera)
        return Picture(people, camera, clock.seconds)

    def _bodies(
        self, seen: list[Seen], keypoints: np.ndarray, camera: Camera
    ) -> tuple[tuple[Person, ...], Camera]:
        confident = keypoints[..., 2] >= self.models.manifest["keypoints"]["least_confidence"]
        shown = confident.sum(1) >= LEAST_KEYPOINTS
        if camera.log_std > 0 and camera.source == "usual lenses" and shown.any():
            camera = self._shared_focal(keypoints[shown], camera)
        known = np.array([camera.width, camera.height, camera.focal, 0.0], np.float32)
        found = self.models.run("regressor", keypoints=keypoints, camera=np.tile(known, (len(seen), 1)))
        params = self._params(found)
        joints = self.models.pose("joints", params)
        # the regressor places the pelvis, SMPL-X the origin of the body: the rest of the body moves with it
        params["transl"] = found["pelvis"] - joints[:, 0]
        shift = self._shifts(joints + params["transl"][:, None], found, keypoints, camera)
        params["transl"] += shift
        joints = joints + params["transl"][:, None]
        depth_std = found["pelvis"][:, 2] * np.hypot(found["log_depth_std"], camera.log_std)
        parents = self.models.manifest["joints"]["parents"]
        own = found["joint_std"]
        nearest = [_stated(j, parents, own.shape[1]) for j in range(len(parents))]
        deviations = np.hypot(own[:, nearest], depth_std[:, None])
        people = []
        for i, s in enumerate(seen):
            sure = found["confidence"][i] >= LEAST_CONFIDENCE
            status = ("one_view" if sure else "doubtful") if shown[i] else "no_person"
            nothing = np.nan if status == "no_person" else 1.0
            row = {name: value[i] * np.float32(nothing) for name, value in params.items()}
            places = joints[i] * nothing, deviations[i] * nothing
            followed = confident[i].sum() >= FOLLOWED_KEYPOINTS
            following = _around(keypoints[i, confident[i], :2]) if followed else None
            person = Person(
                s.box, s.score, keypoints[i], status, row, *places, float(depth_std[i] * nothing), following
            )
            people.append(person)
        return tuple(people), camera

    def _shifts(
        self, joints: np.ndarray, found: dict[str, np.ndarray], keypoints: np.ndarray, camera: Camera
    ) -> np.ndarray:
        """(N, 3): the motion of each body onto its keypoints, metres."""
        stated, parents = self.models.manifest["keypoints"], self.models.manifest["joints"]["parents"]
        near, frame, offset = (np.array(stated["places"][name]) for name in PLACES)
        rotations = np.concatenate([found["R_cam_body"][:, None], found["R_parent_joint"]], axis=1)
        depth_std = found["pelvis"][:, 2] * found["log_depth_std"]
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

    def _shared_focal(self, keypoints: np.ndarray, camera: Camera) -> Camera:
        """One focal length of all people: the product of their estimates, in each of which the prior counts once."""
        prior = np.array([camera.width, camera.height, camera.focal, camera.log_std], np.float32)
        found = self.models.run(
            "regressor",
            keypoints=keypoints,
            camera=np.tile(prior, (len(keypoints), 1)),
        )
        before = 1 / camera.log_std**2
        # an estimate is the mean of the prior and of what the person alone says, which is to be multiplied
        stated = 1 / found["focal_log_std"].astype(np.float64) ** 2
        informed = stated > before
        total = before + (stated - before)[informed].sum()
        shift = float((np.log(found["focal"] / camera.focal) * stated)[informed].sum() / total)
        return Camera(
            camera.width,
            camera.height,
            camera.focal * float(np.exp(shift)),
            float(total**-0.5),
            camera.source,
        )

    def _params(self, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """SMPL-X parameters of the regressed rotations; hands, face and place are those of the rest body."""
        rows = len(found["betas"])
        sizes = self.models.manifest["params"]
        params = {name: np.zeros((rows, n), np.float32) for name, n in sizes.items()}
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
