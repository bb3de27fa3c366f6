"""Legs alone: where hardly anything is seen of the trunk, the body is found from a limb."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from diffproxy.body import BodyParams
from diffproxy.fitting import FitConfig, fit, fit_many
from diffproxy.fitting.evidence import FixedShape
from diffproxy.fitting.gather_correspondences import gather_correspondences
from diffproxy.fitting.initialization.limb_rooted_pose import limb_rooted_pose, trunk_share

CONFIG = FitConfig(hands=False)
LEGS = [1, 2, 4, 5, 7, 8]


@pytest.fixture
def scene(make_scene):
    return make_scene(seed=3)


@pytest.fixture
def legs(scene, body):
    """The scene's maps with nothing but the legs."""
    names = dict(body.atlas.palette.names)
    kept = [k for k, name in names.items() if any(part in name for part in ("thigh", "shin", "foot"))]
    return replace(
        scene.maps, labels=np.where(np.isin(scene.maps.labels, kept), scene.maps.labels, 0).astype(np.uint8)
    )


def test_trunk_share(scene, legs, body):
    whole, below = (trunk_share(gather_correspondences(m, body, CONFIG), body) for m in (scene.maps, legs))
    assert 0.1 < whole < 0.5 and below == 0


def test_legs_place_the_body(scene, legs, body):
    subject = gather_correspondences(legs, body, CONFIG)
    found = limb_rooted_pose(subject, body, CONFIG, BodyParams.rest(1))
    joints = body.joints(found)[0].numpy()
    assert np.linalg.norm(joints - scene.joints, axis=-1)[LEGS].max() < 0.1


def test_a_given_size_stays(scene, legs, body, monkeypatch):
    subject, rest = gather_correspondences(legs, body, CONFIG), BodyParams.rest(1)
    rest = rest.replace(scale=0.9 * rest.scale)
    assert float(limb_rooted_pose(subject, body, CONFIG, rest, free_scale=False).scale) == pytest.approx(0.9)
    asked = []
    module = sys.modules["diffproxy.fitting.fit"]
    monkeypatch.setattr(module, "search_again", lambda *given: asked.append(given[-1]))
    for shape in (None, FixedShape(rest.betas[0], 0.9)):
        fit_many([legs], body, CONFIG, shape=shape)
    assert asked == [True, False]


def test_nothing_in_sight_gives_none(scene, body):
    nothing = replace(scene.maps, labels=np.zeros_like(scene.maps.labels))
    assert (
        limb_rooted_pose(gather_correspondences(nothing, body, CONFIG), body, CONFIG, BodyParams.rest(1))
        is None
    )


def test_a_fit_that_began_elsewhere_ends_at_the_legs(scene, legs, body, monkeypatch):
    away = scene.params.replace(global_orient=scene.params.global_orient + np.pi / 2)
    monkeypatch.setattr(
        sys.modules["diffproxy.fitting.initialization.initialize"], "closed_form_pose", lambda *_: away
    )
    config = replace(CONFIG, left_right_flips=False)
    found = fit(legs, body, config)
    monkeypatch.setattr(
        sys.modules["diffproxy.fitting.initialization.search_again"], "limb_rooted_pose", lambda *_: None
    )
    left = fit(legs, body, config)
    error = [1000 * np.linalg.norm(r.joints - scene.joints, axis=-1)[LEGS].mean() for r in (found, left)]
    assert error[0] < 10 < 50 < error[1] and found.objective < left.objective
