"""People are chosen by number, id, time and a box around one of them."""

import numpy as np
import pytest

from diffproxy.association import Association, Person
from diffproxy.association.track import Sighting
from diffproxy.detector.person_detector import Candidate
from diffproxy.pipeline.config import FitOptions
from diffproxy.pipeline.people_selection import check_choice, chosen_people, parse_box
from diffproxy.utils.errors import InputError

CAMERAS = ["cam01", "cam02"]


def detection(x):
    return Candidate((x, 0.0, x + 100.0, 300.0), 0.9, np.zeros((17, 3), np.float32))


@pytest.fixture
def take():
    """Person 0 in frames 0 to 9, left; person 1 in 6 to 9, right in cam01 and hidden in cam02."""
    joints = np.zeros((17, 3))
    spans = {0: (range(10), [0, 0]), 1: (range(6, 10), [1, -1])}
    people = tuple(
        Person(k, {f: Sighting(f, np.array(picks), joints, joints) for f in frames}, np.full(7, np.nan))
        for k, (frames, picks) in spans.items()
    )
    detections = {f: [[detection(0.0)] + [detection(200.0)] * (f >= 6), [detection(50.0)]] for f in range(10)}
    return Association(people), detections


def chosen(take, **options):
    return [p.id for p in chosen_people(take[0], FitOptions(**{"people": "all"} | options), take[1], CAMERAS)]


def test_by_number_id_time_and_box(take):
    assert chosen(take) == [0, 1] and chosen(take, people="1") == [0]
    assert chosen(take, people_keep="1") == [1]
    assert chosen(take, people_during="0:9") == [0] and chosen(take, people_during="4:10") == [0, 1]
    assert chosen(take, people_box="cam01:190,10,310,290@7") == [1]
    assert chosen(take, people_box="cam02:50,0,150,300@7") == [0]
    assert chosen(take, people="1", people_box="cam01:190,10,310,290@7") == [1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"people_box": "cam01:190,10,310,290@3"}, "overlap of 0.00"),  # not there yet
        ({"people_box": "cam02:400,0,500,300@7"}, "overlap of 0.00"),
        ({"people_box": "cam09:0,0,100,300@7"}, "cam01, cam02"),
        ({"people_box": "cam01:0,0,100,300@70"}, "frame 70"),
        ({"people_box": "cam01:0,0,100,300@7", "people_keep": "1"}, "people_keep among 0"),
        ({"people_during": "3:x"}, "frames"),
        ({"people_keep": "x"}, "people_keep"),
        ({"people_keep": " , "}, "people_keep"),  # else nobody would be fitted, without a word
    ],
)
def test_what_means_nobody_is_refused(take, options, message):
    with pytest.raises(InputError, match=message):
        chosen(take, **options)


@pytest.mark.parametrize(
    "text", ["cam01", "cam01:1,2,3@4", "cam01:5,0,1,9@4", "cam01:a,b,c,d@4", "1,2,3,4@4"]
)
def test_a_box_that_cannot_be_read(text):
    with pytest.raises(InputError, match="people_box=VIEW"):
        parse_box(text)


def test_names_with_colons_are_views_too():
    assert parse_box("lab:cam 1:0,1.5,20,30@12") == ("lab:cam 1", (0.0, 1.5, 20.0, 30.0), 12)


@pytest.mark.parametrize("options", [{"people_during": "1:2"}, {"people_box": "cam01:0,0,1,1@0"}])
def test_one_person_is_not_chosen_among_several(options):
    with pytest.raises(InputError, match="people=all beside people_"):
        FitOptions(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"people_keep": "x"}, "people_keep as ids"),
        ({"people_keep": "-1"}, "people_keep as ids"),
        ({"people_keep": "1" * 5000}, "people_keep as ids"),
        ({"people_during": "3:x"}, "frames"),
        ({"people_during": "40"}, "frame 40"),
        ({"people_box": "cam01"}, "people_box=VIEW"),
        ({"people_box": "cam09:0,0,100,300@7"}, "cam01, cam02"),
        ({"people_box": "cam01:0,0,100,300@70"}, "frame 70"),
    ],
)
def test_what_no_detection_can_help_is_told_before_it(options, message):
    check_choice(FitOptions(people="all", people_keep="0,2", people_during="3:5"), range(10), CAMERAS)
    with pytest.raises(InputError, match=message):
        check_choice(FitOptions(**{"people": "all"} | options), range(10), CAMERAS)
