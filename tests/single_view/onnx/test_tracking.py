"""Ids and boxes between detections, without any network."""

from __future__ import annotations

import numpy as np

from diffproxy.single_view.focal_length import FocalPrior
from diffproxy.single_view.onnx.results import Camera, Person, PosedPicture, Seen
from diffproxy.single_view.onnx.tracking import Tracker
from diffproxy.single_view.people_over_time import FOCAL_FRAMES, KEPT_FRAMES

USUAL = FocalPrior(500.0, 0.35, "usual lenses")


def person(x: float, status: str = "one_view") -> Person:
    box = (x, 0.0, x + 100, 200.0)
    nothing, joints = np.zeros(0), np.zeros((55, 3))
    following = box if status == "one_view" else None
    return Person(box, 0.9, nothing, status, {}, joints, nothing, 0.1, following)


def step(tracker: Tracker, frame: int, *people: Person, focal: float = 500.0) -> tuple[bool, list[int]]:
    """One frame; whether the detector was asked, and the ids."""
    seen = tracker.expected(frame)
    if seen is None:
        tracker.started([Seen(p.box, p.score) for p in people])
    picture = PosedPicture(people, Camera(640, 480, focal), 0.2, "usual lenses")
    return seen is None, tracker.update(frame, picture)


def test_the_detector_is_asked_once_in_a_stride_and_ids_last():
    tracker, left, right = Tracker(stride=3), person(0), person(300)
    shown = [(left, right), (left, right), (left, right), (right, left), (left, right)]
    asked, ids = zip(*(step(tracker, k, *people) for k, people in enumerate(shown)), strict=True)
    assert asked == (True, False, False, True, False)
    assert ids == ([0, 1], [0, 1], [0, 1], [1, 0], [0, 1])


def test_a_doubtful_body_asks_the_detector_again():
    tracker = Tracker(stride=10)
    assert step(tracker, 0, person(0, "doubtful")) == (True, [0])
    assert step(tracker, 1, person(0)) == (True, [0])
    assert step(tracker, 2, person(0)) == (False, [0])


def test_two_people_whose_keypoints_are_the_same_are_one():
    tracker = Tracker(stride=10)
    step(tracker, 0, person(0), person(20))
    assert tracker.expected(1) == [Seen(person(0).box, 0.9)]


def test_an_id_is_kept_for_a_while_and_not_given_again():
    tracker = Tracker()
    step(tracker, 0, person(0))
    step(tracker, 1)
    assert step(tracker, 2, person(5))[1] == [0]
    for frame in range(3, KEPT_FRAMES + 5):
        step(tracker, frame)
    assert step(tracker, KEPT_FRAMES + 5, person(5))[1] == [1]


def test_the_focal_length_of_a_video_is_the_median_of_its_first_frames():
    tracker = Tracker()
    for frame, focal in enumerate((400.0, 600.0, 500.0, 520.0, 480.0)):
        assert tracker.focal(USUAL) is USUAL
        step(tracker, frame, person(0), focal=focal)
    assert FOCAL_FRAMES == 5
    prior = tracker.focal(USUAL)
    assert round(prior.focal, 3) == 500.0
    assert (prior.source, prior.log_std, prior.fixed) == ("earlier frames", 0.2, True)
    given = FocalPrior(450.0, 0.0, "given", fixed=True)
    assert tracker.focal(given) is given
