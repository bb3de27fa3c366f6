"""The focal length that the people of a picture share, from exact proxies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from diffproxy.single_view import shared_focal
from diffproxy.single_view.coarse_body import CoarseBodies, CoarseBody
from diffproxy.single_view.fit_people import Observed, fit_people
from diffproxy.single_view.focal_length import FocalPrior


@pytest.fixture(scope="module")
def fitted(body, two_people, quick_fit):
    """Both people, where the focal length is assumed to be a quarter too long."""
    prior = FocalPrior(1.25 * two_people.camera.K[0, 0], 0.35, "usual lenses")
    starts = [p.replace(transl=1.2 * p.transl) for p in two_people.params]
    return fit_people([Observed(m) for m in two_people.assumed(1.25)], body, prior, quick_fit, starts)


def test_the_shared_focal_length_is_recovered_at_close_range(fitted, two_people):
    assert fitted.focal == pytest.approx(two_people.camera.K[0, 0], rel=0.05)
    assert 0 < fitted.log_std < 0.1


def test_the_deviation_adds_the_prior_to_a_quarter_of_the_evidence(body, two_people, quick_fit, monkeypatch):
    """1 / std² is the sum of both, as in a product of normal distributions."""

    def of_bodies(prior_std: float) -> float:
        prior = FocalPrior(two_people.camera.K[0, 0], prior_std, "usual lenses")
        seen = [Observed(m) for m in two_people.assumed(1.0)]
        found = fit_people(seen, body, prior, quick_fit, list(two_people.params))
        assert found.focal == pytest.approx(prior.focal, rel=0.02)
        return 1 / found.log_std**2 - 1 / prior_std**2

    stated = of_bodies(0.35)
    assert of_bodies(0.1) == pytest.approx(stated, rel=0.1)
    monkeypatch.setattr(shared_focal, "EVIDENCE_STD", 1.0)
    assert of_bodies(0.35) == pytest.approx(4 * stated, rel=0.1)


def test_people_are_placed_in_metres(fitted, body, two_people):
    with torch.no_grad():
        true = [body.joints(p)[0, :22].numpy() for p in two_people.params]
    for person, joints in zip(fitted.people, true, strict=True):
        assert person.result.status == "one_view"
        assert abs(person.depth - joints[0, 2]) < 0.06 * joints[0, 2]
        assert abs(person.depth - joints[0, 2]) < 3 * person.depth_std
        assert np.linalg.norm(person.result.joints[:22] - joints, axis=-1).mean() < 0.06


def test_a_fixed_focal_length_stays_and_its_deviation_widens_the_depths(body, two_people, quick_fit):
    far, near = two_people.params[1], two_people.maps[1:]
    start = [far.replace(transl=far.transl + 0.02)]
    seen = [Observed(near[0])]
    sure, unsure = (
        fit_people(seen, body, FocalPrior(330.0, std, "given", fixed=True), quick_fit, start)
        for std in (0.0, 0.2)
    )
    assert sure.focal == unsure.focal == 330.0
    assert sure.people[0].depth == unsure.people[0].depth
    assert unsure.people[0].depth_std > sure.people[0].depth_std + 0.1 * sure.people[0].depth


def test_nobody_in_the_proxies_is_no_person(body, two_people, quick_fit):
    empty = two_people.maps[0].select([0])
    empty.labels[:] = 0
    fitted = fit_people([Observed(empty)], body, FocalPrior(300.0, 0.35, "usual lenses"), quick_fit)
    assert fitted.people[0].result.status == "no_person"
    assert fitted.focal == 300.0
    assert np.isnan(fitted.people[0].depth)
    assert fitted.people[0].depth_std == np.inf


def test_a_person_upside_down_is_fitted_or_doubted(body, two_people, quick_fit):
    """The same person in the picture turned by 180 degrees."""
    (maps,) = two_people.maps[1:]
    camera = maps.cameras[0]
    K = camera.K.copy()
    K[:2, 2] = camera.width - K[:2, 2]
    turned = replace(
        maps,
        labels=np.ascontiguousarray(maps.labels[:, ::-1, ::-1]),
        uv=np.ascontiguousarray(maps.uv[:, ::-1, ::-1]),
        weight=np.ascontiguousarray(maps.weight[:, ::-1, ::-1]),
        cameras=(replace(camera, K=K),),
    )
    fitted = fit_people([Observed(turned)], body, FocalPrior(330.0, 0.0, "given", fixed=True), quick_fit)
    (person,) = fitted.people
    true = body.joints(two_people.params[1])[0].detach().numpy() * np.array([-1, -1, 1])
    assert person.result.status in ("one_view", "doubtful", "failed")
    if person.result.status == "one_view":
        assert abs(person.depth - true[0, 2]) < 3 * person.depth_std


@pytest.mark.parametrize(("confidence", "status"), [(0.5, "one_view"), (0.02, "doubtful")])
def test_a_body_that_the_keypoints_do_not_show_is_doubtful(body, two_people, quick_fit, confidence, status):
    far = two_people.params[1]

    class Unsure(CoarseBodies):
        def of_views(self, maps, boxes, keypoints):
            joints, std = body.joints(far)[0].numpy(), np.full(55, 0.05, np.float32)
            return [CoarseBody(far, joints, std, 0.0, 0.0, 0.1, confidence, 17)]

    prior = FocalPrior(330.0, 0.0, "given", fixed=True)
    fitted = fit_people([Observed(two_people.maps[1])], body, prior, quick_fit, coarse=Unsure(body))
    assert fitted.people[0].result.status == status
    assert ("keypoints" in fitted.people[0].result.reason) == (status == "doubtful")
