"""People in groups: who stands where, what is stored of them, and no other subject changes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from diffproxy.datasets.shards import FULL, ShardIndex, params_from_json, params_to_json
from render_synth.bystanders import CAMERA_CLEARANCE, NEAR, place_bystanders
from render_synth.humans.poses.pose_check import DEEP, pose_check
from render_synth.rng import stream
from render_synth.sample import render_sample
from render_synth.subject import plan_subject


def with_options(tools, **changes):
    return replace(tools, config=replace(tools.config, **changes))


@pytest.mark.parametrize("desk", [0.0, 1.0])
def test_the_others_stand_close_by_and_in_nobody(groups, desk):
    tools, count = with_options(groups, desk_fraction=desk), []
    for k in range(3):
        subject = plan_subject(tools, k)
        people = [subject.person, *(p for p, _ in place_bystanders(tools, subject))]
        count.append(len(people))
        for i, person in enumerate(people):
            for other in people[:i]:
                assert pose_check(tools.body).depth_between(person.vertices, other.vertices) <= DEEP
            if not i:
                continue
            off = person.joints[0, [0, 2]] - people[0].joints[0, [0, 2]]
            assert NEAR[0] - 1e-4 <= np.linalg.norm(off) <= NEAR[1] + 1e-4
            assert person.vertices[:, 1].min() == pytest.approx(0.0, abs=1e-5)
            for camera in subject.layout.cameras:
                assert np.linalg.norm(person.vertices - camera.center_world, axis=1).min() > CAMERA_CLEARANCE
            if subject.desk is not None:
                low = person.vertices[person.vertices[:, 1] < subject.desk.height]
                assert not subject.desk.covers(low).any()
    assert min(count) >= 2 and max(count) <= 4


def test_bodies_side_by_side_do_not_touch_and_the_same_body_twice_does(body):
    with torch.no_grad():
        v = body.v_template.numpy()
    check = pose_check(body)
    wide = float(np.ptp(v[:, 0]))
    assert check.depth_between(v, v + np.array([wide + 0.01, 0, 0])) == 0.0
    assert check.depth_between(v, v + np.array([0.05, 0, 0])) > 0.03


def test_everybody_is_stored_with_body_and_visibility(group_shard, body):
    index = ShardIndex(group_shard)
    meta, people = index.meta(0), index.people(0)
    assert meta["group"] and index.labels_everybody(0)
    assert set(index.kinds(0)) == {FULL}
    assert len(people) == 1 + meta["bystanders"] >= 3
    with torch.no_grad():
        posed = [body(p) for p in people]
    for j in range(len(index.kinds(0))):
        view = index.view(0, j)
        assert len(view.info["people"]) == len(people)
        for value, (seen, one) in enumerate(zip(view.info["people"], posed, strict=True), start=1):
            pixels = view.camera.project(one.joints[0, :22].double().numpy())
            inside = ((pixels >= 0) & (pixels < [view.camera.width, view.camera.height])).all(1)
            assert seen["in_frame"] == pytest.approx(inside.mean(), abs=1e-4)
            assert (seen["visible"] > 0) == (view.mask == value).any()


def test_without_others_the_same_subject_stands_alone_before_the_same_cameras(groups):
    subject, alone = plan_subject(groups, 0), plan_subject(with_options(groups, max_bystanders=0), 0)
    np.testing.assert_array_equal(subject.person.vertices, alone.person.vertices)
    for a, b in zip(subject.layout.cameras, alone.layout.cameras, strict=True):
        np.testing.assert_array_equal(a.center_world, b.center_world)
    assert place_bystanders(with_options(groups, max_bystanders=0), alone) == []


def test_parameters_of_others_pose_the_bodies_that_were_rendered(groups, body):
    subject = plan_subject(groups, 0)
    for person, _ in place_bystanders(groups, subject):
        with torch.no_grad():
            again = body(params_from_json(params_to_json(person.params))).vertices[0].numpy()
        np.testing.assert_allclose(again, person.vertices, atol=2e-6)


def test_the_share_of_groups_leaves_the_others_as_they_are(tools):
    mixed = with_options(tools, group_fraction=0.5)
    drawn = [stream(tools.config.seed, k, "group").random() < 0.5 for k in range(8)]
    other = drawn.index(False)
    views, _, meta = render_sample(mixed, other)
    before, _, was = render_sample(tools, other)
    assert "group" not in meta and meta["others"] == was["others"]
    for a, b in zip(views, before, strict=True):
        np.testing.assert_array_equal(a.rgb, b.rgb)
        np.testing.assert_array_equal(a.mask, b.mask)
