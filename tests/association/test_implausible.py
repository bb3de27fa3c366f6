"""Mirror images and pictures of people are nobody."""

import numpy as np

from diffproxy.association import associate
from diffproxy.encoders.movenet_keypoints import FLIP_ORDER


def test_a_mirror_image_is_left_out(cameras, make_person, observe):
    """The mirror is the plane z = 8, behind the room; all cameras look at it from one side."""
    flip = np.array([1.0, 1.0, -1.0])
    real = [make_person(0.03 * f, 0.02 * f, turn=0.1 * f) for f in range(40)]
    image = [(joints * flip + [0, 0, 16])[list(FLIP_ORDER)] for joints in real]
    result = associate(observe([[a, b] for a, b in zip(real, image, strict=True)], cameras), cameras)
    assert len(result.people) == 1 and "mirror image" in result.notes[0]
    np.testing.assert_allclose(result.people[0].sightings[30].points, real[30], atol=0.02)


def test_a_poster_is_left_out_and_a_still_person_is_not(cameras, make_person, observe):
    flat = make_person(1.5, 0) * [1, 1, 0]
    still = make_person(-1, 0)
    sway = np.outer(np.sin(np.arange(80) / 9), [0.0, 0.0, 0.02])
    take = [[still + shift, flat] for shift in sway]
    result = associate(observe(take, cameras, noise=2.0), cameras)
    assert len(result.people) == 1 and "picture" in result.notes[0]
    assert np.median(result.people[0].sightings[40].joints[:, 0]) < 0
