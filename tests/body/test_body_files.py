"""Bad body files are named, not crashed on; pickles run nothing."""

import os
import pickle
import sys
import types

import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams, load_body
from diffproxy.utils.errors import InputError


def write(path, arrays, **changes):
    arrays = {k: v for k, v in {**arrays, **changes}.items() if v is not None}
    np.savez(path, **arrays)
    return path


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="nothing at"):
        load_body(tmp_path / "SMPLX_NEUTRAL.npz")


def test_unknown_name_is_taken_as_a_path():
    with pytest.raises(InputError, match="load_body"):
        load_body("no_such_body")


@pytest.mark.parametrize("key", ["v_template", "f", "shapedirs", "J_regressor", "weights", "kintree_table"])
def test_missing_array(tmp_path, official_arrays, key):
    with pytest.raises(InputError, match=key):
        load_body(write(tmp_path / "a.npz", official_arrays, **{key: None}))


@pytest.mark.parametrize("key", ["v_template", "shapedirs", "J_regressor", "weights", "posedirs"])
def test_wrong_shape(tmp_path, official_arrays, key):
    with pytest.raises(InputError, match=key):
        load_body(write(tmp_path / "a.npz", official_arrays, **{key: official_arrays[key][:, :-1]}))


@pytest.mark.parametrize("key", ["v_template", "shapedirs", "weights", "posedirs"])
def test_nan(tmp_path, official_arrays, key):
    broken = official_arrays[key].copy()
    broken.flat[7] = np.nan
    with pytest.raises(InputError, match=f"finite numbers in '{key}'"):
        load_body(write(tmp_path / "a.npz", official_arrays, **{key: broken}))


def test_face_index_out_of_range(tmp_path, official_arrays):
    with pytest.raises(InputError, match="indices below"):
        load_body(write(tmp_path / "a.npz", official_arrays, f=official_arrays["f"] + 1000))


def test_smpl_file_is_told_apart(tmp_path, official_arrays):
    tree = np.array([[-1, *range(23)], range(24)])
    with pytest.raises(InputError, match="55-joint tree"):
        load_body(write(tmp_path / "SMPL.npz", official_arrays, kintree_table=tree))


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_truncated_file(tmp_path, official_file, keep):
    data = official_file.read_bytes()
    path = tmp_path / "cut.npz"
    path.write_bytes(data[: int(keep * len(data))])
    with pytest.raises(InputError, match="again"):
        load_body(path)


def test_damaged_member(tmp_path, official_arrays):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, **(official_arrays | {"shapedirs": official_arrays["shapedirs"][..., :20]}))
    data = bytearray(path.read_bytes())
    at = data.index(b"posedirs.npy") + 5000
    data[at : at + 64] = bytes(64)
    path.write_bytes(data)
    with pytest.raises(InputError, match="posedirs"):
        load_body(path)


def test_no_texture_coordinates_matter_only_to_the_atlas(tmp_path, official_arrays):
    model = load_body(write(tmp_path / "a.npz", official_arrays, vt=None, ft=None))
    assert model(BodyParams.rest()).vertices.shape == (1, 200, 3)
    with pytest.raises(InputError, match="'vt'"):
        _ = model.atlas


def test_pickle_needs_the_flag(tmp_path, official_arrays):
    path = tmp_path / "SMPLX_NEUTRAL.pkl"
    path.write_bytes(pickle.dumps(official_arrays))
    with pytest.raises(InputError, match=r"body\.allow_pickle=true"):
        load_body(path)


@pytest.mark.parametrize("protocol", [2, 4])
def test_pickle_with_chumpy_and_sparse_parts(tmp_path, official_arrays, official_file, protocol, monkeypatch):
    """Chumpy is not installed: a stand-in of the same name writes the file, and is gone when we read it."""
    from scipy.sparse import csc_matrix

    module = types.ModuleType("chumpy.ch")
    module.Ch = type("Ch", (), {"__module__": "chumpy.ch"})
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
        patch.setitem(sys.modules, "chumpy.ch", module)
        wrapped = module.Ch()
        wrapped.x = official_arrays["shapedirs"]
        data = official_arrays | {
            "shapedirs": wrapped,
            "J_regressor": csc_matrix(official_arrays["J_regressor"]),
        }
        path = tmp_path / "SMPLX_NEUTRAL.pkl"
        path.write_bytes(pickle.dumps(data | {"bs_style": "lbs"}, protocol=protocol))
    got, want = load_body(path, allow_pickle=True), load_body(official_file)
    torch.testing.assert_close(got.shapedirs, want.shapedirs)
    torch.testing.assert_close(got.joint_template, want.joint_template)


def test_pickle_runs_nothing(tmp_path, official_arrays):
    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "owned"),))

    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps(official_arrays | {"v_template": Evil()}))
    with pytest.raises(InputError, match="mkdir"):
        load_body(path, allow_pickle=True)
    assert not (tmp_path / "owned").exists()


def test_pickle_that_asks_for_a_terabyte(tmp_path, official_arrays):
    class Huge:
        def __reduce__(self):
            return (np.ndarray, ((10**15,), np.dtype("i1")))

    path = tmp_path / "huge.pkl"
    path.write_bytes(pickle.dumps(official_arrays | {"v_template": Huge()}))
    with pytest.raises(InputError):
        load_body(path, allow_pickle=True)


def test_truncated_pickle(tmp_path, official_arrays):
    path = tmp_path / "cut.pkl"
    path.write_bytes(pickle.dumps(official_arrays)[:1000])
    with pytest.raises(InputError):
        load_body(path, allow_pickle=True)
