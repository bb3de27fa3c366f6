"""People without any asset folder: shapes, poses that do not pass through the body, loose clothes, hair."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from diffproxy.body import BodyParams
from diffproxy.geometry.meshes import vertex_normals
from diffproxy.geometry.rotations import to_matrix
from diffproxy.motion.limits import within_limits
from diffproxy.utils.errors import InputError
from render_synth.humans.body import bodies
from render_synth.humans.body.anatomy import build_anatomy
from render_synth.humans.body.bodies import Person, sample_person
from render_synth.humans.body.posed import Obstacle, pose_anatomy
from render_synth.humans.body.shapes import sample_shape, shape_axes, stature_of
from render_synth.humans.garments.cloth_sheet import Sheet, finer, sheet_faces
from render_synth.humans.garments.drape import drape
from render_synth.humans.garments.layers import OUTFITS
from render_synth.humans.garments.outfits import sample_outfit
from render_synth.humans.garments.skirt import SkirtCut, skirt_sheet
from render_synth.humans.garments.tailored import build_garment_tools, sample_tailored
from render_synth.humans.hair import hair_mesh, long_hair, scalp
from render_synth.humans.look import LOOKS, Look
from render_synth.humans.poses.pose_check import DEEP, pose_check
from render_synth.humans.poses.pose_source import LIMBS, hand_height, load_pose_source, wrist_from_shoulder
from render_synth.humans.poses.postures import Angles


@pytest.fixture(scope="module")
def anatomy(body):
    return build_anatomy(body, 0.03)


@pytest.fixture(scope="module")
def garments(anatomy):
    return build_garment_tools(anatomy)


@pytest.fixture(scope="module")
def poses():
    return load_pose_source()


def in_pose(body, angles: Angles | None = None) -> Person:
    pose = torch.tensor((angles or Angles()).body_pose(), dtype=torch.float32)[None]
    params = BodyParams.rest().replace(body_pose=pose)
    with torch.no_grad():
        out = body(params)
    return Person(params, out.vertices[0].numpy(), out.joints[0].numpy(), "test")


def kick() -> Angles:
    angles = Angles()
    angles.add("l_hip", -100, 0, 15)
    angles.both("shoulder", z=-60)
    return angles


def sit() -> Angles:
    angles = Angles()
    angles.both("hip", -90, 6)
    angles.both("knee", 88)
    angles.both("shoulder", z=-55)
    return angles


def test_a_hand_in_hip_or_thigh_is_found_and_a_plain_pose_is_clean(body):
    check, inside = pose_check(body), Angles()
    inside.add("l_shoulder", z=-100)
    assert check.depth(in_pose(body).vertices) == 0.0
    assert check.depth(in_pose(body, sit()).vertices) < DEEP
    assert check.depth(in_pose(body, inside).vertices) > DEEP


def test_crossed_shins_are_found(body):
    crossed = Angles()
    crossed.both("hip", z=-12)
    assert pose_check(body).depth(in_pose(body, crossed).vertices) > DEEP


def test_people_are_the_same_every_time_and_do_not_pass_through_themselves(body, poses):
    def draw(k):
        return sample_person(body, np.random.default_rng(k), np.array([0.3, 0.1, -0.2]), poses)

    people = [draw(k) for k in range(12)]
    assert all(p.notes["pose_depth"] <= DEEP for p in people)
    assert all(p.vertices[:, 1].min() == pytest.approx(0.1, abs=1e-5) for p in people)
    np.testing.assert_array_equal(draw(5).vertices, people[5].vertices)
    again = body(people[3].params).vertices[0].numpy()
    np.testing.assert_allclose(again, people[3].vertices, atol=1e-5)


def test_the_least_bad_pose_is_taken_when_all_are_bad(body, poses, monkeypatch):
    depths = iter([0.09, 0.05, 0.07])

    class Bad:
        def depth(self, vertices):
            return next(depths)

    monkeypatch.setattr(bodies, "pose_check", lambda body: Bad())
    monkeypatch.setattr(bodies, "within_limits", lambda pose: [True])
    monkeypatch.setattr(bodies, "TRIES", 3)
    person = sample_person(body, np.random.default_rng(0), np.zeros(3), poses)
    assert person.notes["pose_depth"] == 0.05 and person.notes["pose_tries"] == 3


def test_shapes_spread_and_children_are_small(body):
    axes = shape_axes(body)
    assert abs(axes.tall @ axes.heavy) < 1e-6
    assert stature_of(body, 2 * axes.tall) - stature_of(body, -2 * axes.tall) > 0.3
    rng = np.random.default_rng(0)
    adults = [sample_shape(rng, body) for _ in range(200)]
    assert {kind for *_, kind in adults} == {"adult", "thin", "heavy", "tall", "short"}
    assert np.ptp([stature_of(body, b) * s for b, s, _ in adults]) > 0.5
    children = [sample_shape(rng, body, 1.0) for _ in range(50)]
    assert all(0.7 < stature_of(body, b) * s < 1.5 and kind == "child" for b, s, kind in children)


@pytest.mark.parametrize("pose", [Angles, sit, kick], ids=["stand", "sit", "kick"])
@pytest.mark.parametrize("opening", [0.0, 0.3], ids=["skirt", "coat"])
def test_skirts_stay_outside_the_body_and_in_one_piece(body, anatomy, pose, opening):
    posed = pose_anatomy(anatomy, in_pose(body, pose()))
    cut = SkirtCut(0.3, 0.7, 0.006, flare=0.15, fullness=1.2, opening=opening)
    sheet = skirt_sheet(posed, cut, np.random.default_rng(0))
    start = posed.skin(sheet.rest.reshape(-1, 3), sheet.weights.reshape(-1, 55)).reshape(sheet.rest.shape)
    cloth = drape(sheet, start, posed.trunk)
    _, at = posed.trunk.tree.query(cloth.reshape(-1, 3))
    height = ((cloth.reshape(-1, 3) - posed.trunk.points[at]) * posed.trunk.normals[at]).sum(1)
    assert (height < -0.002).mean() < 0.01 and np.isfinite(cloth).all()
    assert cloth[..., 1].min() >= posed.floor
    stretch = np.linalg.norm(np.diff(cloth, axis=0), axis=-1) / np.linalg.norm(
        np.diff(sheet.rest, axis=0), axis=-1
    )
    assert np.quantile(stretch, 0.99) < 1.5
    # it does not follow each leg: between the thighs, it spans from one to the other
    if pose is Angles and not opening:
        ring = cloth[len(cloth) // 2]
        assert np.abs(ring[:, 0]).min() < 0.03 and np.ptp(ring[:, 0]) > 0.3


def test_a_sheet_hangs_straight_down_and_keeps_its_length():
    rest = np.stack(np.meshgrid(np.linspace(0, 0.3, 12), np.linspace(0.3, 0, 12), [0.0]), -1)[:, :, 0]
    sheet = Sheet(rest, np.zeros((12, 12, 55)), closed=False)
    start = rest[..., [0, 2, 1]] + [0, 2.0, 0]  # lies flat in the air, held at one edge
    far = Obstacle.of(np.array([[0.0, -9, 0]]), np.array([[0, 1.0, 0]]), 0.0)
    fallen = drape(sheet, start, far, steps=150, rounds=8, stiff=0.0)
    assert fallen[-1, :, 1].mean() < 2.0 - 0.25 * 0.9
    assert np.linalg.norm(np.diff(fallen, axis=0), axis=-1).max() < 1.1 * 0.3 / 11


def test_finer_grids_pass_through_the_coarse_points():
    grid = np.random.default_rng(0).normal(size=(5, 8, 3))
    np.testing.assert_array_equal(finer(grid, True)[::2, ::2], grid)
    assert finer(grid, True).shape == (9, 16, 3) and finer(grid, False).shape == (9, 15, 3)
    faces = sheet_faces(9, 16, True)
    assert len(faces) == 2 * 8 * 16 and faces.max() == 9 * 16 - 1


def test_clothes_and_hair_face_outwards_and_are_the_same_every_time(body, anatomy, garments):
    posed = pose_anatomy(anatomy, in_pose(body))
    kinds = set()
    for k in range(12):
        meshes, kind = sample_tailored(np.random.default_rng(k), posed, garments)
        hair, style = hair_mesh.sample_hair(np.random.default_rng(k), posed)
        kinds |= {kind, style}
        for mesh in [*meshes, *hair]:
            assert np.isfinite(mesh.vertices).all() and len(mesh.colors) == len(mesh.vertices)
            assert mesh.vertices[:, 1].min() > posed.floor - 0.02 and np.abs(mesh.vertices).max() < 2.5
            out = ((mesh.vertices - mesh.vertices.mean(0)) * vertex_normals(mesh.vertices, mesh.faces)).sum(1)
            assert out.mean() > 0, (kind, style)
    assert len(kinds) > 6
    twice = [sample_tailored(np.random.default_rng(3), posed, garments)[0] for _ in range(2)]
    for a, b in zip(*twice, strict=True):
        np.testing.assert_array_equal(a.vertices, b.vertices)
        np.testing.assert_array_equal(a.colors, b.colors)


def test_long_hair_falls_by_gravity_whatever_the_head_does(body, anatomy):
    bent = Angles()
    bent.both("hip", -80)
    posed = pose_anatomy(anatomy, in_pose(body, bent))
    head = scalp.Scalp.of(posed)
    tint = np.array([0.1, 0.1, 0.1], np.float32)
    hair = long_hair.curtain(np.random.default_rng(0), head, 0.25, 0.02, tint, 0.55)
    assert posed.joints[15, 1] - hair.vertices[:, 1].min() > 0.1


def write_amass(path, **changes):
    poses = np.zeros((4, 156))
    poses[:, 3:66] = 0.002 * np.arange(63)
    np.savez(path, **{"poses": poses, "trans": np.zeros((4, 3)), "mocap_framerate": 10.0} | changes)


def test_poses_come_from_a_motion_folder(tmp_path):
    (tmp_path / "deep").mkdir()
    write_amass(tmp_path / "deep" / "walk_poses.npz")
    np.savez(tmp_path / "shape.npz", betas=np.zeros(10))
    source = load_pose_source(str(tmp_path))
    assert [f.rsplit("/", 1)[1] for f in source.files] == ["walk_poses.npz"]
    drawn = [source.sample(np.random.default_rng(k)) for k in range(30)]
    mine = [pose for pose, kind in drawn if kind == "motion/walk_poses.npz"]
    assert 2 < len(mine) < 20 and {"bank", "mixed"} <= {kind for _, kind in drawn}
    assert any(np.allclose(p["body_pose"], 0.002 * np.arange(63), atol=1e-6) for p in mine)
    assert all(p["left_hand_pose"].any() for p in mine)  # the file's hands are flat: others are drawn


def test_raised_arms_are_frequent_and_raised(poses):
    """Hands above the shoulder: an arm in six of the bank, and at least one in every raised pose."""
    rng = np.random.default_rng(3)
    high = {"bank": [], "raised": []}
    for _ in range(600):
        pose, kind = poses.sample(rng)
        if kind in high:
            arms = pose["body_pose"].reshape(21, 3)
            high[kind].append(any(hand_height(arms[LIMBS[side]], side) > 0 for side in LIMBS))
    assert 0.1 < len(high["raised"]) / 600 < 0.2
    assert all(high["raised"]) and np.mean(high["bank"]) < 0.5


def test_active_people_all_raise_an_arm_or_balance(poses):
    rng = np.random.default_rng(4)
    kinds = [replace(poses, action_pose_fraction=1.0).sample(rng)[1] for _ in range(60)]
    assert set(kinds) == {"raised", "balance"} and 15 < kinds.count("raised") < 45


def test_tumbled_people_stand_any_way_up_in_the_poses_they_had(poses):
    """The vertical part of a direction drawn evenly from the sphere is even in [-1, 1]; body and hands stay."""
    from scipy.stats import kstest  # half a second of imports, for this test alone

    ups = []
    for k in range(200):
        before, kind = poses.sample(np.random.default_rng(k))
        after, same = replace(poses, random_orientation_fraction=1.0).sample(np.random.default_rng(k))
        assert same == kind and all(
            np.array_equal(after[n], before[n]) for n in after if n != "global_orient"
        )
        ups.append(to_matrix(after["global_orient"])[1, 1])
    assert kstest(ups, "uniform", (-1, 2)).pvalue > 0.01
    pose, _ = replace(poses, random_orientation_fraction=0.0).sample(np.random.default_rng(0))
    assert np.array_equal(pose["global_orient"], poses.sample(np.random.default_rng(0))[0]["global_orient"])


def test_height_of_a_hand_above_the_shoulder():
    up = np.array([[0, 0, 0], [0, 0, np.pi / 2], [0, 0, 0], [0, 0, 0]], float)
    flat = np.zeros((4, 3))
    assert hand_height(up, "left") == pytest.approx(0.518, abs=1e-6)
    assert hand_height(-up, "right") == pytest.approx(0.518, abs=1e-6)
    assert hand_height(flat, "left") == pytest.approx(-0.026, abs=1e-6)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: p.write_bytes(b"no archive"),
        lambda p: write_amass(p, poses=np.full((4, 156), np.nan)),
        lambda p: write_amass(p, poses=np.zeros((4, 20))),
        lambda p: write_amass(p, poses=np.full((4, 156), 3.0)),
    ],
)
def test_a_broken_motion_file_is_named(tmp_path, spoil):
    spoil(tmp_path / "broken.npz")
    source = load_pose_source(str(tmp_path))
    with pytest.raises(InputError, match=r"broken"):
        for k in range(40):
            source.sample(np.random.default_rng(k))


def test_a_motion_beyond_human_limits_does_not_end_the_run(tmp_path):
    """In a folder of hundreds one is met after hours."""
    write_amass(tmp_path / "walk.npz")
    write_amass(tmp_path / "broken.npz", poses=np.full((4, 156), 3.0))
    source = load_pose_source(str(tmp_path))
    kinds = {source.sample(np.random.default_rng(k))[1] for k in range(40)}
    assert "motion/walk.npz" in kinds and "motion/broken.npz" not in kinds


def test_a_folder_without_motion_is_refused(tmp_path):
    with pytest.raises(InputError, match="AMASS"):
        load_pose_source(str(tmp_path))


def test_cloth_engines_are_asked_for_by_name(monkeypatch):
    from render_synth.humans.garments import cloth_engine as cloth

    assert isinstance(cloth.load_cloth("none"), cloth.Relaxation)
    with pytest.raises(InputError, match="one of none, warp"):
        cloth.load_cloth("blender")
    monkeypatch.setitem(sys.modules, "warp", None)
    with pytest.raises(InputError, match="pip install warp-lang"):
        cloth.load_cloth("warp")


SIMULATE = """
import numpy as np, torch
from diffproxy.body import load_body
from render_synth.humans.body.anatomy import build_anatomy
from render_synth.humans.body.bodies import sample_person
from render_synth.humans.body.posed import pose_anatomy
from render_synth.humans.garments.cloth_engine import load_cloth
from render_synth.humans.garments.skirt import SkirtCut, skirt_sheet
body = load_body("anny")
person = sample_person(body, np.random.default_rng(4), np.zeros(3))
posed = pose_anatomy(build_anatomy(body, 0.03), person)
sheet = skirt_sheet(posed, SkirtCut(0.3, 0.5, 0.006, flare=0.2, fullness=1.0), np.random.default_rng(0))
cloth = load_cloth("warp")
one, two = (cloth.hang(posed, sheet, posed.trunk, 0.006, 10) for _ in range(2))
np.testing.assert_array_equal(one, two)
_, at = posed.trunk.tree.query(one.reshape(-1, 3))
height = ((one.reshape(-1, 3) - posed.trunk.points[at]) * posed.trunk.normals[at]).sum(1)
assert (height < -0.005).mean() < 0.02, (height < -0.005).mean()
"""


@pytest.mark.skipif(not os.environ.get("RUN_SLOW"), reason="compiles for 20 s; RUN_SLOW=1")
def test_simulated_cloth_is_the_same_every_time_and_outside_the_body():
    """In a process of its own: the type checker of the tests does not know the types of Warp's kernels."""
    pytest.importorskip("warp")
    done = subprocess.run([sys.executable, "-c", SIMULATE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_swimmers_wear_little_and_tight(body, anatomy, garments):
    posed, tops = pose_anatomy(anatomy, in_pose(body)), 0
    for k in range(12):
        pieces, outfit, hair = sample_outfit(
            np.random.default_rng(k), posed, garments, frozenset(), Look(frozenset(LOOKS))
        )
        clothes = [g for g in pieces if getattr(g, "name", "") in ("upper", "lower")]
        assert (outfit, hair) == ("sport", "skull_cap") and len(clothes) in (1, 2)
        tops += len(clothes) - 1
        for g in clothes:
            assert g.mask.any() and not g.mask[anatomy.arm > 0.1].any()
            assert not g.mask[(anatomy.torso > 0.3) & (anatomy.torso < 0.4)].any()  # the belly is bare
        cap = next(g for g in pieces if not hasattr(g, "name"))
        far, _ = cKDTree(posed.fine).query(cap.vertices)
        assert 0.001 < np.median(far) < far.max() < 0.008
    assert 0 < tops < 12


def test_tight_clothes_are_never_cut_wide(body, anatomy, garments):
    posed = pose_anatomy(anatomy, in_pose(body))
    for k in range(12):
        pieces, outfit, _ = sample_outfit(
            np.random.default_rng(k),
            posed,
            garments,
            frozenset({"hair"}),
            Look(frozenset({"tight"})),
        )
        assert outfit in OUTFITS
        assert all(g.lift[g.mask].max() < 0.08 for g in pieces), "layers on the skin only"


def test_who_balances_stretches_the_arms_and_leans(poses):
    drawn = [poses.sample(np.random.default_rng(k)) for k in range(200)]
    found = [pose for pose, kind in drawn if kind == "balance"]
    assert 8 < len(found) < 35
    assert within_limits(np.stack([p["body_pose"] for p in found])).all()
    # the body's own y axis against the world's
    up = np.stack([to_matrix(p["global_orient"])[1, 1] for p in found])
    assert np.quantile(up, 0.1) > 0.7 and up.min() < 0.98
    assert wide(found) > 0.5 > 2 * wide([pose for pose, kind in drawn if kind == "bank"])


def wide(found):
    """Share of arms that reach farther than 35 cm to the side."""
    arms = [(p["body_pose"].reshape(21, 3)[LIMBS[s]], s) for p in found for s in LIMBS]
    return np.mean([abs(wrist_from_shoulder(arm, side)[0]) > 0.35 for arm, side in arms])
