"""BVH read back by a small parser of its own: its skeleton must stand where the body stands."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from diffproxy.body import BodyParams
from diffproxy.body.params import PARAM_DIMS
from diffproxy.cameras.up_axis import rotation_to_y_up
from diffproxy.export import write_bvh
from diffproxy.utils.errors import InputError


def read_bvh(text):
    """Joint name -> positions (F, 3), by the format's own rules, and the frame time."""
    head, motion = text.split("MOTION")
    stack, joints, channels, skip = [], [], [], False
    for line in head.splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] in ("ROOT", "JOINT"):
            joints.append({"name": words[1], "parent": stack[-1] if stack else None})
            stack.append(len(joints) - 1)
        elif words[0] == "End":
            skip = True
        elif words[0] == "OFFSET" and not skip:
            joints[stack[-1]]["offset"] = np.array(words[1:], dtype=float)
        elif words[0] == "CHANNELS":
            channels += [(stack[-1], name) for name in words[2:]]
        elif words[0] == "}":
            if skip:
                skip = False
            else:
                stack.pop()
    lines = motion.strip().splitlines()
    values = np.array([line.split() for line in lines[2:]], dtype=float)
    assert lines[0] == f"Frames: {len(values)}" and values.shape[1] == len(channels)
    world = []
    for j, joint in enumerate(joints):
        move, turn = np.tile(joint["offset"], (len(values), 1)), Rotation.identity(len(values))
        for c, (owner, name) in enumerate(channels):
            if owner == j and name.endswith("position"):
                move[:, "XYZ".index(name[0])] += values[:, c]
            elif owner == j:
                axis = np.eye(3)["XYZ".index(name[0])]
                turn = turn * Rotation.from_rotvec(np.radians(values[:, c : c + 1]) * axis)
        if joint["parent"] is None:
            world.append((move, turn))
        else:
            above, rotation = world[joint["parent"]]
            world.append((above + rotation.apply(move), rotation * turn))
    names = [joint["name"] for joint in joints]
    return {n: p for n, (p, _) in zip(names, world, strict=True)}, float(lines[1].split(":")[1])


@pytest.fixture
def params():
    g = torch.Generator().manual_seed(0)
    sizes = {"betas": 1.0, "scale": 0.0, "expression": 0.0, "transl": 1.0}
    values = {k: sizes.get(k, 0.4) * torch.randn(4, n, generator=g) for k, n in PARAM_DIMS.items()}
    values["betas"] = values["betas"][:1].expand(4, 10)
    values["scale"] = values["scale"] + 1.1
    return BodyParams(**values)


@pytest.mark.parametrize(("up", "units", "factor"), [("+Y", "cm", 100), ("+Z", "m", 1), ("-Y", "mm", 1000)])
def test_the_skeleton_stands_where_the_body_stands(body, params, tmp_path, up, units, factor):
    write_bvh(tmp_path / "m.bvh", body, params, fps=25.0, up_axis=up, units=units)
    joints, frame_time = read_bvh((tmp_path / "m.bvh").read_text())
    expected = body.joints(params).numpy() @ rotation_to_y_up(up).T
    found = np.stack([joints[name] for name in body.joint_names], axis=1) / factor
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert frame_time == pytest.approx(0.04)


def test_frames_without_a_body_hold_the_last_one(body, params, tmp_path):
    values = {k: getattr(params, k).clone() for k in PARAM_DIMS}
    for value in values.values():
        value[[0, 2]] = torch.nan
    write_bvh(tmp_path / "m.bvh", body, BodyParams(**values), fps=30.0)
    lines = (tmp_path / "m.bvh").read_text().splitlines()[-4:]
    assert lines[0] == lines[1] == lines[2] != lines[3]
    with pytest.raises(InputError, match="none of 1"):
        write_bvh(tmp_path / "n.bvh", body, BodyParams(**values)[0], fps=30.0)


def test_bad_units_and_rates_are_told(body, params, tmp_path):
    for bad in ({"units": "inch"}, {"fps": 0.0}):
        with pytest.raises(InputError, match="fps > 0"):
            write_bvh(tmp_path / "m.bvh", body, params, **{"fps": 30.0, **bad})
    assert not list(tmp_path.iterdir())
