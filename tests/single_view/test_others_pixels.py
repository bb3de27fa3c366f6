"""Pixels in a person's crop that show somebody else of the picture."""

from dataclasses import replace

import numpy as np
import torch

from diffproxy.fitting import FitResult
from diffproxy.geometry.so3 import rotvec_to_rotmat
from diffproxy.proxies import ProxyMaps, render_proxies
from diffproxy.single_view.fit_people import FittedPerson, Observed
from diffproxy.single_view.keypoint_body import KeypointBody
from diffproxy.single_view.others_pixels import without_each_other, without_each_others_bodies

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


def test_pixels_that_another_body_explains_are_left_out_after_the_fit(body, two_people):
    camera = two_people.camera.crop((0.0, -80.0, 640.0, 560.0), (SIDE, SIDE))
    with torch.no_grad():
        skins = [body(p).vertices[0].numpy() for p in two_people.params]
    one, two = (render_proxies(body, skin, [camera]) for skin in skins)
    theirs = (two.labels > 0) & (one.labels == 0)
    mixed = replace(
        one, labels=np.where(theirs, two.labels, one.labels), uv=np.where(theirs[..., None], two.uv, one.uv)
    )
    seen = [Observed(replace(m, weight=np.ones_like(m.weight))) for m in (mixed, two)]
    fitted = [
        FittedPerson(
            FitResult(p, body.joints(p)[0].numpy(), np.zeros(55, np.float32), "one_view", ""), person
        )
        for p, person in zip(two_people.params, seen, strict=True)
    ]
    first, second = without_each_others_bodies(seen, fitted, body)
    assert second is seen[1]
    assert (first.maps.labels[theirs] == 0).mean() > 0.95
    np.testing.assert_array_equal(first.maps.labels[~theirs], one.labels[~theirs])
