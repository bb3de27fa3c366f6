"""Rendering and the body's own atlas together."""

import numpy as np
import pytest

from diffproxy.geometry.boxes import expand_to_square
from diffproxy.proxies import box_around, hand_boxes, load_proxies, render_proxies, save_proxies
from diffproxy.proxies.crops import hand_label_ids


@pytest.fixture(scope="module")
def rendered(body, make_ring):
    vertices = body.v_template.numpy().astype(np.float64)
    cameras = make_ring(2, size=160)
    return vertices, cameras, render_proxies(body, vertices, cameras)


def lookup(body, vertices, labels, uv):
    face, bary, ok = body.atlas.lookup(labels, uv)
    return np.einsum("nc,ncd->nd", bary, vertices[body.faces.numpy()[face]]), ok


def test_each_pixel_means_the_surface_point_that_it_sees(body, rendered):
    vertices, cameras, maps = rendered
    for camera, labels, uv in zip(cameras, maps.labels, maps.uv, strict=True):
        y, x = np.nonzero(labels)
        points, ok = lookup(body, vertices, labels[y, x], uv[y, x])
        error = np.linalg.norm(camera.project(points) - np.stack([x, y], axis=-1) - 0.5, axis=-1)
        assert ok.mean() > 0.999 and np.median(error) < 0.01 and (error < 0.1).mean() > 0.98


def test_labels_belong_to_the_palette_and_hands_are_found(body, rendered, make_ring):
    vertices, cameras, maps = rendered
    assert set(np.unique(maps.labels)) <= {0, *body.atlas.palette.body_ids}
    ids = hand_label_ids(body.atlas)
    assert len(ids["left_hand"]) == 2 and set(ids["left_hand"]).isdisjoint(ids["right_hand"])
    boxes = hand_boxes(maps, body.atlas)
    for (view, hand), box in boxes.items():
        if box is None:
            continue
        crop = cameras[view].crop(expand_to_square(box, 1.4), (64, 64))
        close = render_proxies(body, vertices, [crop], [hand])
        left = [i for i in body.atlas.palette.hand_ids if body.atlas.palette.names[i].endswith("_l")]
        shown = (
            np.isin(close.labels[0], left) if hand == "left_hand" else ~np.isin(close.labels[0], [0, *left])
        )
        assert shown.mean() > 0.07
        inside = box_around(shown)
        assert min(inside[:2]) > 0 and max(inside[2:]) < 64  # the whole hand lies in the crop
    assert any(box is not None for box in boxes.values())


def test_the_folder_knows_its_body(body, rendered, tmp_path):
    _, _, maps = rendered
    save_proxies(maps, tmp_path, body)
    again, meta = load_proxies(tmp_path, body)
    assert (again.labels == maps.labels).all() and meta["body"]["topology_id"] == body.topology_id
    points, _ = lookup(body, body.v_template.numpy(), maps.labels[maps.labels > 0], maps.uv[maps.labels > 0])
    stored, _ = lookup(
        body, body.v_template.numpy(), again.labels[again.labels > 0], again.uv[again.labels > 0]
    )
    assert np.quantile(np.linalg.norm(points - stored, axis=-1), 0.99) < 2e-5  # metres
