"""Stored proxies, masks, cameras and parameters say the same thing."""

import numpy as np
import pytest
import torch

from diffproxy.datasets.extras import EXTRAS
from diffproxy.datasets.shards import FULL, ShardIndex, read_shards
from diffproxy.proxies import render_proxies, render_surface


@pytest.fixture(scope="module")
def subjects(rendered, body):
    """(params, vertices, views) of every sample, the body posed again from what is stored."""
    index, out = ShardIndex(rendered), []
    for i in range(len(index)):
        with torch.no_grad():
            vertices = body(index.params(i)).vertices[0].double().numpy()
        out.append(
            (index.params(i), vertices, [index.view(i, j, extras=EXTRAS) for j in range(len(index.kinds(i)))])
        )
    return out


def each_view(subjects):
    for params, vertices, views in subjects:
        for view in views:
            yield params, vertices, view


def test_a_proxy_rendered_again_equals_the_stored_one_where_nothing_hides_it(subjects, body):
    compared = 0
    for _, vertices, view in each_view(subjects):
        kind = "body" if view.kind == FULL else view.kind
        again = render_proxies(body, vertices, [view.camera], [kind])
        labels, uv, on = again.labels[0], again.uv[0], view.labels > 0
        same = labels[on] == view.labels[on]  # rounding decides pixels whose centre lies on an edge
        assert same.mean() > 0.99
        error = np.abs(uv[on] - view.uv[on]).max(-1)[same]
        assert np.median(error) < 2e-5 and (error < 1e-3).mean() > 0.99
        # What is missing is hidden by something that is not the subject, or lies outside the frame.
        missing = (labels > 0) & ~on
        assert (view.mask[missing] == 1).sum() <= 0.02 * on.sum() + 1
        compared += int(on.sum())
    assert compared > 1000


def test_labelled_points_project_to_their_pixels(subjects, body):
    for params, _, view in each_view(subjects):
        rows, columns = np.nonzero(view.labels)
        labels, uv = view.labels[rows, columns], view.uv[rows, columns]
        face, bary, ok = body.atlas.lookup(labels, uv)
        assert ok.mean() > 0.99
        corners = torch.from_numpy(bary)[None].float()
        points = body.surface_points(params, torch.from_numpy(face)[None], corners)[0].numpy()
        off = view.camera.project(points.astype(np.float64)) - np.stack([columns + 0.5, rows + 0.5], 1)
        error = np.linalg.norm(off, axis=1)[ok]
        assert np.median(error) < 0.02 and (error < 0.5).mean() > 0.95  # pixels


def test_the_mask_contains_the_labels(subjects):
    for _, _, view in each_view(subjects):
        assert set(np.unique(view.mask)) <= {0, 1, 2}  # at most one bystander here
        assert (view.mask[view.labels > 0] == 1).all()


def test_hand_crops_show_their_hand(subjects, body):
    seen = 0
    for params, _, view in each_view(subjects):
        if view.kind not in ("left_hand", "right_hand"):
            continue
        with torch.no_grad():
            joints = body.joints(params)[0].numpy()
        middle = view.camera.project(joints[[25 if view.kind == "left_hand" else 40]].astype(float))[0]
        assert (middle > 0).all() and (middle < view.camera.width).all()
        ids = set(np.unique(view.labels)) - {0}
        assert ids <= set(body.atlas.palette.hand_ids) and (view.labels > 0).mean() >= 0.06
        assert any(body.atlas.palette.names[i].endswith("_" + view.kind[0]) for i in ids)
        seen += 1
    assert seen


def test_sizes_and_kinds(rendered, tiny):
    config = tiny(rendered)
    for sample in read_shards(rendered):
        kinds = [v.kind for v in sample["views"]]
        assert kinds.count("body") <= config.views and kinds.count(FULL) <= config.full_frames
        assert sum(k.endswith("_hand") for k in kinds) <= config.hand_crops
        for view in sample["views"]:
            h, w = view.labels.shape
            assert max(h, w) == config.size and (h == w or view.kind == FULL)
            source, (x0, y0, x1, y1) = view.info["source"], view.info["crop"]
            np.testing.assert_allclose((x1 - x0) / w, (y1 - y0) / h, rtol=1e-9)  # square pixels
            if view.kind == FULL:
                assert (x0, y0) == (0, 0) and x1 <= source[0] + 1e-6 and y1 <= source[1] + 1e-6


def test_nothing_is_shown_outside_the_frame(subjects):
    for _, _, view in each_view(subjects):
        h, w = view.labels.shape
        x0, y0, x1, y1 = view.info["crop"]
        x = x0 + (np.arange(w) + 0.5) * (x1 - x0) / w
        y = y0 + (np.arange(h) + 0.5) * (y1 - y0) / h
        width, height = view.info["source"]
        outside = ~(((y >= 0) & (y < height))[:, None] & ((x >= 0) & (x < width))[None])
        assert not view.labels[outside].any() and not view.mask[outside].any()


def test_meta_data_tells_how_the_sample_was_made(rendered, body):
    index = ShardIndex(rendered)
    meta = index.meta(1)
    assert (meta["seed"], meta["k"], meta["body"]) == (11, 1, body.name)
    assert meta["topology"] == body.topology_id
    assert meta["options"]["samples_per_pixel"] == 1 and meta["options"]["variant"] == "scalar_rgb"
    assert {"posture", "layout", "outfit", "hair", "bystanders", "environment", "world"} <= set(meta)


def test_people_stand_on_the_floor(subjects):
    for _, vertices, _ in subjects:
        assert 0.0 < vertices[:, 1].min() < 0.6  # the floor, or a beam on it


def test_extras_agree_with_labels_and_masks(subjects, body):
    for _, vertices, view in each_view(subjects):
        depth, normals, visibility = (view.extras[name] for name in EXTRAS)
        if view.kind in ("body", FULL):
            np.testing.assert_array_equal(visibility == 1, view.labels > 0)
        else:  # hand views label the hands only
            assert (visibility[view.labels > 0] == 1).all()
        assert (view.mask[visibility == 2] == 1).sum() <= 0.1 * (visibility == 2).sum()
        on = visibility > 0
        assert (np.abs(np.linalg.norm(normals[on], axis=-1) - 1) < 1e-4).all() and not normals[~on].any()
        assert (normals[on][:, 2] < 0.3).mean() > 0.98  # they face the camera
        # Clothes are in front of the skin by less than a hand's width nearly everywhere.
        bare = render_surface(vertices, body.faces.numpy(), [view.camera])[0].depth
        gap = (bare - depth)[visibility == 1]
        assert (gap > -0.001).all() and np.median(gap) < 0.08
