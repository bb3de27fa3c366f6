"""Pixels in a person's crop that show somebody else of the picture."""

import numpy as np
import torch

from diffproxy.geometry.so3 import rotvec_to_rotmat
from diffproxy.proxies import ProxyMaps
from diffproxy.single_view.fit_people import Observed
from diffproxy.single_view.keypoint_body import KeypointBody
from diffproxy.single_view.others_pixels import without_each_other

SIDE = 64


def in_wide_crop(picture, body, person: int) -> Observed:
    """A crop of the whole picture whose every pixel is labelled, with the person's exact keypoints."""
    params, camera = picture.params[person], picture.camera
    with torch.no_grad():
        turns = rotvec_to_rotmat(params.full_pose[:, :66].reshape(-1, 22, 3))
        points = KeypointBody(body)(turns, params.betas)[1][0] + body.joints(params)[0, 0]
    box = (0.0, -80.0, 640.0, 560.0)
    crop = camera.crop(box, (SIDE, SIDE))
    keypoints = np.column_stack([crop.project(points.double().numpy()), np.tile([0.9, 1.0], (17, 1))])
    maps = ProxyMaps(
        np.ones((1, SIDE, SIDE), np.uint8), np.zeros((1, SIDE, SIDE, 2), np.float32),
        np.ones((1, SIDE, SIDE), np.float32), ("body",), (crop,),
    )  # fmt: skip
    return Observed(maps, detected=keypoints[None].astype(np.float32), boxes=(box,))


def pixel(seen: Observed, keypoint: int) -> tuple[int, int]:
    x, y = seen.detected[0, keypoint, :2].astype(int)
    return int(y), int(x)


def test_pixels_go_to_the_person_whose_skeleton_is_near(body, two_people):
    seen = [in_wide_crop(two_people, body, i) for i in (0, 1)]
    for own, other, left in zip(seen, reversed(seen), without_each_other(seen), strict=True):
        for knee in (13, 14):
            assert left.maps.labels[0][pixel(own, knee)] == 1
            at = pixel(other, knee)
            assert left.maps.labels[0][at] == 0 and left.maps.weight[0][at] == 0
            assert not left.maps.valid[0][at]
        np.testing.assert_array_equal(left.detected, own.detected)


def test_somebody_alone_or_without_keypoints_keeps_all_pixels(body, two_people):
    one, two = (in_wide_crop(two_people, body, i) for i in (0, 1))
    assert without_each_other([one])[0] is one
    unknown = Observed(two.maps, boxes=two.boxes)
    assert without_each_other([unknown, one]) == [unknown, one]
