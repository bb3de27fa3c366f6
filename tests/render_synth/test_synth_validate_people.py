"""The validator passes the other people of a rendered group and finds what is wrong with them."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.cameras import Camera
from diffproxy.datasets.shard_writer import ShardWriter
from diffproxy.datasets.shards import ShardIndex, ShardView
from diffproxy.proxies import render_surface
from render_synth.cameras import look_at
from render_synth.cli import main
from render_synth.validate_people import check_people, distance_off


def report(capsys):
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])["others"]


def spoilt(source, target, others=lambda people: people, view=lambda view: view):
    """The group again, with other people or other views."""
    index = ShardIndex(source)
    meta = {k: v for k, v in index.meta(0).items() if k not in ("views", "params", "version")}
    meta["others"] = others(meta["others"])
    views = [view(index.view(0, j)) for j in range(len(index.kinds(0)))]
    with ShardWriter(target / "a.tar") as writer:
        writer.add("s0", views, index.params(0), meta)
    return str(target / "a.tar")


def test_a_rendered_group_agrees(group_shard, capsys):
    assert main(["validate", str(group_shard)]) == 0
    got = report(capsys)
    assert got["pixels"] > 400 and got["people"] == 6  # three others in two views
    assert (got["wrong"], got["shares"], got["unlabelled"]) == (0.0, 0, 0)


def test_exchanged_people_are_found(group_shard, tmp_path, capsys):
    assert main(["validate", spoilt(group_shard, tmp_path, others=lambda people: people[::-1])]) == 1
    got = report(capsys)
    assert got["off_body"] > 0.2 * got["pixels"]


def test_others_in_no_picture_where_they_should_be_are_found(group_shard, tmp_path, capsys):
    def without(view):
        return replace(view, mask=np.where(view.mask == 2, 3, view.mask).astype(np.uint8))

    assert main(["validate", spoilt(group_shard, tmp_path, view=without)]) == 1
    assert report(capsys)["shares"] > 0


def test_somebody_seen_through_somebody_else_is_found(body):
    """Two upright bodies, one a metre before the other; the mask shows the far one in front."""
    with torch.no_grad():
        posed = body(BodyParams.rest())
    vertices, joints = posed.vertices.double().numpy(), posed.joints.double().numpy()
    ahead = np.array([0, 0, 1.0])
    both, points = np.concatenate([vertices, vertices + ahead]), np.concatenate([joints, joints + ahead])
    K = np.array([[48.0, 0, 24], [0, 48, 24], [0, 0, 1]])
    camera = look_at("c", np.array([0, 0, 4.0]), np.zeros(3), 0.0, K, 48, 48)
    faces = body.faces.numpy()
    far, near = (render_surface(v, faces, [camera])[0].outline for v in both)
    blank = np.zeros((48, 48))
    right = ShardView(
        np.zeros((48, 48, 3), np.uint8), blank.astype(np.uint8), np.zeros((48, 48, 2), np.float32),
        np.where(near, 2, far).astype(np.uint8), camera, "body",
    )  # fmt: skip
    got = check_people(both, points, faces, right)
    assert (got.pixels, got.off_body, got.anothers) == (near.sum(), 0, 0)
    wrong = replace(right, mask=np.where(far, 1, 2 * near).astype(np.uint8))
    assert check_people(both, points, faces, wrong).anothers == (near & far).sum() > 50


@pytest.mark.parametrize("name", ["visible", "in_frame"])
def test_wrong_shares_are_found(group_shard, tmp_path, capsys, name):
    def other(view):
        people = [dict(one) for one in view.info["people"]]
        people[1][name] = 0.0 if people[1][name] > 0.5 else 1.0
        return replace(view, info=view.info | {"people": people})

    assert main(["validate", spoilt(group_shard, tmp_path, view=other)]) == 1
    assert report(capsys)["shares"] > 0


def test_others_without_parameters_are_counted(group_shard, tmp_path, capsys):
    index = ShardIndex(group_shard)
    meta = {k: v for k, v in index.meta(0).items() if k not in ("views", "params", "version", "others")}
    with ShardWriter(tmp_path / "a.tar") as writer:
        writer.add("s0", [index.view(0, 0)], index.params(0), meta)
    assert main(["validate", str(tmp_path)]) == 0
    got = report(capsys)
    assert got["unlabelled"] == meta["bystanders"] > 0 and got["people"] == 0


def test_distances_of_pixels_are_metres_at_the_depth_of_the_body():
    K = np.array([[100.0, 0, 50], [0, 100, 50], [0, 0, 1]])
    camera = Camera("c", 100, 100, K, np.eye(3), np.zeros(3))
    mask = np.zeros((100, 100), bool)
    mask[49, 69] = True  # 19.5 px right and 0.5 px above of the only vertex that is before the camera
    off = distance_off(mask, camera, np.array([[0.0, 0.0, 2.0], [0.4, 0.0, -2.0]]))
    np.testing.assert_allclose(off, [np.hypot(19.5, 0.5) * 2 / 100])
    assert np.isinf(distance_off(mask, camera, np.array([[0.0, 0.0, -2.0]]))).all()
