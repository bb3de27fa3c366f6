"""Whole fits on exact proxies: recovery, invariances, batches, given shapes and starts."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from diffproxy.fitting import Evidence, FitConfig, FixedShape, fit, fit_many
from diffproxy.geometry.so3 import rotvec_to_rotmat
from diffproxy.utils.errors import InputError

QUICK = FitConfig(max_pixels=250)


def test_four_views_recover_the_body(make_scene):
    scene = make_scene()
    result = fit(scene.maps, scene.body, FitConfig(vertices=True))
    assert result.status == "ok" and result.reason == ""
    assert scene.joint_error(result.joints) < 0.2
    assert scene.vertex_error(result.params) < 1.5
    assert result.residual_px < 0.02
    assert result.vertices is not None and np.abs(result.vertices - scene.vertices).mean() < 1.5e-3
    assert np.isfinite(result.joint_std).all() and result.joint_std[:22].max() < 0.005
    assert {"correspondences", "initialization", "body", "hands", "all"} <= result.timings.keys()
    assert result.stages[0]["name"] == "place"


@pytest.mark.parametrize("views", [2, 3])
def test_fewer_views(make_scene, views):
    scene = make_scene(1, views)
    result = fit(scene.maps, scene.body)
    assert result.status == "ok"
    assert scene.joint_error(result.joints) < 3


def test_one_view_is_told_apart(make_scene):
    scene = make_scene(0, 1)
    result = fit(scene.maps, scene.body, QUICK)
    assert result.status == "one_view" and "one view" in result.reason
    relative = (result.joints - result.joints[0]) - (scene.joints - scene.joints[0])
    assert np.linalg.norm(relative[:22], axis=-1).mean() < 0.12
    assert result.joint_std[0] > 0.02  # the place along the ray is unsure, and the fit knows


def test_a_moved_world_moves_the_result(make_scene):
    scene = make_scene()
    R = rotvec_to_rotmat(torch.tensor([0.3, -1.1, 0.6], dtype=torch.float64)).numpy()
    t = np.array([40.0, -7.0, 120.0])  # far from the origin: single precision must not care
    cameras = tuple(
        replace(c, R_cam_world=c.R_cam_world @ R.T, t_cam_world=c.t_cam_world - c.R_cam_world @ R.T @ t)
        for c in scene.maps.cameras
    )
    before = fit(scene.maps, scene.body, QUICK)
    after = fit(replace(scene.maps, cameras=cameras), scene.body, QUICK)
    assert np.abs(after.joints[:22] - (before.joints[:22] @ R.T + t)).max() < 2e-4


def test_the_order_of_views_does_not_matter(make_scene):
    scene = make_scene()
    order = [2, 0, 3, 1]
    shuffled = replace(
        scene.maps,
        labels=scene.maps.labels[order],
        uv=scene.maps.uv[order],
        weight=scene.maps.weight[order],
        cameras=tuple(scene.maps.cameras[i] for i in order),
    )
    a, b = fit(scene.maps, scene.body, QUICK), fit(shuffled, scene.body, QUICK)
    assert np.abs(a.joints[:22] - b.joints[:22]).max() < 2e-4


def test_a_fit_is_reproducible(make_scene):
    scene = make_scene()
    a, b = fit(scene.maps, scene.body, QUICK), fit(scene.maps, scene.body, QUICK)
    assert np.array_equal(a.joints, b.joints)


def test_a_batch_is_its_members(make_scene):
    scenes = [make_scene(0), make_scene(1, 3)]
    batch = fit_many([s.maps for s in scenes], scenes[0].body, QUICK)
    for scene, result in zip(scenes, batch, strict=True):
        alone = fit(scene.maps, scene.body, QUICK)
        assert np.abs(alone.joints[:22] - result.joints[:22]).max() < 1e-3
        assert scene.joint_error(result.joints) < 3


def test_given_shape_is_kept(make_scene):
    scene = make_scene()
    result = fit_many([scene.maps], scene.body, QUICK, shape=FixedShape(scene.params.betas[0]))[0]
    assert torch.equal(result.params.betas, scene.params.betas)
    assert float(result.params.scale) == pytest.approx(1.0)
    assert scene.joint_error(result.joints) < 0.2


def test_given_start_is_used(make_scene, monkeypatch):
    scene = make_scene()
    monkeypatch.setattr(
        sys.modules["diffproxy.fitting.initialization.initialize"], "closed_form_pose", None
    )  # not called
    result = fit(scene.maps, scene.body, QUICK, start=scene.params)
    assert scene.joint_error(result.joints) < 0.2


def test_a_lost_start_is_replaced(make_scene):
    """The last frame's body, facing the wrong way and a metre off, does no harm; nor does one that is not finite."""
    scene = make_scene()
    turned = scene.params.global_orient + torch.tensor([[0.0, 3.0, 0.0]])
    lost = scene.params.replace(global_orient=turned, transl=scene.params.transl + 1.0)
    broken = scene.params.replace(transl=torch.full((1, 3), torch.nan))
    evidence = [Evidence(start=lost), Evidence(start=broken)]
    for result in fit_many([scene.maps] * 2, scene.body, QUICK, evidence):
        assert scene.joint_error(result.joints) < 0.2


def test_a_given_shape_has_a_scale_whatever_the_start_has(make_scene):
    scene = make_scene()
    shape = FixedShape(scene.params.betas[0], 1.02)
    result = fit_many([scene.maps], scene.body, QUICK, [Evidence(start=scene.params)], shape)[0]
    assert float(result.params.scale) == pytest.approx(1.02)


def test_one_item_of_evidence_for_each_subject(make_scene):
    scene = make_scene()
    with pytest.raises(InputError, match="2 items of evidence"):
        fit_many([scene.maps] * 2, scene.body, QUICK, [Evidence()])


def test_children(make_scene, make_ring):
    """A body of 60 % size is found although the scale prior knows adults only."""
    from diffproxy.proxies import render_proxies

    scene = make_scene()
    params = scene.params.replace(scale=torch.full((1, 1), 0.6))
    with torch.no_grad():
        posed = scene.body(params)
    vertices = posed.vertices[0].numpy()
    maps = render_proxies(scene.body, vertices, make_ring(4, target=tuple(vertices.mean(0))))
    result = fit(maps, scene.body, QUICK)
    assert np.linalg.norm(result.joints[:22] - posed.joints[0, :22].numpy(), axis=-1).max() < 2e-3
