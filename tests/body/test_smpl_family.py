"""Ground-truth bodies of the SMPL family against the official `smplx` package."""

import pickle
import warnings

import numpy as np
import pytest
import torch

from diffproxy.body.smpl_family import KINDS, SmplFamilyBody, find_model, load_smpl_family
from diffproxy.utils.errors import InputError

smplx = pytest.importorskip("smplx")
JOINTS = {kind: joints for joints, kind in KINDS.items()}
OFFICIAL = {"smpl": smplx.SMPL, "smplh": smplx.SMPLH, "smplx": smplx.SMPLX}
NV, FRAMES = 90, 3


def arrays_of(kind: str, shapes: int, seed: int = 0) -> dict[str, np.ndarray]:
    """A random body of the kind, in the layout of its model files."""
    rng, J = np.random.default_rng(seed), JOINTS[kind]
    parents = np.array([-1, *(int(rng.integers(max(0, j - 4), j)) for j in range(1, J))])
    weights, regressor = rng.random((NV, J)) ** 8, rng.random((J, NV)) ** 8
    hands = {f"hands_components{s}": np.linalg.qr(rng.normal(size=(45, 45)))[0] for s in "lr"}
    return hands | {
        "v_template": rng.normal(size=(NV, 3)),
        "f": rng.integers(0, NV, (40, 3)).astype(np.uint32),
        "shapedirs": 0.03 * rng.normal(size=(NV, 3, shapes)),
        "posedirs": 0.03 * rng.normal(size=(NV, 3, 9 * (J - 1))),
        "J_regressor": regressor / regressor.sum(1, keepdims=True),
        "weights": weights / weights.sum(1, keepdims=True),
        "kintree_table": np.stack([parents, np.arange(J)]),
        **{f"hands_mean{s}": 0.3 * rng.normal(size=45) for s in "lr"},
        "lmk_faces_idx": np.zeros(51, np.int64),
        "lmk_bary_coords": np.zeros((51, 3)),
    }


def official(folder, kind: str, arrays: dict, num_betas: int, **more):
    path = folder / f"{kind.upper()}_NEUTRAL.{'npz' if kind == 'smplx' else 'pkl'}"
    if kind == "smplx":
        np.savez(path, **arrays)
    else:
        path.write_bytes(pickle.dumps(arrays))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = OFFICIAL[kind](str(path), num_betas=num_betas, dtype=torch.float64, batch_size=FRAMES, **more)
    model.vertex_joint_selector.extra_joints_idxs.zero_()
    return model


def tensors(rng, **sizes):
    return {k: torch.from_numpy(0.4 * rng.normal(size=(FRAMES, n))) for k, n in sizes.items()}


@pytest.mark.parametrize(
    ("kind", "shapes", "num_betas"), [("smpl", 300, 10), ("smpl", 300, 300), ("smplh", 16, 10)]
)
def test_smpl_and_smplh_equal_smplx(kind, shapes, num_betas, tmp_path):
    arrays, rng = arrays_of(kind, shapes), np.random.default_rng(1)
    if kind == "smpl":
        given = tensors(rng, global_orient=3, body_pose=69, betas=num_betas, transl=3)
        golden = official(tmp_path, kind, arrays, num_betas)(**given)
        pose = torch.cat([given["global_orient"], given["body_pose"]], 1)
    else:
        hands = {"left_hand_pose": 45, "right_hand_pose": 45}
        given = tensors(rng, global_orient=3, body_pose=63, betas=num_betas, transl=3, **hands)
        golden = official(tmp_path, kind, arrays, num_betas, use_pca=False, flat_hand_mean=True)(**given)
        pose = torch.cat([given[k] for k in ("global_orient", "body_pose", *hands)], 1)
    ours = SmplFamilyBody(arrays).pose(pose.numpy(), given["betas"].numpy(), given["transl"].numpy())
    np.testing.assert_allclose(ours.vertices, golden.vertices.detach().numpy(), atol=1e-6)
    np.testing.assert_allclose(ours.joints, golden.joints[:, : JOINTS[kind]].detach().numpy(), atol=1e-6)


@pytest.mark.parametrize(("shapes", "num_betas"), [(20, 10), (400, 10), (400, 300)])
def test_smplx_with_pca_hands_and_a_template_of_its_own(shapes, num_betas, tmp_path):
    arrays, rng = arrays_of("smplx", shapes), np.random.default_rng(2)
    template = rng.normal(size=(NV, 3))
    sizes = dict(global_orient=3, body_pose=63, jaw_pose=3, leye_pose=3, reye_pose=3)
    given = tensors(
        rng, **sizes, left_hand_pose=12, right_hand_pose=12, betas=num_betas, expression=10, transl=3
    )
    model = official(
        tmp_path, "smplx", arrays, num_betas, v_template=template, use_pca=True, num_pca_comps=12, flat_hand_mean=False,
        num_expression_coeffs=10,
    )  # fmt: skip
    golden = model(**given)
    body = SmplFamilyBody(arrays)
    hands = [
        body.hand_pose(s, given[f"{s}_hand_pose"].numpy(), flat_hand_mean=False) for s in ("left", "right")
    ]
    pose = np.concatenate([*(given[k].numpy() for k in sizes), *hands], 1)
    ours = body.pose(
        pose,
        given["betas"].numpy(),
        given["transl"].numpy(),
        given["expression"].numpy(),
        v_template=template,
    )
    np.testing.assert_allclose(ours.vertices, golden.vertices.detach().numpy(), atol=1e-6)
    np.testing.assert_allclose(ours.joints, golden.joints[:, :55].detach().numpy(), atol=1e-6)


def test_files_are_found_as_smplx_finds_them_and_read(tmp_path):
    arrays = arrays_of("smplh", 16)
    for folder in ("smplh/female", "smpl"):
        (tmp_path / folder).mkdir(parents=True)
    np.savez(tmp_path / "smplh/female/model.npz", **arrays)
    with (tmp_path / "smpl/SMPL_MALE.pkl").open("wb") as file:
        pickle.dump(arrays_of("smpl", 10), file)
    female = load_smpl_family(find_model(tmp_path, "smplh", "female"))
    rest = female.pose(np.zeros((1, 156)), np.zeros((1, 10)), np.zeros((1, 3)))
    np.testing.assert_allclose(rest.vertices[0], arrays["v_template"], atol=1e-12)
    with pytest.raises(InputError, match="allow_pickle"):
        load_smpl_family(find_model(tmp_path, "smpl", "male"))
    assert load_smpl_family(find_model(tmp_path, "smpl", "male"), allow_pickle=True).kind == "smpl"
    with pytest.raises(InputError, match="SMPLX_NEUTRAL"):
        find_model(tmp_path, "smplx", "neutral")


def test_wrong_sizes_are_named():
    body = SmplFamilyBody(arrays_of("smpl", 10))
    with pytest.raises(InputError, match="72 pose numbers"):
        body.pose(np.zeros((1, 165)), np.zeros((1, 10)), np.zeros((1, 3)))
    with pytest.raises(InputError, match="10 directions"):
        body.pose(np.zeros((1, 72)), np.zeros((1, 16)), np.zeros((1, 3)))
    with pytest.raises(InputError, match="hand components"):
        SmplFamilyBody({k: v for k, v in arrays_of("smplh", 10).items() if "hands" not in k}).mean_hand(
            "left"
        )
