"""Centres of part regions, matched with bodies of known position."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.corruption import uv_noise
from diffproxy.fitting import FitConfig, fit
from diffproxy.fitting.terms.part_regions import BONE_ENDS, GRID, match_part_regions


def shifts(scene, maps, moved=(0.0, 0.0, 0.0)):
    """Of each region: view, by how much the body has to move across its bone in the image, and the direction (px)."""
    found = match_part_regions(maps, scene.body, scene.vertices + moved, scene.joints + moved)
    vertices = scene.vertices + moved
    corners = vertices[scene.body.faces.numpy()[found.rows.face]]
    points = np.einsum("nk,nkc->nc", found.rows.bary, corners)
    now = np.stack(
        [maps.cameras[v].project(x[None])[0] for v, x in zip(found.rows.view, points, strict=True)]
    )
    return found.rows.view, ((found.rows.pixel - now) * found.across).sum(1), found.across


def test_a_body_in_its_place_stays_there(make_scene):
    scene = make_scene()
    view, across, directions = shifts(scene, scene.maps)
    assert set(view) == {0, 1, 2, 3} and len(view) > 40
    assert np.abs(across).max() < 1e-3
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)


def test_a_moved_body_is_drawn_back_across_its_bones(make_scene):
    scene, moved = make_scene(), np.array([0.03, 0.0, 0.02])
    view, across, directions = shifts(scene, scene.maps, moved)
    expected = []
    for v, direction in zip(view, directions, strict=True):
        camera = scene.maps.cameras[v]
        back = camera.project(scene.joints[:1]) - camera.project(scene.joints[:1] + moved)
        expected.append(back[0] @ direction)
    step = scene.maps.labels.shape[2] / GRID
    assert np.abs(expected).max() > 0.5 * step  # most of it less than a cell
    assert np.median(np.abs(across - expected)) < 0.15 * step
    assert np.corrcoef(across, expected)[0, 1] > 0.9


def test_what_an_occluder_leaves_of_a_region_says_nothing(make_scene):
    scene = make_scene()
    label = next(k for k, name in scene.body.atlas.palette.names.items() if "thigh" in name)
    joint = int(scene.body.atlas.segment_of_label[label])
    assert joint in BONE_ENDS
    labels = scene.maps.labels.copy()
    rows = np.argwhere(labels[0] == label)[:, 0]
    hidden = (labels[0] == label) & (np.arange(labels.shape[1])[:, None] > np.quantile(rows, 0.4))
    assert hidden.any()
    labels[0][hidden] = 0
    all_faces = scene.body.atlas.face_part
    regions = lambda maps: {  # noqa: E731
        (int(v), int(all_faces[f]))
        for r in [match_part_regions(maps, scene.body, scene.vertices, scene.joints).rows]
        for v, f in zip(r.view, r.face, strict=True)
    }
    assert regions(scene.maps) - regions(replace(scene.maps, labels=labels)) == {(0, label)}


def test_what_lies_beyond_the_picture_is_not_missed(make_scene):
    """Half of every map is beyond the picture: the parts on its edge are compared inside it only."""
    scene = make_scene()
    valid = np.ones(scene.maps.labels.shape, dtype=bool)
    valid[:, valid.shape[1] // 2 :] = False
    maps = replace(scene.maps, labels=np.where(valid, scene.maps.labels, 0).astype(np.uint8), valid=valid)
    view, across, _ = shifts(scene, maps)
    assert len(view) and np.abs(across).max() < 1e-3


@pytest.mark.parametrize("noise", [(0.05, 0.0), (0.0, 0.05)])
def test_regions_help_where_coordinates_err(make_scene, noise):
    scene = make_scene()
    maps = uv_noise(scene.maps, np.random.default_rng(0), *noise)
    without, with_ = (fit(maps, scene.body, FitConfig(part_regions=p)) for p in (False, True))
    assert scene.joint_error(with_.joints) < scene.joint_error(without.joints)
