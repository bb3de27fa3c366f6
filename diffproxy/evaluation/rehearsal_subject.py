"""A take as the pictures and bodies of a published data set show it, without its files, axes, units and numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import UInt8

from diffproxy.body import BodyModel, BodyParams
from diffproxy.body.names import BODY_JOINTS
from diffproxy.cameras import Camera
from diffproxy.evaluation.datasets.moment import projected_box
from diffproxy.evaluation.datasets.subject import EvalSubject
from diffproxy.evaluation.rehearsal_layouts import LENS, through_lens
from diffproxy.evaluation.rehearsal_take import Take, encode_image, on_canvas, opencv_K
from diffproxy.evaluation.true_body import TrueBody
from diffproxy.pipeline.results import FrameResult

HANDS = ("left_hand_pose", "right_hand_pose")
FACE = ("jaw_pose", "leye_pose", "reye_pose", "expression")


@dataclass(frozen=True)
class Layout:
    """A data set as far as the errors depend on it.

    Attributes:
        size: Width and height of its pictures, pixels.
        suffix: Of its picture files.
        lacks: Parameters that its bodies do not have; they are 0.
        one_template: All bodies have the first subject's shape.
        lens: Coefficients through which its pictures are seen, in OpenCV's order.
    """

    size: tuple[int, int]
    suffix: str = ".png"
    lacks: tuple[str, ...] = ()
    one_template: bool = False
    lens: tuple[float, ...] = ()


LAYOUTS = {
    "mpi_inf_3dhp": Layout((2048, 2048), ".jpg", (*HANDS, *FACE)),
    "rich": Layout((4112, 3008)),
    "behave": Layout((2048, 1536), ".jpg", FACE, lens=LENS),
    "moyo": Layout((2056, 1504), ".jpg", ("expression",), one_template=True),
    "dress4d": Layout((940, 1280)),
}


def from_shards(take: Take, key: str, layout: Layout, betas: np.ndarray, body: BodyModel) -> EvalSubject:
    """A take as the pictures and bodies of a data set show it; `body` in double precision, `betas` (10,)."""
    rest = BodyParams.rest(1, dtype=torch.float64)
    pose = BodyParams.split_full_pose(torch.from_numpy(take.full_pose)[None])
    more = {"expression": take.expression, "transl": take.transl, "betas": betas}
    params = rest.replace(**pose, **{k: torch.from_numpy(v)[None] for k, v in more.items()})
    params = params.replace(**{k: getattr(rest, k) for k in layout.lacks})
    with torch.no_grad():
        vertices, joints = body(params).vertices[0].numpy(), body.joints(params)[0].numpy()
    truth = TrueBody(vertices, {"smplx22": joints[BODY_JOINTS]})
    shown = [stored(i, c, layout) for i, c in zip(take.images, take.cameras, strict=True)]
    images, cameras = [image for image, _ in shown], [camera for _, camera in shown]
    boxes = [projected_box(truth, c, key) for c in cameras]
    return EvalSubject(key, images, cameras, FrameResult(0, "ok"), "", boxes, true_body=truth)


def stored(
    image: UInt8[np.ndarray, "H W 3"], camera: Camera, layout: Layout
) -> tuple[UInt8[np.ndarray, "h w 3"], Camera]:
    """The picture as the layout's files show it, encoded and decoded, and its pinhole camera."""
    if layout.lens:
        picture, calibrated = through_lens(image, camera, layout.lens, layout.size)
        height, width = picture.shape[:2]
        seen = replace(calibrated.resize(width, height), distortion=np.array(layout.lens))
        return without_lens(decoded(picture, (width, height), layout.suffix), seen)
    placed = Camera(camera.name, *layout.size, camera.K, camera.R_cam_world, camera.t_cam_world)
    if layout.suffix == ".png":  # lossless
        return on_canvas(image, layout.size), placed
    return decoded(image, layout.size, layout.suffix), placed


def decoded(
    image: UInt8[np.ndarray, "H W 3"], size: tuple[int, int], suffix: str
) -> UInt8[np.ndarray, "h w 3"]:
    """What a reader of its file gets."""
    picture = cv2.imdecode(np.frombuffer(encode_image(image, size, suffix), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None  # it was encoded a line above
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def without_lens(
    picture: UInt8[np.ndarray, "H W 3"], camera: Camera
) -> tuple[UInt8[np.ndarray, "H W 3"], Camera]:
    """The picture of the pinhole camera in place of one with a lens, by OpenCV's own undistortion."""
    target = camera.undistorted()
    size = (camera.width, camera.height)
    maps = cv2.initUndistortRectifyMap(
        opencv_K(camera), camera.distortion, np.eye(3), opencv_K(target), size, cv2.CV_32FC1
    )
    return cv2.remap(picture, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), target
