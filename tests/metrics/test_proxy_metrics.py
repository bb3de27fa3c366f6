"""Scores of proxies, by hand on tiny maps and on a body made of two squares."""

from types import SimpleNamespace

import numpy as np
import pytest

from diffproxy.cameras import Camera
from diffproxy.metrics import (
    foreground_iou,
    part_accuracy,
    part_iou,
    proxy_scores,
    reprojection_errors,
    surface_errors_mm,
)
from diffproxy.proxies import ProxyMaps


class SquaresAtlas:
    """Label 1: the square x, y in [0, 1] at z = 0; label 2: the same at x + 1. UV = x, y within the square."""

    palette = SimpleNamespace(names={}, colors=np.zeros((3, 3)), body_ids=(1, 2), hand_ids=())
    segment_of_label = (0, 0, 0)

    def encode(self, face, bary, kind):
        raise NotImplementedError

    def lookup(self, labels, uv):
        u, v = np.asarray(uv, dtype=np.float64).T
        upper = v > u
        low, high = np.stack([1 - u, u - v, v], axis=-1), np.stack([1 - v, u, v - u], axis=-1)
        ok = (labels > 0) & (labels < 3)
        return (
            (np.maximum(labels.astype(int), 1) - 1) % 2 * 2 + upper,
            np.where(upper[:, None], high, low),
            ok,
        )


@pytest.fixture
def squares():
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.0]])
    vertices = np.concatenate([corners, corners + np.eye(3)[0]])
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    return SimpleNamespace(
        name="squares", topology_id="2", v_template=vertices, faces=faces, atlas=SquaresAtlas()
    )


def row(*values):
    return np.array(values, dtype=np.uint8).reshape(1, 1, -1)


def test_labels_by_hand():
    true, found = row(0, 1, 1, 1, 2, 2), row(1, 1, 1, 0, 1, 2)
    assert part_accuracy(found, true) == pytest.approx(3 / 5)
    # part 1: 2 in common, 4 + 3 - 2 in either; part 2: 1 in common, 2 in either
    assert part_iou(found, true) == pytest.approx((2 / 5 + 1 / 2) / 2)
    assert foreground_iou(found > 0, true > 0) == pytest.approx(4 / 6)


def test_a_part_that_never_truly_occurs_does_not_enter_the_mean():
    assert part_iou(row(1, 1, 2), row(1, 1, 0)) == pytest.approx(1)
    assert part_iou(row(1, 1, 2), row(1, 1, 1)) == pytest.approx(2 / 3)


def test_nothing_to_compare_is_nan(squares):
    empty, uv = row(0, 0), np.zeros((1, 1, 2, 2), dtype=np.float32)
    assert all(np.isnan(v) for v in proxy_scores(empty, uv, empty, uv, squares).values())


def test_surface_distance_prices_a_wrong_label_by_where_it_leads(squares):
    true = row(1, 1, 1, 1)
    true_uv = np.array([[0.5, 0.5], [0.5, 0.5], [0.98, 0.3], [0.2, 0.2]], dtype=np.float32)[None, None]
    found = row(1, 2, 2, 0)
    uv = np.array([[0.503, 0.504], [0.5, 0.5], [0.01, 0.3], [0.2, 0.2]], dtype=np.float32)[None, None]
    errors = surface_errors_mm(found, uv, true, true_uv, squares)
    assert errors == pytest.approx([5, 1000, 30], abs=1e-3)  # the last pixel is background in one of them
    scores = proxy_scores(found, uv, true, true_uv, squares)
    assert scores["surface_median_mm"] == pytest.approx(30, abs=1e-3)
    assert scores["surface_mean_mm"] == pytest.approx(345, abs=1e-3)
    assert scores["uv_median"] == pytest.approx(0.005, abs=1e-6) and scores["part_accuracy"] == 0.25
    assert "surface_mean_mm" not in proxy_scores(found, uv, true, true_uv)
    assert len(surface_errors_mm(found, uv, true, true_uv, squares, max_pixels=2)) == 2


def test_reprojection_by_hand(squares):
    """Camera on +z looking down on z = 0 from 2 m, f = 20 px: one metre is ten pixels."""
    K = np.array([[20.0, 0, 4], [0, 20, 4], [0, 0, 1]])
    camera = Camera("top", 8, 8, K, np.diag([1.0, -1, -1]), np.array([0.0, 0, 2]))
    labels = np.zeros((2, 8, 8), dtype=np.uint8)
    uv = np.zeros((2, 8, 8, 2), dtype=np.float32)
    weight = np.ones((2, 8, 8), dtype=np.float32)
    labels[0, 3, 4] = labels[0, 0, 0] = labels[0, 1, 1] = 1  # pixel centre (4.5, 3.5)
    uv[0, 3, 4] = 0.05  # (0.05, 0.05) m projects to (4.5, 3.5): exact
    uv[0, 0, 0] = 0.05  # the same point, seen at (0.5, 0.5): 5 pixels off
    weight[0, 1, 1] = 0
    maps = ProxyMaps(labels, uv, weight, ("body", "body"), (camera, camera))
    first, second = reprojection_errors(maps, squares.v_template, squares)
    assert sorted(first) == pytest.approx([0, 5], abs=1e-4) and second.size == 0


def test_scores_on_the_stand_in_body(body, make_ring):
    """Exact proxies score perfectly; a shift of one pixel scores what one pixel measures on the body."""
    from diffproxy.proxies import render_proxies

    vertices = body.v_template.numpy().astype(np.float64)
    camera = make_ring(1, size=96)[0]
    true = render_proxies(body, vertices, [camera])
    perfect = proxy_scores(true.labels, true.uv, true.labels, true.uv, body)
    assert perfect["part_accuracy"] == perfect["part_iou"] == perfect["foreground_iou"] == 1
    assert perfect["uv_median"] == perfect["surface_mean_mm"] == 0
    shifted = proxy_scores(np.roll(true.labels, 1, 2), np.roll(true.uv, 1, 2), true.labels, true.uv, body)
    pixel_mm = 1000 * 3.2 / camera.K[0, 0]
    assert 0.8 * pixel_mm < shifted["surface_median_mm"] < 2 * pixel_mm
    assert max(np.median(e) for e in reprojection_errors(true, vertices, body)) < 0.02
