"""Between frames of two views, one view tells the direction of a person, and both ends tell the distance."""

import numpy as np

from diffproxy.association.track import Sighting
from diffproxy.association.unsure_frames import interpolate_unsure


def test_a_wrong_distance_is_corrected_along_the_line_of_sight(cameras, make_person):
    places = [make_person(0.1 * f, 0.2) for f in range(5)]
    nothing = np.full((17, 3), np.nan)
    both, one, none = ([0, 0, -1, -1], [0, -1, -1, -1], [-1] * 4)
    center = cameras[0].center_world
    joints = [places[0], center + 1.3 * (places[1] - center), places[2] + 0.4, places[3], places[4]]
    rows = {
        f: Sighting(f, np.array(picks), places[f] if picks is both else nothing, joints[f])
        for f, picks in enumerate((both, one, none, both, one))
    }
    out = interpolate_unsure(rows, cameras)
    for f in (1, 2):
        np.testing.assert_allclose(out[f].joints, places[f], atol=0.02)
    for f in (0, 3, 4):  # agreed, or without an end
        assert out[f] is rows[f]
    np.testing.assert_allclose(cameras[0].project(out[1].joints), cameras[0].project(joints[1]), atol=1e-6)
