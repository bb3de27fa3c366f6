"""Whom the network of whole pictures adds to the detector's people, and where their keypoints are."""

import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.detector.person_detector import Candidate
from diffproxy.keypoints.landmarks import encoder_points
from diffproxy.single_view.coarse_body import CoarseBody
from diffproxy.single_view.focal_length import usual_focal
from diffproxy.single_view.whole_picture.people_finder import BEYOND, CONFIDENCE, PeopleFinder, is_same
from diffproxy.single_view.whole_picture.reader import ReadPerson

WIDTH, HEIGHT = 320, 240
IMAGE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
ZOOM = 1.25  # of the true focal length over the usual one


def pixels(body, params):
    """Keypoints in the image, by hand."""
    points = encoder_points(body, params)
    focal = ZOOM * usual_focal(WIDTH, HEIGHT)
    return focal * points[:, :2] / points[:, 2:] + (WIDTH / 2, HEIGHT / 2)


def standing(x):
    """A body 4 m in front of the camera, upright in the image, `x` metres to the right."""
    return BodyParams.rest(1).replace(
        global_orient=torch.tensor([[np.pi, 0.0, 0.0]]), transl=torch.tensor([[x, -0.3, 4.0]])
    )


def read(body, x, score):
    where = pixels(body, params := standing(x))
    shown = where[(where >= 0).all(1) & (where < (WIDTH, HEIGHT)).all(1)]
    joints = body.joints(params)[0].numpy()
    coarse = CoarseBody(params, joints, np.ones(55), float(np.log(ZOOM)), 0.1, 0.1, 0.9, 17)
    return ReadPerson((*shown.min(0).tolist(), *shown.max(0).tolist()), score, coarse, np.zeros((17, 4)))


class Fixed:
    """Stands in for either network."""

    def __init__(self, found):
        self.found = found

    def locate(self, images):
        return [self.found for _ in images]

    def read(self, image, prior):
        assert prior.focal == pytest.approx(usual_focal(WIDTH, HEIGHT))
        return self.found


def detected(body, x, shift=0.0):
    keypoints = np.concatenate([pixels(body, standing(x)) + shift, np.full((17, 1), 0.8)], 1)
    low, high = keypoints[:, :2].min(0), keypoints[:, :2].max(0)
    return Candidate((*low.tolist(), *high.tolist()), 0.7, keypoints.astype(np.float32))


def test_only_people_whom_the_detector_does_not_have_are_added(body):
    known = detected(body, 0.0, shift=3.0)
    hidden, twice = read(body, 0.5, 0.6), read(body, 0.52, 0.5)
    doubtful = read(body, -1.0, 0.1)
    finder = PeopleFinder(Fixed([known]), Fixed([twice, read(body, 0.0, 0.9), doubtful, hidden]), body)
    people, again = finder.locate([IMAGE, IMAGE])
    assert len(people) == len(again) == 2 and people[0] is known
    assert people[1].box == hidden.box and people[1].score == 0.6
    np.testing.assert_allclose(people[1].keypoints[:, :2], pixels(body, standing(0.5)), atol=1e-3)
    assert (people[1].keypoints[:, 2] == np.float32(CONFIDENCE)).all()


def test_keypoints_outside_of_the_picture_are_not_used(body):
    (people,) = PeopleFinder(Fixed([]), Fixed([read(body, 1.6, 0.9)]), body).locate([IMAGE])
    inside = pixels(body, standing(1.6))[:, 0] < WIDTH
    assert 0 < inside.sum() < 17
    expected = np.where(inside, np.float32(CONFIDENCE), np.float32(BEYOND))
    np.testing.assert_array_equal(people[0].keypoints[:, 2], expected)


def test_overlapping_people_are_told_apart_by_keypoints_and_by_boxes_without_them(body):
    (added,) = PeopleFinder(Fixed([]), Fixed([read(body, 0.5, 0.9)]), body).locate([IMAGE])[0]
    other = detected(body, 0.0)
    wide = Candidate(added.box, 0.7, other.keypoints)
    assert not is_same(added, wide), "one box, two people"
    unseen = np.where([True, True, False], other.keypoints, np.float32(0.1))
    assert is_same(added, Candidate(added.box, 0.7, unseen))
    assert not is_same(added, Candidate(other.box, 0.7, unseen))


def test_the_packaged_networks_open(body):
    finder = PeopleFinder.packaged(body)
    assert finder.locate([IMAGE]) == [[]]
