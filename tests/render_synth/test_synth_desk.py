"""Shares of subjects at desks, before phones and with voluminous hair; other subjects do not change."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from render_synth.humans.body.bodies import sample_person
from render_synth.humans.body.posed import pose_anatomy
from render_synth.humans.hair.hair_mesh import HATS, sample_hair
from render_synth.humans.poses.postures import JOINTS
from render_synth.humans.poses.seated import sample_seated_pose
from render_synth.rng import stream
from render_synth.sample import render_sample
from render_synth.scenes.desk import THICK, build_desk, fit_desk, front_of
from render_synth.scenes.primitives import Solids
from render_synth.webcams import CHEST, sample_webcams

SHARES = ("desk_fraction", "phone_fraction", "big_hair_fraction")


@pytest.fixture(scope="module")
def sitters(tools):
    """Ten seated people, the table in front of each (or None) and their cameras."""
    out = []
    for k in range(10):
        rng = np.random.default_rng(k)
        person = sample_person(tools.body, rng, np.zeros(3), tools.poses, seated=True)
        desk = fit_desk(rng, person.vertices, person.joints)
        out.append((person, desk, sample_webcams(rng, 4, person.vertices, person.joints, desk)))
    return out


def changed(tools, **options):
    return replace(tools, config=replace(tools.config, **options))


def test_seated_poses_bend_hips_and_knees():
    poses = np.stack([sample_seated_pose(np.random.default_rng(k)) for k in range(50)])
    angles = np.degrees(poses.reshape(50, 21, 3))
    hips = angles[:, [JOINTS["l_hip"] - 1, JOINTS["r_hip"] - 1], 0]
    knees = angles[:, [JOINTS["l_knee"] - 1, JOINTS["r_knee"] - 1], 0]
    assert hips.min() > -125 and hips.max() < -60 and knees.min() > 35 and knees.max() < 125


def test_tables_are_over_the_thighs_and_touch_nobody(sitters):
    desks = [(p, d) for p, d, _ in sitters if d is not None]
    assert len(desks) >= 7
    for person, desk in desks:
        y = person.vertices[desk.covers(person.vertices), 1]
        assert 0.6 <= desk.height <= 0.84 and ((y < desk.height - THICK) | (y > desk.height)).all()
        knees = person.joints[[4, 5]]
        assert desk.covers(knees).any() and (knees[:, 1] < desk.height).all()


def test_things_on_a_table_touch_neither_person_nor_camera(sitters):
    for k, (person, desk, layout) in enumerate(sitters):
        if desk is None:
            continue
        solids = Solids()
        build_desk(solids, np.random.default_rng(k), desk, layout, person.vertices)
        corners = solids.merged()[0]
        over = cKDTree(corners[corners[:, 1] > desk.height + 0.002])
        on_desk = person.vertices[desk.covers(person.vertices) & (person.vertices[:, 1] > desk.height)]
        eyes = np.stack([c.center_world for c in layout.cameras])
        for points in (on_desk, eyes):
            if over.n and len(points):
                assert over.query(points)[0].min() > 0.02


def test_webcams_are_near_in_front_wide_and_clear_of_body_and_table(sitters):
    heights, seen = [], []
    for person, desk, layout in sitters:
        front, chest = front_of(person.joints), person.joints[CHEST]
        tree = cKDTree(person.vertices)
        assert layout.kind == "desk" and len(layout.cameras) == 4
        for camera in layout.cameras:
            x = camera.center_world
            assert 0.49 < np.linalg.norm((x - chest)[[0, 2]]) < 1.51 and tree.query(x)[0] > 0.2
            long_side = max(camera.width, camera.height)
            assert 59 < np.degrees(2 * np.arctan(long_side / 2 / camera.K[0, 0])) < 101
            if desk is not None and desk.covers(x[None])[0]:
                assert x[1] > desk.height
            uv = camera.project(person.vertices)
            inside = np.isfinite(uv).all(1) & (uv > 0).all(1) & (uv < [camera.width, camera.height]).all(1)
            seen.append(inside.mean())
            heights.append(x[1])
        assert np.mean([(c.center_world - chest) @ front > -0.2 for c in layout.cameras]) >= 0.5
    assert np.mean(np.array(heights) < 1.4) > 0.6
    assert np.mean(np.array(seen) > 0.15) > 0.9 and np.mean(np.array(seen) < 0.9) > 0.5  # most cut the body


def test_a_desk_sample_hides_the_legs(tools):
    views, _, meta = render_sample(changed(tools, desk_fraction=1.0), 0)
    assert meta["layout"] == "desk" and meta["posture"] == "seated" and meta["world"]["indoors"]
    body = [v for v in views if v.kind == "body"]
    assert body and all((v.labels > 0).any() for v in body)


def test_phones_stand_upright(tools):
    views, _, meta = render_sample(changed(tools, phone_fraction=1.0, views=1, hand_crops=0), 0)
    assert meta["layout"] == "phones"
    width, height = views[0].info["source"]
    assert height > width


@pytest.mark.parametrize("style", ["short", "afro", "bob"])
def test_hair_volume_is_added_to_the_distance_from_the_head(tools, style):
    person = sample_person(tools.body, np.random.default_rng(3), np.zeros(3), tools.poses)
    posed = pose_anatomy(tools.dresser.anatomy, person)
    usual, big = (sample_hair(np.random.default_rng(5), posed, style, volume)[0][0] for volume in (0.0, 0.05))
    tree = cKDTree(posed.vertices)
    gained = np.percentile(tree.query(big.vertices)[0], 90) - np.percentile(tree.query(usual.vertices)[0], 90)
    assert 0.03 < gained < 0.09


def test_people_with_hair_volume_wear_no_hat(tools):
    person = sample_person(tools.body, np.random.default_rng(3), np.zeros(3), tools.poses)
    posed = pose_anatomy(tools.bystander_dresser.anatomy, person)
    styles = {sample_hair(np.random.default_rng(k), posed, volume=0.02)[1] for k in range(25)}
    assert len(styles) > 3 and not styles & {*HATS, "bald"}


@pytest.mark.parametrize("share", SHARES)
def test_subjects_outside_a_share_are_those_of_a_run_without(tools, share):
    name = {"desk_fraction": "desk", "phone_fraction": "phones", "big_hair_fraction": "hair"}[share]
    values = [stream(tools.config.seed, k, name).random() for k in range(20)]
    k = int(np.argmax(values))
    small = {"views": 1, "full_frames": 0, "hand_crops": 0}
    before = render_sample(changed(tools, **small), k)
    after = render_sample(changed(tools, **small, **{share: values[k] - 1e-6}), k)
    np.testing.assert_array_equal(before[0][0].rgb, after[0][0].rgb)
    np.testing.assert_array_equal(before[0][0].labels, after[0][0].labels)
    assert before[2]["world"] == after[2]["world"]
