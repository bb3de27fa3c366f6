"""Reading poses, training a few steps, stopping and going on."""

import shutil

import numpy as np
import pytest
import torch

from diffproxy.body.flip import flip_body_pose, flip_hand_pose
from diffproxy.pose_prior import data, load_prior, train
from diffproxy.pose_prior.__main__ import main
from diffproxy.pose_prior.data import Poses, collect
from diffproxy.utils.errors import InputError


@pytest.fixture(scope="module", autouse=True)
def few_extras():
    """Few fingers and postures: drawing thousands takes longer than the rest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "HAND_POOL", 12)
        patch.setattr(data, "RULED", 2)
        for name in ("MEASURED", "PROBED", "REPORTED"):
            patch.setattr(train, name, 200)
        yield


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    """AMASS-like clips of three performers, one folder each; the first has moving fingers."""
    root, rng = tmp_path_factory.mktemp("motion"), np.random.default_rng(0)
    for performer in range(3):
        folder = root / f"performer{performer}"
        folder.mkdir()
        for take in range(2):
            poses = np.zeros((40, 165), dtype=np.float32)
            poses[:, 3:66] = 0.1 * rng.normal(size=(40, 63))
            if performer == 0:
                poses[:, 75:165] = 0.1 * rng.normal(size=(40, 90))
            np.savez(
                folder / f"take{take}_poses.npz", poses=poses, trans=np.zeros((40, 3)), betas=np.zeros(10),
                mocap_framerate=30.0, gender="neutral",
            )  # fmt: skip
    return root


@pytest.fixture(scope="module")
def finished(motion, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    main(["train", f"motion={motion}", f"out={out}", *TINY])
    return out


TINY = ["hidden=32", "embed=16", "hand_hidden=32", "hand_embed=16", "steps=6", "batch=8", "save_every=2"]


def test_clips_are_split_and_fingers_stay_with_their_body(motion):
    poses = collect(motion)
    assert {len(p.hand) for p in poses.values()} == {12}
    mocap = {s: p.body[: -13 * 2] for s, p in poses.items()}
    assert len(mocap["train"]) + len(mocap["test"]) <= 240 and min(map(len, mocap.values())) > 0
    paired = poses["train"].paired
    assert 0 < np.isfinite(paired).all(1).sum() < len(paired)


def test_draws_are_poses_or_their_mirror_images():
    rng = np.random.default_rng(0)
    body, hand, paired = rng.normal(size=(1, 63)), rng.normal(size=(1, 45)), rng.normal(size=(1, 90))
    drawn = Poses(body, np.ones(1), hand, paired).draw(rng, 50).astype(np.float64)
    straight = np.isclose(drawn[:, :63], body).all(1)
    assert 5 < straight.sum() < 45
    assert np.allclose(drawn[straight], np.concatenate([body, paired], axis=1), atol=1e-5)
    flipped = [flip_body_pose(body), flip_hand_pose(paired[:, 45:]), flip_hand_pose(paired[:, :45])]
    assert np.allclose(drawn[~straight], np.concatenate(flipped, axis=1), atol=1e-5)
    alone = Poses(body, np.ones(1), hand, np.full((1, 90), np.nan)).draw(rng, 3)
    assert np.allclose(alone[:, 108:], hand, atol=1e-5) and np.allclose(
        alone[:, 63:108], flip_hand_pose(hand), atol=1e-5
    )


def test_a_stopped_run_goes_on_bit_for_bit(motion, finished, tmp_path):
    again = ["train", f"motion={motion}", f"out={tmp_path}", *TINY]
    main([*again, "time_limit_min=0.0000001"])  # one step at a time
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 1
    main([*again, "time_limit_min=0.0000001"])
    main(again)
    name = "pose_diffusion.safetensors"
    assert (tmp_path / name).read_bytes() == (finished / name).read_bytes()


def test_a_finished_run_can_be_used(finished, tmp_path):
    prior = load_prior(finished / "pose_diffusion.safetensors")
    assert prior.net.dim == 153
    assert (finished / "report.json").is_file() and not list(finished.glob("*.tmp*"))
    out = tmp_path / "poses.npz"
    main(["sample", f"prior={finished / 'pose_diffusion.safetensors'}", f"out={out}", "count=3"])
    with np.load(out) as poses:
        assert poses["body_pose"].shape == (3, 63) and poses["left_hand_pose"].shape == (3, 45)
        assert all(np.isfinite(poses[k]).all() for k in poses.files)


def test_wrong_commands_say_what_to_write(motion, finished, tmp_path):
    for words in ([], ["--help"], ["train", "--help"], ["sample", "--help"]):
        main(words)
    for words, message in (
        (["fly"], "train"),
        (["train", "motion"], "name=value"),
        (["train", "motion=x", "colour=red"], "colour"),
        (["train", f"motion={motion}", "steps=many"], "steps as a whole number"),
        (["train", f"motion={tmp_path / 'none'}", f"out={tmp_path}"], "motion"),
        (["train", f"motion={motion}", f"out={finished}", *TINY, "seed=4"], "another out"),
        (["train", f"motion={motion}", f"out={finished}", *TINY, "lr=0.1"], "lr: 0.001 before"),
        (["sample", "count=3"], "out"),
        (["convert", f"official={tmp_path / 'none'}", "out=x"], "published"),
    ):
        with pytest.raises(InputError, match=message):
            main(words)


def test_poses_collected_from_other_motion_are_not_used(motion, finished, tmp_path):
    other = tmp_path / "motion"
    shutil.copytree(motion, other)
    main(["train", f"motion={other}", f"out={finished}", *TINY])  # moved, and the same
    next(other.rglob("*.npz")).unlink()
    for given in (other, tmp_path / "none"):
        with pytest.raises(InputError, match="motion files and the seed"):
            main(["train", f"motion={given}", f"out={finished}", *TINY])


@pytest.mark.parametrize(
    ("width", "fix"), [("hidden=40", 64), ("hand_hidden=8", 32), ("embed=7", 8), ("embed=2", 4)]
)
def test_widths_that_no_network_has_are_refused(width, fix, motion, tmp_path):
    with pytest.raises(InputError, match=f"write {width.split('=')[0]}={fix}"):
        main(["train", f"motion={motion}", f"out={tmp_path}", width])


def test_a_training_without_a_warm_up(motion, tmp_path):
    main(["train", f"motion={motion}", f"out={tmp_path}", *TINY[:4], "steps=1", "batch=8", "warmup_steps=0"])
    assert load_prior(tmp_path).net.dim == 153  # by the folder of the training


@pytest.mark.parametrize("content", [b"junk", None])
def test_collected_poses_of_other_contents_are_told(content, motion, tmp_path):
    np.savez(tmp_path / "poses.npz", train_body=np.zeros((1, 63)))
    if content:
        (tmp_path / "poses.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"poses\.npz"):
        main(["train", f"motion={motion}", f"out={tmp_path}", *TINY])
