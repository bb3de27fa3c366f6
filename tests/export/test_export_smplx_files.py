"""AMASS and .smpl files, posed again by the smplx package and read by smplcodec."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import diffproxy.body
from diffproxy.cameras.up_axis import up_vector
from diffproxy.export.smplx_files import gender_of, write_amass, write_smpl
from diffproxy.geometry.directions import rotation_between

BODY_FILE = Path(diffproxy.body.__file__).parent / "data" / "anny.npz"


@pytest.fixture(scope="module")
def smplx_joints():
    """Joints of SMPL-X parameters by the smplx package, hands relative to the flat hand."""
    smplx = pytest.importorskip("smplx")
    model = smplx.SMPLX(str(BODY_FILE), use_pca=False, flat_hand_mean=True, num_betas=10, ext="npz")

    def joints(betas, trans, pose, expression):
        t = [torch.as_tensor(np.asarray(x), dtype=torch.float32) for x in (betas, trans, pose, expression)]
        betas, trans, pose, expression = t
        frames = len(trans)
        names = {"global_orient": 3, "body_pose": 63, "jaw_pose": 3, "leye_pose": 3, "reye_pose": 3,
                 "left_hand_pose": 45, "right_hand_pose": 45}  # fmt: skip
        parts = dict(zip(names, pose.split([*names.values()], dim=1), strict=True))
        out = model(betas=betas[None, :10].expand(frames, -1), transl=trans, expression=expression, **parts)
        return out.joints[:, :55].detach().numpy()

    return joints


def licensed(motion):
    """The motion of a run with a body file that has the shape space of SMPL-X, at scale 1."""
    params = motion.params.replace(scale=torch.ones_like(motion.params.scale))
    body = diffproxy.body.BodyModel(replace(motion.body._arrays, name="SMPLX_FEMALE"))
    return replace(motion, body=body, params=params)


def test_amass_gives_the_joints_back(motion_of, smplx_joints, tmp_path):
    motion = licensed(motion_of(3, up_axis="+Y"))
    write_amass(tmp_path / "m.npz", motion)
    with np.load(tmp_path / "m.npz") as file:
        a = {k: file[k] for k in file.files}
    found = smplx_joints(a["betas"], a["trans"], a["poses"], a["expression"])
    R = rotation_between(up_vector("+Y"), up_vector("+Z"))
    assert np.linalg.norm(found - motion.joints @ R.T, axis=-1).max() < 1e-4
    assert a["betas"].shape == (16,) and a["poses"].shape == (3, 165) and str(a["gender"]) == "female"
    assert float(a["mocap_frame_rate"]) == 30 and float(a["mocap_time_length"]) == pytest.approx(0.1)
    assert str(a["surface_model_type"]) == "smplx"
    parts = [a[k] for k in ("root_orient", "pose_body", "pose_jaw", "pose_eye", "pose_hand")]
    assert (np.concatenate(parts, axis=1) == a["poses"]).all()


def test_a_body_of_another_shape_space_keeps_pose_and_pelvis_and_hides_its_betas(
    motion_of, smplx_joints, tmp_path
):
    motion = motion_of(3, up_axis="+Z")
    write_amass(tmp_path / "m.npz", motion)
    a = np.load(tmp_path / "m.npz")
    assert not a["betas"].any() and a["body_betas"].any() and str(a["gender"]) == "neutral"
    assert (a["poses"] == motion.params.full_pose.double().numpy()).all()
    found = smplx_joints(a["betas"], a["trans"], a["poses"], a["expression"])
    assert np.linalg.norm(found[:, 0] - motion.joints[:, 0], axis=-1).max() < 1e-4


def test_smpl_files_are_flat_and_y_up(motion_of, smplx_joints, tmp_path):
    motion = licensed(motion_of(3, up_axis="+Z"))
    write_smpl(tmp_path / "m.smpl", motion)
    a = np.load(tmp_path / "m.smpl")
    assert {v.dtype.name for v in a.values()} == {"int32", "float32"}
    assert [int(a[k]) for k in ("codecVersion", "smplVersion", "gender", "frameCount")] == [2, 2, 2, 3]
    pose = np.concatenate([a[k] for k in ("bodyPose", "headPose", "leftHandPose", "rightHandPose")], axis=1)
    found = smplx_joints(
        a["shapeParameters"], a["bodyTranslation"], pose.reshape(3, 165), a["expressionParameters"]
    )
    assert np.linalg.norm(found - motion.with_up_axis("+Y").joints, axis=-1).max() < 1e-4


def test_smplcodec_reads_both(motion_of, tmp_path):
    smplcodec = pytest.importorskip("smplcodec")
    motion = licensed(motion_of(3, up_axis="+Z"))
    write_smpl(tmp_path / "m.smpl", motion)
    write_amass(tmp_path / "m.npz", motion)
    read = smplcodec.SMPLCodec.from_file(str(tmp_path / "m.smpl"))
    turned = motion.with_up_axis("+Y").params.full_pose.numpy().reshape(3, 55, 3)
    np.testing.assert_allclose(read.full_pose, turned, atol=1e-6)
    assert read.frame_rate == 30.0 and read.gender == smplcodec.SMPLGender.FEMALE
    amass = smplcodec.SMPLCodec.from_amass_npz(str(tmp_path / "m.npz"))
    np.testing.assert_allclose(amass.full_pose.reshape(3, 165), motion.params.full_pose.numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "gender"), [("anny", "neutral"), ("SMPLX_MALE", "male"), ("smplx-female", "female")]
)
def test_gender_is_that_of_the_file(name, gender):
    assert gender_of(name) == gender
