import numpy as np

from diffproxy.detector.model import INPUT_SIZE
from diffproxy.training.detector_data import GRID, make_targets, separate_bystanders


def test_targets_describe_the_box():
    people = np.zeros((INPUT_SIZE, INPUT_SIZE), np.uint8)
    people[40:120, 64:104] = 1
    t = make_targets(people)
    i, j = np.argwhere(t.heat == 1)[0]
    center = np.array([j + 0.5, i + 0.5]) * 8 / INPUT_SIZE + t.offset[:, i, j]
    np.testing.assert_allclose(center * INPUT_SIZE, [84, 80], atol=1e-4)
    np.testing.assert_allclose(t.size[:, i, j] * INPUT_SIZE, [40, 80], atol=1e-4)
    assert t.mask.shape == (GRID, GRID) and t.mask.sum() == 40 * 80 / 64
    assert t.valid[i, j] == 1


def test_nobody_gives_empty_targets():
    t = make_targets(np.zeros((INPUT_SIZE, INPUT_SIZE), np.uint8))
    assert t.heat.sum() == t.mask.sum() == t.valid.sum() == 0


def test_bystanders_get_values_of_their_own():
    people = np.zeros((16, 16), np.uint8)
    people[2:5, 2:5], people[2:5, 8:12], people[10:14, 10:14] = 1, 2, 2
    separated = separate_bystanders(people)
    assert set(np.unique(separated)) == {0, 1, 2, 3}
    assert (separated == 1).sum() == 9
