"""The packaged bank: whole, split by clip, within limits, drawn from in a repeatable way; and how one is built."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

from diffproxy.geometry.rotations import to_matrix
from diffproxy.motion.__main__ import main
from diffproxy.motion.clip import Motion
from diffproxy.motion.limits import within_limits
from diffproxy.motion.pose_bank.collect import diverse, farthest_points
from diffproxy.motion.pose_bank.file import QUANTUM, quantise, radians, summary
from diffproxy.motion.pose_bank.sampler import BANK_FILE, load_pose_bank
from diffproxy.motion.procedural import POSTURES, posture
from diffproxy.motion.retarget import smplx_joints
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_npz


@pytest.fixture(scope="module")
def bank():
    return load_pose_bank()


def test_bank_is_whole(bank):
    assert BANK_FILE.stat().st_size < 2.5e6
    assert len(bank.rows("train")) == 6000 and len(bank.rows("test")) == 800
    assert len(bank.hand_rows("train")) + len(bank.hand_rows("test")) == len(bank.right_hand_pose) >= 60
    assert bank.left_hand_pose.shape == bank.right_hand_pose.shape and len(bank.sources) >= 2
    with zipfile.ZipFile(BANK_FILE) as archive:
        for name in archive.namelist():
            np.lib.format.read_array(io.BytesIO(archive.read(name)), allow_pickle=False)


def test_no_clip_nor_subject_is_in_both_splits(bank):
    groups = np.array(bank.clip_groups)
    train, test = (set(groups[bank.clip_id[bank.rows(s)]]) for s in ("train", "test"))
    assert train.isdisjoint(test) and len(test) >= 5
    names = {n: bank.hand_names[n] for n in bank.hand_rows("test")}
    assert names and bank.hand_test.mean() < 0.3


def test_poses_are_within_limits_and_distinct(bank):
    assert within_limits(bank.body_pose.astype(float)).mean() > 0.999  # rounding may push a few over
    assert len(np.unique(bank.body_pose, axis=0)) > 0.995 * len(bank.body_pose)


def test_bodies_are_mostly_upright_but_not_all(bank):
    """Gravity survives: most heads are above the pelvis, some poses lie, hang or stand on their hands."""
    motion = Motion(bank.global_orient, bank.body_pose, np.zeros((len(bank.test), 3)), 30.0, "bank")
    joints = smplx_joints(motion)[1]
    up = joints[:, 15, 1] - joints[:, 0, 1]
    assert 0.85 < (up > 0.3).mean() < 0.995 and (up < 0).any()
    knees = joints[:, [4, 5], 1].mean(1) - joints[:, [7, 8], 1].mean(1)
    assert (knees > 0.1).mean() > 0.8


def test_sample_depends_on_the_generator_alone(bank):
    a, b = (bank.sample(np.random.default_rng(3)) for _ in range(2))
    assert {k: v.shape for k, v in a.items()} == {
        "global_orient": (3,), "body_pose": (63,), "left_hand_pose": (45,), "right_hand_pose": (45,)
    }  # fmt: skip
    assert all(np.array_equal(a[k], b[k]) and a[k].dtype == np.float32 for k in a)
    rng = np.random.default_rng(0)
    draws = [bank.sample(rng, split) for split in ("train", "test") for _ in range(60)]
    forward = np.stack([to_matrix(d["global_orient"])[:, 2] for d in draws])
    heading = np.arctan2(forward[:, 0], forward[:, 2])
    assert np.histogram(heading, 4, (-np.pi, np.pi))[0].min() > 12  # all round
    assert all(np.isfinite(v).all() and np.abs(v).max() < 3.2 for d in draws for v in d.values())
    with pytest.raises(InputError, match="split"):
        bank.sample(rng, "both")


def test_gaussian_is_proper_and_symmetric(bank):
    moments = bank.gaussian()
    assert {k: v.shape for k, v in moments.items()} == {
        "body_mean": (63,), "body_cov": (63, 63), "hand_mean": (45,), "hand_cov": (45, 45)
    }  # fmt: skip
    for name in ("body_cov", "hand_cov"):
        assert np.allclose(moments[name], moments[name].T) and np.linalg.eigvalsh(moments[name]).min() > 1e-3
    mean = moments["body_mean"].reshape(21, 3)
    assert np.allclose(mean[3], mean[4] * [1, -1, -1], atol=1e-6)  # knees: mirror images were counted in
    moments["body_mean"][:] = 7
    assert not (bank.gaussian()["body_mean"] == 7).any()
    train = bank.body_pose[bank.rows("train")]
    again = summary(train, bank.right_hand_pose[bank.hand_rows("train")])
    assert np.allclose(again["body_cov"], bank.gaussian()["body_cov"], atol=1e-4)


def test_quantisation_is_fine():
    values = np.random.default_rng(0).uniform(-np.pi, np.pi, (100, 63))
    assert np.abs(radians(quantise(values)) - values).max() <= QUANTUM / 2 + 1e-6 < np.radians(0.003)


def test_bad_bank_files(tmp_path, bank):
    data = dict(np.load(BANK_FILE))
    changes = {
        "lost": {k: v for k, v in data.items() if k != "test"},
        "narrow": data | {"body_pose": data["body_pose"][:, :60]},
        "short": data | {"global_orient": data["global_orient"][:-1]},
        "float": data | {"body_pose": data["body_pose"].astype(np.float32)},
        "nan": data | {"body_cov": data["body_cov"] * np.nan},
        "clips": data | {"clip_id": data["clip_id"] + 1000},
        "pickle": data | {"hand_names": np.array([{}] * len(data["hand_names"]), dtype=object)},
    }
    for name, arrays in changes.items():
        np.savez(tmp_path / f"{name}.npz", **arrays)
        with pytest.raises(InputError):
            load_pose_bank(tmp_path / f"{name}.npz")
    whole = BANK_FILE.read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[:100_000])
    for name in ("cut.npz", "missing.npz"):
        with pytest.raises(InputError):
            load_pose_bank(tmp_path / name)


def test_farthest_points_find_the_corners():
    rng = np.random.default_rng(0)
    corners = np.array([[0, 0], [10, 0], [0, 10], [10, 10.0]])
    cloud = np.concatenate([rng.normal(5, 0.5, (200, 2)), corners])
    assert set(farthest_points(cloud, 5, start=0)[1:].tolist()) == {200, 201, 202, 203}
    rows = diverse(cloud, 50, rng)
    assert len(set(rows.tolist())) == 50 and {200, 201, 202, 203} <= set(rows.tolist())
    assert diverse(cloud, 500, rng).tolist() == list(range(204))


def motion_folder(folder, subjects=("01", "02")):
    """A folder as `build_bank` expects it: short clips of a small Acclaim-like figure and two hand shapes."""
    from diffproxy.motion.readers.skeleton import EXPMAP38
    from diffproxy.motion.skeleton import REST_JOINTS, joint_index

    at = {"root": "pelvis", "lfemur": "left_hip", "ltibia": "left_knee", "lfoot": "left_ankle", "ltoes": "left_foot",
          "thorax": "spine3", "head": "head", "lclavicle": "left_collar", "lhumerus": "left_shoulder",
          "lradius": "left_elbow", "lwrist": "left_wrist", "lhand": "left_wrist"}  # fmt: skip
    at |= {"r" + k[1:]: v.replace("left", "right") for k, v in at.items() if k.startswith("l")}
    names = [n for n in EXPMAP38 if n in at]
    parent = {"thorax": "root", "head": "thorax"}
    for s in "lr":
        chain = ["root", s + "femur", s + "tibia", s + "foot", s + "toes"]
        arm = ["thorax", s + "clavicle", s + "humerus", s + "radius", s + "wrist", s + "hand"]
        parent |= dict(zip(chain[1:], chain, strict=False)) | dict(zip(arm[1:], arm, strict=False))
    place = {n: REST_JOINTS[joint_index(at[n])] for n in names}
    offsets = np.array([place[n] - place[parent[n]] if n != "root" else np.zeros(3) for n in names])
    (folder / "cmu_mocap").mkdir(parents=True)
    for k, subject in enumerate(subjects):
        rotvec = np.random.default_rng(k).normal(0, 0.12, (20, len(names), 3))
        np.savez(
            folder / "cmu_mocap" / f"cmu_{subject}_01.npz", names=np.array(names), offsets=offsets, rotvec=rotvec,
            parents=np.array([-1 if n == "root" else names.index(parent[n]) for n in names]),
            root=np.zeros((20, 3)), fps=30.0,
        )  # fmt: skip
    (folder / "hand_poses").mkdir()
    from diffproxy.motion.hand_directions import FLAT_DIRECTIONS, bone_directions

    bent = np.zeros((5, 3, 3))
    bent[:4, :, 2] = 0.5
    hands = []
    for name, directions in (
        ("flat", FLAT_DIRECTIONS),
        ("bent", bone_directions(bent.reshape(45))),
        ("other", FLAT_DIRECTIONS),
    ):
        points = np.zeros((25, 3))
        for row, (finger, knuckle) in enumerate(((6, 27), (11, 0), (21, -36), (16, -18), (1, 30))):
            points[finger : finger + 4] = np.cumsum(
                np.vstack([[-90.0, 0, knuckle], directions[row] * 30]), axis=0
            )
        hands.append({"names": [name], "handedness": "right", "jointPositions": points.tolist()})
    (folder / "hand_poses" / "handyjs_poses_MIT.json").write_text(json.dumps(hands))
    return folder


def test_build_command(tmp_path):
    """The command builds a small bank, twice the same, with subject 02 held out."""
    folder = motion_folder(tmp_path / "motion")
    files = [tmp_path / "a.npz", tmp_path / "b.npz"]
    for file in files:
        main(["build_bank", f"motion={folder}", f"out={file}", "train=200", "test=5"])
    assert files[0].read_bytes() == files[1].read_bytes() and not list(tmp_path.glob("*.tmp"))
    bank = load_pose_bank(files[0])
    captured = np.array([not n.startswith("rule/") for n in bank.clip_names])[bank.clip_id]
    assert 15 < (captured & ~bank.test).sum() <= 20  # all there are, but for frames beyond joint limits
    assert (~captured).sum() == 13  # one of each posture
    assert len(bank.rows("test")) == 5 and not bank.test[~captured].any()
    assert {bank.clip_groups[i] for i in bank.clip_id[bank.rows("test")]} == {"cmu_02"}
    assert bank.hand_names == ("handyjs/flat", "handyjs/bent", "handyjs/other")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build"], "build_bank"),
        (["build_bank"], "no motion"),
        (["build_bank", "motion"], "name=value"),
        (["build_bank", "motion=x", "trian=5"], "did you mean train"),
        (["build_bank", "motion=x", "train=many"], "train as a whole number"),
    ],
)
def test_command_says_what_it_takes(arguments, message):
    with pytest.raises(InputError, match=message):
        main(arguments)


def test_command_without_data(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError):
            main(["build_bank", f"motion={folder}"])


def test_write_leaves_no_half_file(tmp_path):
    with pytest.raises(ValueError, match="allow_pickle"):
        write_npz(tmp_path / "x.npz", {"bad": np.array([{}], dtype=object)})
    assert not (tmp_path / "x.npz").exists()


@pytest.mark.parametrize("kind", POSTURES)
def test_postures_are_within_limits_and_as_named(kind):
    """Pelvis height over the feet, and tilt of the trunk, tell sitting, kneeling and lying apart."""
    rng = np.random.default_rng(0)
    poses = [posture(rng, kind, np.zeros(63)) for _ in range(20)]
    motion = Motion(*(np.stack(column) for column in zip(*poses, strict=True)), np.zeros((20, 3)), 1.0, kind)
    assert within_limits(motion.body_pose).all()
    joints = smplx_joints(motion)[1]
    trunk_up = np.median(joints[:, 12, 1] - joints[:, 0, 1])
    if kind.startswith("lie"):
        assert abs(trunk_up) < 0.2
    else:
        assert trunk_up > 0.25 and np.median(joints[:, 0, 1] - joints[:, [7, 8], 1].min(1)) < 0.65
    assert (
        np.median(joints[:, 4, 0] - joints[:, 5, 0]) > 0.03 or kind == "lie_on_side"
    )  # left knee on the left
