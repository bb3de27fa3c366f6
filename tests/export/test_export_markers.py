"""Virtual markers as TRC and C3D, and joint angles as CSV, read back by other means."""

import csv
import importlib.util
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from diffproxy.body import BodyParams
from diffproxy.body.names import JOINT_NAMES, PARENTS
from diffproxy.export.joint_angles import write_joint_angles
from diffproxy.export.joint_positions import write_joint_positions
from diffproxy.export.marker_files import write_c3d, write_trc
from diffproxy.export.markers import marker_vertices
from diffproxy.utils.errors import InputError


def read_trc(text):
    """Marker -> positions (F, 3) in the file's units; the header by name."""
    lines = text.split("\n")
    head = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=True))
    names = [n for n in lines[3].split("\t")[2:] if n]
    assert lines[4].split("\t")[2:5] == ["X1", "Y1", "Z1"] and lines[5] == ""
    rows = [[float(x) if x else np.nan for x in line.split("\t")] for line in lines[6:] if line]
    values = np.array(rows)
    assert values[:, 0].tolist() == list(range(1, len(rows) + 1)) and len(names) == int(head["NumMarkers"])
    return dict(zip(names, values[:, 2:].reshape(len(rows), -1, 3).transpose(1, 0, 2), strict=True)), head


def test_trc_has_the_markers_in_millimetres_and_y_up(motion_of, tmp_path):
    motion = motion_of(4, missing=(2,), up_axis="+Z")
    write_trc(tmp_path / "m.trc", motion)
    markers, head = read_trc((tmp_path / "m.trc").read_text())
    assert head["Units"] == "mm" and float(head["DataRate"]) == 30 and int(head["NumFrames"]) == 4
    turned = motion.with_up_axis("+Y")
    for j, name in enumerate(JOINT_NAMES[:22]):
        found = markers[f"{name}_JC"] / 1000
        assert np.isnan(found[2]).all() and np.abs(found - turned.joints[:, j])[[0, 1, 3]].max() < 1e-5
    for name, vertex in marker_vertices(motion.body).items():
        assert np.abs(markers[name][3] / 1000 - turned.vertices(3)[vertex]).max() < 1e-5


def test_markers_lie_where_their_names_say(body):
    rest = body.v_template.numpy()
    at = {name: rest[vertex] for name, vertex in marker_vertices(body).items()}
    joints = dict(zip(JOINT_NAMES, body.joint_template.numpy(), strict=True))
    for side, sign in (("L", 1), ("R", -1)):
        long = {"L": "left", "R": "right"}[side]
        assert sign * (at[f"{side}LFC"] - at[f"{side}MFC"])[0] > 0.05  # a knee is wider than 5 cm
        assert sign * (at[f"{side}LMAL"] - at[f"{side}MMAL"])[0] > 0.03
        assert at[f"{side}ASI"][2] > at[f"{side}PSI"][2] + 0.1
        assert at[f"{side}TOE"][2] > at[f"{side}CAL"][2] + 0.15
        assert at[f"{side}ACR"][1] > joints[f"{long}_shoulder"][1]
        assert np.linalg.norm(at[f"{side}TB"] - joints[f"{long}_knee"]) < 0.35
        assert at[f"{side}CAL"][1] < joints[f"{long}_ankle"][1]
    for name in at:
        if name[1:] in ("LFC", "ASI", "TOE", "ACR"):
            mirrored = at[{"L": "R", "R": "L"}[name[0]] + name[1:]] * [-1, 1, 1]
            assert np.linalg.norm(at[name] - mirrored) < 0.01
    assert at["CLAV"][2] > at["C7"][2] + 0.08 and at["HEAD_TOP"][1] > 0.99 * rest[:, 1].max() - 0.02


def test_c3d_is_read_by_ezc3d(motion_of, tmp_path):
    ezc3d = pytest.importorskip("ezc3d")
    motion = motion_of(4, missing=(2,), up_axis="+Y")
    write_c3d(tmp_path / "m.c3d", motion)
    file = ezc3d.c3d(str(tmp_path / "m.c3d"))
    points, names = file["data"]["points"], file["parameters"]["POINT"]["LABELS"]["value"]
    assert file["parameters"]["POINT"]["RATE"]["value"][0] == 30
    assert file["parameters"]["POINT"]["UNITS"]["value"] == ["mm"]
    turned = motion.with_up_axis("+Z")
    found = points[:3, names.index("left_knee_JC")].T / 1000
    assert np.isnan(found[2]).all()
    assert np.abs(found - turned.joints[:, JOINT_NAMES.index("left_knee")])[[0, 1, 3]].max() < 1e-3


def test_c3d_without_room_is_no_file(motion_of, small_disk, tmp_path):
    pytest.importorskip("ezc3d")
    motion = motion_of(20)
    with small_disk(4000), pytest.raises(InputError, match="room on the disk"):
        write_c3d(tmp_path / "m.c3d", motion)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(importlib.util.find_spec("ezc3d") is not None, reason="ezc3d is installed")
def test_a_missing_ezc3d_names_the_pip_command(motion_of, tmp_path):
    with pytest.raises(InputError, match=r"diffproxy\[c3d\]"):
        write_c3d(tmp_path / "m.c3d", motion_of(1))


def test_angles_give_the_joints_back(motion_of, tmp_path):
    """Forward kinematics of the CSV's angles with the bones of the rest pose."""
    motion = motion_of(3, missing=(1,), up_axis="+Z")
    write_joint_angles(tmp_path / "m.csv", motion)
    rows = list(csv.DictReader((tmp_path / "m.csv").open()))
    assert [r["known"] for r in rows] == ["1", "0", "1"] and rows[1]["left_knee_x"] == ""
    turned = motion.with_up_axis("+Y")
    for row in (0, 2):
        world, joints = {}, np.zeros((55, 3))
        for j, (name, parent) in enumerate(zip(JOINT_NAMES, PARENTS, strict=True)):
            local = Rotation.from_euler("XZY", [float(rows[row][f"{name}_{a}"]) for a in "xzy"], degrees=True)
            world[j] = local if parent < 0 else world[parent] * local
            rest = turned.rest_joints[row]
            joints[j] = turned.joints[row, 0] if parent < 0 else (
                joints[parent] + world[parent].apply(rest[j] - rest[parent])
            )  # fmt: skip
        assert np.linalg.norm(joints - turned.joints[row], axis=-1).max() < 1e-3


@pytest.mark.parametrize(
    ("joint", "rotvec", "angle", "degrees"),
    [
        ("left_hip", (-1, 0, 0), "left_hip_flexion", 40),
        ("right_hip", (0, 0, -1), "right_hip_abduction", 40),
        ("left_hip", (0, 0, 1), "left_hip_abduction", 40),
        ("left_knee", (1, 0, 0), "left_knee_flexion", 40),
        ("right_elbow", (0, 1, 0), "right_elbow_flexion", 40),
        ("left_hip", (0, 1, 0), "left_hip_outward_rotation", 40),
        ("right_ankle", (-1, 0, 0), "right_ankle_dorsiflexion", 40),
    ],
)
def test_clinical_angles_have_their_usual_signs(motion_of, tmp_path, joint, rotvec, angle, degrees):
    motion = motion_of(1, up_axis="+Y")
    pose = torch.zeros(1, 63)
    at = 3 * (JOINT_NAMES.index(joint) - 1)
    pose[0, at : at + 3] = torch.deg2rad(torch.tensor(40.0)) * torch.tensor(rotvec)
    write_joint_angles(tmp_path / "m.csv", replace(motion, params=BodyParams.rest(1)))
    straight = next(csv.DictReader((tmp_path / "m.csv").open()))
    write_joint_angles(tmp_path / "m.csv", replace(motion, params=BodyParams.rest(1).replace(body_pose=pose)))
    row = next(csv.DictReader((tmp_path / "m.csv").open()))
    # limbs at rest are straight to a few degrees
    tolerance = 4 if "knee" in angle or "elbow" in angle else 1e-3
    assert float(row[angle]) - float(straight[angle]) == pytest.approx(degrees, abs=2 * tolerance)


def test_joint_centres_have_their_deviation_and_support(motion_of, tmp_path):
    motion = motion_of(4, missing=(2,), up_axis="+Z")
    motion = replace(motion, joint_std=np.linspace(0.001, 0.02, 4 * 55).reshape(4, 55))
    write_joint_positions(tmp_path / "j.csv", motion)
    with (tmp_path / "j.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["known"] for row in rows] == ["1", "1", "0", "1"] and set(rows[2].values()) == {
        "2",
        "0.066667",
        "0",
        "",
    }
    for j, name in enumerate(JOINT_NAMES):
        at = [float(rows[3][f"{name}_{c}_mm"]) / 1000 for c in "xyz"]
        assert np.abs(at - motion.joints[3, j]).max() < 1e-6
        assert float(rows[3][f"{name}_std_mm"]) == pytest.approx(1000 * motion.joint_std[3, j], abs=1e-3)
        assert float(rows[3][f"{name}_observed"]) == (0.02 if j % 7 == 4 else 0.9)


def test_what_no_view_shows_is_a_gap_where_that_is_asked(motion_of, tmp_path):
    """Joints 4, 11 and 18 of the body have a support of 0.02: the left knee, right foot and left elbow."""
    motion = replace(motion_of(2), min_observed=0.1)
    write_trc(tmp_path / "m.trc", motion)
    write_joint_positions(tmp_path / "j.csv", motion)
    markers, _ = read_trc((tmp_path / "m.trc").read_text())
    empty = {name for name, points in markers.items() if np.isnan(points).all()}
    assert {f"{JOINT_NAMES[j]}_JC" for j in (4, 11, 18)} == {n for n in empty if n.endswith("_JC")}
    assert {"LTB", "RTOE"} <= empty and not {"RTB", "LTOE", "LTH", "C7"} & empty
    with (tmp_path / "j.csv").open() as file:
        row = next(csv.DictReader(file))
    assert (
        row["left_knee_x_mm"] == "" and row["left_knee_observed"] == "0.020" and row["right_knee_x_mm"] != ""
    )
