"""Whole fits on bad proxies: what small networks get wrong must not break the body; nothing may raise."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.corruption import blobs, drop_labels, side_pairs, swap_labels, uv_noise
from diffproxy.fitting import FitConfig, fit
from diffproxy.proxies import render_proxies
from diffproxy.utils.errors import InputError

QUICK = FitConfig(max_pixels=250)


@pytest.fixture()
def names(body):
    return dict(body.atlas.palette.names)


def test_nonsense_blobs(make_scene):
    scene = make_scene()
    maps = blobs(scene.maps, np.random.default_rng(0), 0.1)
    assert (maps.labels != scene.maps.labels).mean() > 0.005
    assert scene.joint_error(fit(maps, scene.body, QUICK).joints) < 1


def test_uv_noise_of_centimetres(make_scene):
    scene = make_scene()
    maps = uv_noise(scene.maps, np.random.default_rng(0), 0.1, 0.05)
    result = fit(maps, scene.body)
    assert scene.joint_error(result.joints) < 20
    assert 0.3 < scene.joint_error(result.joints) / (1000 * result.joint_std[:22].mean()) < 2


@pytest.mark.parametrize("words", [("thigh", "shin", "foot"), ("",)], ids=["legs", "all"])
def test_left_and_right_swapped_in_one_view(make_scene, names, words):
    scene = make_scene()
    maps = swap_labels(scene.maps, 1, side_pairs(names, words))
    result = fit(maps, scene.body, QUICK)
    assert scene.joint_error(result.joints) < 1


def test_a_limb_that_nobody_sees(make_scene, names):
    scene = make_scene()
    gone = [i for i, n in names.items() if n.endswith("_l") and ("forearm" in n or "hand" in n)]
    result = fit(drop_labels(scene.maps, gone), scene.body, QUICK)
    others = [j for j in range(22) if j != 20]
    error = np.linalg.norm(result.joints - scene.joints, axis=-1)
    assert result.status == "ok" and error[others].max() < 0.005
    assert error[20] < 0.4  # the prior's place for it
    assert result.joint_std[20] > 20 * result.joint_std[21]


def test_hands_that_nobody_sees(make_scene, names):
    scene = make_scene()
    gone = [i for i, n in names.items() if "hand" in n or "forearm" in n]
    result = fit(drop_labels(scene.maps, gone), scene.body, QUICK)
    error = np.linalg.norm(result.joints - scene.joints, axis=-1)
    assert result.status == "ok" and error[:20].max() < 0.005


def test_a_missing_view(make_scene, names):
    scene = make_scene()
    maps = drop_labels(scene.maps, list(names), views=[2])
    assert scene.joint_error(fit(maps, scene.body, QUICK).joints) < 1


def test_weights_silence_pixels(make_scene):
    """Nonsense with weight 0 is as good as absent."""
    scene = make_scene()
    labels, weight = scene.maps.labels.copy(), scene.maps.weight.copy()
    labels[0][labels[0] > 0] = 1
    weight[0] = 0.0
    result = fit(replace(scene.maps, labels=labels, weight=weight), scene.body, QUICK)
    assert scene.joint_error(result.joints) < 1
    assert result.used_pixels <= 3 * QUICK.max_pixels


def test_not_a_number_is_left_out(make_scene):
    scene = make_scene()
    uv, weight = scene.maps.uv.copy(), scene.maps.weight.copy()
    uv[:, ::3] = np.nan
    weight[:, :, ::5] = np.inf
    result = fit(replace(scene.maps, uv=uv, weight=weight), scene.body, QUICK)
    assert result.status == "ok" and scene.joint_error(result.joints) < 1


@pytest.mark.parametrize("what", ["empty", "unknown labels", "all NaN", "few pixels"])
def test_nobody_there(make_scene, what):
    scene = make_scene()
    maps = scene.maps
    if what == "empty":
        maps = replace(maps, labels=np.zeros_like(maps.labels))
    if what == "unknown labels":
        maps = replace(maps, labels=np.where(maps.labels > 0, 200, 0).astype(np.uint8))
    if what == "all NaN":
        maps = replace(maps, uv=np.full_like(maps.uv, np.nan), weight=np.full_like(maps.weight, np.nan))
    if what == "few pixels":
        labels = np.zeros_like(maps.labels)
        labels[:, 64, 60:68] = 3
        maps = replace(maps, labels=labels)
    result = fit(maps, scene.body)
    assert result.status == "no_person" and "foreground" in result.reason
    assert np.isfinite(result.joints).all() and result.used_pixels == 0


def test_random_labels_do_not_look_like_a_body(make_scene):
    scene = make_scene()
    rng = np.random.default_rng(0)
    labels = rng.integers(1, 31, size=scene.maps.labels.shape).astype(np.uint8)
    uv = rng.uniform(size=scene.maps.uv.shape).astype(np.float32)
    maps = replace(scene.maps, labels=labels, uv=uv, weight=np.ones_like(scene.maps.weight))
    result = fit(maps, scene.body, QUICK)
    assert result.status == "failed" and "explains" in result.reason


def test_views_that_contradict_each_other_are_doubted(make_scene):
    """Opposite views show the same side: whatever comes out, it is not passed off as good."""
    scene = make_scene()
    labels, uv = scene.maps.labels.copy(), scene.maps.uv.copy()
    labels[2:], uv[2:] = labels[:2], uv[:2]
    result = fit(replace(scene.maps, labels=labels, uv=uv), scene.body, QUICK)
    assert result.status == "failed" or result.warning


def test_one_view_of_somebody_else_is_named(make_scene):
    """The same pose on another shape, seen by one camera of four: the body stays, and the view is told."""
    scene = make_scene()
    other = scene.params.replace(betas=-scene.params.betas)
    with torch.no_grad():
        vertices = scene.body(other).vertices[0].numpy()
    seen = render_proxies(scene.body, vertices, scene.maps.cameras[1:2])
    labels, uv = scene.maps.labels.copy(), scene.maps.uv.copy()
    labels[1], uv[1] = seen.labels[0], seen.uv[0]
    weight = (labels > 0).astype(np.float32)
    result = fit(replace(scene.maps, labels=labels, uv=uv, weight=weight), scene.body, QUICK)
    assert scene.joint_error(result.joints) < 20
    assert f"{scene.maps.cameras[1].name} disagrees" in result.warning
    assert np.argmax(result.view_residuals) == 1


@pytest.mark.parametrize("words", [("thigh", "shin", "foot"), ("",)], ids=["legs", "all"])
def test_left_and_right_swapped_in_every_view_are_doubted(make_scene, names, words):
    scene = make_scene()
    maps = scene.maps
    for view in range(maps.num_views):
        maps = swap_labels(maps, view, side_pairs(names, words))
    result = fit(maps, scene.body, QUICK)
    assert scene.joint_error(result.joints) < 10 or result.status == "failed" or result.warning


def test_a_good_fit_is_not_doubted(make_scene):
    scene = make_scene()
    result = fit(scene.maps, scene.body, QUICK)
    assert result.warning == "" and result.robust_loss < 0.02 and np.isfinite(result.objective)


def test_lens_distortion_is_refused(make_scene):
    scene = make_scene()
    cameras = tuple(replace(c, distortion=np.array([0.1, 0, 0, 0])) for c in scene.maps.cameras)
    with pytest.raises(InputError, match="undistort"):
        fit(replace(scene.maps, cameras=cameras), scene.body)


def test_bad_options_say_what_to_type():
    with pytest.raises(InputError, match="max_pixels"):
        FitConfig(max_pixels=3)
