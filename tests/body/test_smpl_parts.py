"""SMPL's parts on bodies of 24, 52 and 55 joints."""

import numpy as np
import pytest

from diffproxy.body.smpl_parts import PARTS_OF_JOINTS, face_parts
from diffproxy.utils.errors import InputError


@pytest.mark.parametrize("joints", [24, 52, 55])
def test_each_triangle_belongs_to_what_moves_it_most(joints):
    faces = np.array([[j, j, (j + 1) % joints] for j in range(joints)])
    parts = face_parts(faces, np.eye(joints))
    assert parts.tolist() == list(PARTS_OF_JOINTS[joints]) and set(parts) == set(range(24))


def test_fingers_are_hands_and_the_face_is_the_head():
    assert [PARTS_OF_JOINTS[55][j] for j in (20, 22, 24, 25, 39, 40, 54)] == [20, 15, 15, 22, 22, 23, 23]
    assert [PARTS_OF_JOINTS[52][j] for j in (21, 22, 37, 51)] == [21, 22, 23, 23]
    # Ten fingers that each move a little move more than the forearm that moves most.
    weights = np.zeros((1, 55))
    weights[0, 18], weights[0, 25:35] = 0.4, 0.06
    assert face_parts(np.zeros((1, 3), int), weights).tolist() == [22]


def test_other_numbers_of_joints_are_refused():
    with pytest.raises(InputError, match="24, 52 or 55"):
        face_parts(np.zeros((1, 3), int), np.ones((1, 7)))
