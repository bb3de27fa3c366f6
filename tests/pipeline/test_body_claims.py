"""What of a person's proxies lies at somebody else's body, in exact renderings of two people side by side."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from diffproxy.fitting import FitConfig
from diffproxy.keypoints.landmarks import encoder_points
from diffproxy.pipeline import people_claims
from diffproxy.pipeline.body_claims import LEAST_SHARE, Claimed, PosedPerson, claimed_by_others
from diffproxy.pipeline.fit_frame import BodyFitter
from diffproxy.pipeline.generate_proxies import Generated
from diffproxy.pipeline.people_claims import fitted_again
from diffproxy.pipeline.results import FrameResult, params_to_arrays
from diffproxy.proxies import render_proxies

WRIST = 9  # of the 17 keypoints


@pytest.fixture
def crossed(body, params_of, make_ring):
    """The proxies of two people, the first of whom is given the second one's pixels and left wrist in the first view.

    Returns both people's proxies and bodies, and these pixels.
    """
    cameras = make_ring(2, size=64)
    bodies = [params_of(1, -0.4), params_of(1, 0.4)]
    made = []
    for params in bodies:
        with torch.no_grad():
            maps = render_proxies(body, body(params).vertices[0].numpy(), cameras)
        points = encoder_points(body, params)
        keypoints = np.ones((2, 17, 4), np.float32)
        keypoints[..., :2] = [c.project(points) for c in cameras]
        made.append(Generated(maps, ((0.0, 0.0, 64.0, 64.0),) * 2, keypoints=keypoints))
    first, second = made
    theirs = second.maps.labels > 0
    theirs[1] = False
    maps = replace(
        first.maps,
        labels=np.where(theirs, second.maps.labels, first.maps.labels),
        uv=np.where(theirs[..., None], second.maps.uv, first.maps.uv),
        weight=np.where(theirs, second.maps.weight, first.maps.weight),
    )
    keypoints = first.keypoints.copy()
    keypoints[0, WRIST] = second.keypoints[0, WRIST]
    return (replace(first, maps=maps, keypoints=keypoints), second), bodies, theirs


def test_pixels_and_keypoints_at_somebody_elses_body_are_theirs(body, crossed):
    (first, second), bodies, theirs = crossed
    own, other = (PosedPerson.of(params, body) for params in bodies)
    claimed = claimed_by_others(first, own, [other], body)
    np.testing.assert_array_equal(claimed.pixels, theirs)
    np.testing.assert_array_equal(np.argwhere(claimed.keypoints), [[0, WRIST]])
    kept = claimed.without(first)
    np.testing.assert_array_equal(kept.maps.labels, np.where(theirs, 0, first.maps.labels))
    np.testing.assert_array_equal(kept.maps.weight > 0, (first.maps.weight > 0) & ~theirs)
    np.testing.assert_array_equal(kept.maps.valid, ~theirs)
    np.testing.assert_array_equal(kept.keypoints[..., 2] == 0, claimed.keypoints)
    np.testing.assert_array_equal(np.delete(kept.keypoints, 2, -1), np.delete(first.keypoints, 2, -1))
    for mine, others in ((second, [own]), (second, []), (kept, [other])):
        nothing = claimed_by_others(mine, other if mine is second else own, others, body)
        assert not nothing.pixels.any() and not nothing.keypoints.any() and not nothing.matter(mine)
    assert claimed_by_others(replace(first, keypoints=None), own, [other], body).matter(first)


def test_few_pixels_do_not_matter_and_one_keypoint_does(crossed):
    (first, _), _, _ = crossed
    shown = first.maps.labels > 0
    few, many = np.zeros_like(shown), np.zeros_like(shown)
    places = np.argwhere(shown)
    few[tuple(places[: int(LEAST_SHARE * len(places))].T)] = True
    many[tuple(places[: int(LEAST_SHARE * len(places)) + 1].T)] = True
    none, one = np.zeros((2, 17), bool), np.zeros((2, 17), bool)
    one[0, 0] = True
    assert [Claimed(few, none).matter(first), Claimed(many, none).matter(first)] == [False, True]
    assert Claimed(np.zeros_like(shown), one).matter(first)


@pytest.mark.parametrize(
    ("before", "again", "status", "reason"),
    [
        ("ok", "ok", "ok", "second fit"),
        ("ok", "doubtful", "doubtful", "second fit"),
        ("doubtful", "ok", "doubtful", "first fit"),  # what contradicted it may have been right
        ("ok", "no_person", "ok", "first fit"),
    ],
)
def test_who_loses_pixels_is_fitted_again(body, crossed, monkeypatch, before, again, status, reason):
    made, bodies, theirs = crossed
    joints, fitted = np.zeros((55, 3), np.float32), []

    def fit_frame(frame_id, made, fitter):
        fitted.append((frame_id, made.maps.labels))
        has = {} if again == "no_person" else {"params": params_to_arrays(bodies[0]), "joints": joints + 1}
        return FrameResult(frame_id, again, "second fit", **has, info={"notes": []})

    monkeypatch.setattr(people_claims, "fit_frame", fit_frame)

    present = {
        k: FrameResult(7, before, "first fit", params_to_arrays(params), joints, info={"notes": []})
        for k, params in enumerate(bodies)
    }
    out = fitted_again(7, present, dict(enumerate(made)), BodyFitter(body, FitConfig()))
    assert out[1] is present[1] and [frame for frame, _ in fitted] == [7]
    np.testing.assert_array_equal(fitted[0][1], np.where(theirs, 0, made[0].maps.labels))
    assert (out[0].status, out[0].reason) == (status, reason)
    assert np.all(out[0].joints == (again != "no_person"))
    if again != "no_person":
        said = f"fitted again without {theirs.sum()} pixels and 1 keypoints that lie at somebody else's body"
        assert out[0].info["notes"] == [said]


def test_everybody_is_posed_once(body, crossed):
    (_, made), (_, params), _ = crossed
    present = {
        k: FrameResult(7, "ok", "", params_to_arrays(params), np.zeros((55, 3), "f4")) for k in range(4)
    }
    posed = []
    hook = body.register_forward_hook(lambda *_: posed.append(1))
    out = fitted_again(7, present, dict.fromkeys(present, made), BodyFitter(body, FitConfig()))
    hook.remove()
    assert out == present and len(posed) == len(present)
