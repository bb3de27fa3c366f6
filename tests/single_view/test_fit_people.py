"""The focal length that the people of a picture share, from exact proxies."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from diffproxy.fitting import FitConfig
from diffproxy.single_view.fit_people import Observed, fit_people
from diffproxy.single_view.focal_length import FocalPrior

CONFIG = FitConfig(hands=False, max_pixels=250, num_restarts=1)


@pytest.fixture(scope="module")
def fitted(body, two_people):
    """Both people, where the focal length is assumed to be a quarter too long."""
    prior = FocalPrior(1.25 * two_people.camera.K[0, 0], 0.35, "usual lenses")
    return fit_people([Observed(m) for m in two_people.assumed(1.25)], body, prior, CONFIG)


def test_the_shared_focal_length_is_recovered_at_close_range(fitted, two_people):
    assert fitted.focal == pytest.approx(two_people.camera.K[0, 0], rel=0.05)
    assert 0 < fitted.log_std < 0.1


def test_people_are_placed_in_metres(fitted, body, two_people):
    with torch.no_grad():
        true = [body.joints(p)[0, :22].numpy() for p in two_people.params]
    for person, joints in zip(fitted.people, true, strict=True):
        assert person.result.status == "one_view"
        assert abs(person.depth - joints[0, 2]) < 0.06 * joints[0, 2]
        assert abs(person.depth - joints[0, 2]) < 3 * person.depth_std
        assert np.linalg.norm(person.result.joints[:22] - joints, axis=-1).mean() < 0.06
