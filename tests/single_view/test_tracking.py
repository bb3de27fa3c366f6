"""Ids, boxes between detections, and the focal length of a video."""

from __future__ import annotations

import numpy as np
import pytest

from diffproxy.body import BodyParams
from diffproxy.fitting import FitResult
from diffproxy.single_view.estimator import FittedPicture, Person, Seen
from diffproxy.single_view.fit_people import FittedPerson, Observed
from diffproxy.single_view.focal_length import FocalPrior
from diffproxy.single_view.people_over_time import FOCAL_FRAMES, KEPT_FRAMES
from diffproxy.single_view.picture_camera import picture_camera
from diffproxy.single_view.tracking import Tracker

USUAL = FocalPrior(500.0, 0.35, "usual lenses")


@pytest.fixture
def person(two_people):
    """Factory: a person 3 m away, `x` metres to the right, whose joints are a ball."""

    def make(x: float, has_body: bool = True) -> Person:
        joints = np.random.default_rng(0).normal(0, 0.2, (55, 3)) + np.array([x, 0, 3.0])
        status = "one_view" if has_body else "failed"
        result = FitResult(BodyParams.rest(1), joints, np.ones(55), status)
        pixels = picture_camera(640, 480, 500.0).project(joints)
        (x0, y0), (x1, y1) = pixels.min(0).tolist(), pixels.max(0).tolist()
        return Person((x0, y0, x1, y1), 0.9, FittedPerson(result, Observed(two_people.maps[0])))

    return make


def picture(*people: Person, focal: float = 500.0) -> FittedPicture:
    return FittedPicture(people, picture_camera(640, 480, focal), 0.3, "usual lenses")


def run(tracker: Tracker, frame: int, *people: Person) -> tuple[bool, list[int]]:
    """One frame whose people the detector finds; whether it was asked, and the ids."""
    seen = tracker.expected(frame)
    if seen is None:
        tracker.started([Seen(p.box, p.score) for p in people])
    return seen is None, tracker.update(frame, picture(*people))


def test_the_detector_is_asked_once_in_a_stride_and_ids_last(person):
    tracker = Tracker(stride=3)
    left, right = person(-0.5), person(0.5)
    shown = [(left, right), (left, right), (left, right), (right, left), (left, right)]
    asked, ids = zip(*(run(tracker, k, *people) for k, people in enumerate(shown)), strict=True)
    assert asked == (True, False, False, True, False)
    assert ids == ([0, 1], [0, 1], [0, 1], [1, 0], [1, 0])


def test_a_lost_body_asks_the_detector_again(person):
    tracker = Tracker(stride=10)
    assert run(tracker, 0, person(0.0, has_body=False)) == (True, [0])
    assert run(tracker, 1, person(0.0)) == (True, [0])
    assert run(tracker, 2, person(0.0)) == (False, [0])


def test_an_id_is_kept_for_a_while_and_not_given_again(person):
    tracker = Tracker()
    run(tracker, 0, person(0.0))
    run(tracker, 1)
    assert run(tracker, 2, person(0.1))[1] == [0]
    for frame in range(3, KEPT_FRAMES + 5):
        run(tracker, frame)
    assert run(tracker, KEPT_FRAMES + 5, person(0.1))[1] == [1]


def test_boxes_between_detections_are_those_of_the_bodies(person):
    tracker, someone = Tracker(stride=2), person(0.3)
    run(tracker, 0, someone)
    (seen,) = tracker.expected(1)
    inner, outer = someone.box, seen.box
    assert outer[0] < inner[0] and outer[1] < inner[1] and outer[2] > inner[2] and outer[3] > inner[3]
    assert seen.start is someone.fit.result.params


def test_the_focal_length_of_a_video_is_the_median_of_its_first_frames(person):
    tracker = Tracker()
    for frame, focal in enumerate((400.0, 600.0, 500.0, 520.0, 480.0)):
        assert tracker.focal(USUAL) is USUAL
        tracker.started([Seen(person(0.0).box, 0.9)])
        tracker.update(frame, picture(person(0.0), focal=focal))
    assert FOCAL_FRAMES == 5
    prior = tracker.focal(USUAL)
    assert prior.focal == pytest.approx(500.0)
    assert prior.fixed and prior.log_std == 0.3
    given = FocalPrior(450.0, 0.0, "given", fixed=True)
    assert tracker.focal(given) is given
