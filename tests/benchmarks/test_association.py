"""The benchmark of the association: its quick run, and what its takes are."""

import json

import numpy as np
import pytest

from diffproxy.evaluation.synthetic_people import make_take
from diffproxy.evaluation.synthetic_take_config import TakeConfig


@pytest.fixture
def script(load_benchmark):
    return load_benchmark("association")


def test_quick_run(script) -> None:
    result = json.loads(json.dumps(script.main(["quick=1"])))
    row = result["rows"]["3 cameras"]
    assert row["frames"] == 40 and row["people"] == [2, 2]
    assert row["switches"] == 0 and row["idf1"] > 0.97 and row["ghosts"] == 0.0
    assert row["mpjpe_mm"] < 30 and row["pcp"] > 0.9


def test_takes_are_exact_without_noise(body) -> None:
    config = TakeConfig(people=2, cameras=3, frames=6, noise=0.0, dropped=0.0, false_people=0.0, flipped=0.0)
    take = make_take(body, config)
    again = make_take(body, config)
    np.testing.assert_array_equal(take.joints, again.joints)
    assert take.joints.shape == (6, 2, 17, 3) and take.visible.shape == (6, 2, 3)
    for f in range(6):
        for v, camera in enumerate(take.cameras):
            assert len(take.detections[f][v]) == take.visible[f, :, v].sum()
            for found in take.detections[f][v]:
                sure = found.keypoints[:, 2] > 0.3
                error = np.linalg.norm(camera.project(take.joints[f]) - found.keypoints[:, :2], axis=-1)
                assert np.median(error[:, sure].min(0)) < 0.01
