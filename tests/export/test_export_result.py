"""result.npz: round trip, readable by numpy alone, damage found."""

import io
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from diffproxy.body.params import PARAM_DIMS
from diffproxy.export import Result, load_result, save_result
from diffproxy.utils.errors import InputError

F, J = 3, 55


@pytest.fixture
def result():
    rng = np.random.default_rng(0)
    params = {k: rng.normal(size=(F, n)).astype(np.float32) for k, n in PARAM_DIMS.items()}
    joints = rng.normal(size=(F, J, 3)).astype(np.float32)
    joints[2] = np.nan
    return Result(
        frame_ids=np.array([3, 4, 9]),
        status=np.array(["ok", "one_view", "no_person"]),
        params=params,
        joints=joints,
        joint_std=rng.random((F, J), dtype=np.float32),
        joint_names=tuple(f"j{i}" for i in range(J)),
        meta={"up_axis": "+Z", "seconds": {"fit": 0.5}},
        reason=np.array(["", "only cam A", "nobody"]),
        joint_observed=rng.random((F, J), dtype=np.float32),
    )


@pytest.fixture
def path(result, tmp_path):
    save_result(result, tmp_path / "result.npz")
    return tmp_path / "result.npz"


@pytest.mark.parametrize("key", ["joints", "transl", "betas"])
def test_numbers_that_no_body_has_are_refused(path, key):
    """Finite ones whose squares or products overflow; a diverged frame with nan or inf is a frame without a body."""
    arrays = dict(np.load(path))
    arrays[key] = arrays[key] * np.float32(1e30)
    np.savez(path, **arrays)
    with pytest.raises(InputError, match=f"for {key} in"):
        load_result(path)


def test_round_trip_is_bit_exact(result, path):
    again = load_result(path)
    for key in PARAM_DIMS:
        assert (again.params[key] == result.params[key]).all() and again.params[key].dtype == np.float32
    np.testing.assert_array_equal(again.joints, result.joints)
    np.testing.assert_array_equal(again.joint_std, result.joint_std)
    np.testing.assert_array_equal(again.joint_observed, result.joint_observed)
    assert again.frame_ids.tolist() == [3, 4, 9] and again.status.tolist() == result.status.tolist()
    assert again.reason.tolist() == ["", "only cam A", "nobody"] and again.joint_names == result.joint_names
    assert again.meta["up_axis"] == "+Z" and again.meta["units"] == "metres, radians, seconds"
    assert again.vertices is None and again.has_body.tolist() == [True, True, False]


def test_rows_become_body_parameters(result, path):
    params = load_result(path).body_params(slice(1, 3))
    assert len(params) == 2 and (params.body_pose.numpy() == result.params["body_pose"][1:]).all()


def test_vertices_travel_with_their_faces(result, tmp_path):
    vertices, faces = np.ones((F, 4, 3), dtype=np.float32), np.array([[0, 1, 2]])
    save_result(replace(result, vertices=vertices, faces=faces), tmp_path / "v.npz")
    again = load_result(tmp_path / "v.npz")
    assert (again.vertices == 1).all() and again.faces.tolist() == [[0, 1, 2]]


def test_numpy_alone_opens_it(path):
    code = (
        "import sys, json, numpy as np\n"
        f"file = np.load({str(path)!r})\n"
        "print(file['body_pose'].shape, json.loads(str(file['meta']))['hands'][:6], file['status'][1])\n"
        "assert not any(m.startswith(('diffproxy', 'torch')) for m in sys.modules)\n"
    )
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "(3, 63) 15 x 3 one_view\n"


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.98])
def test_a_truncated_file_is_told(path, keep):
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    with pytest.raises(InputError, match="a whole result"):
        load_result(path)


def test_a_damaged_member_is_told(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(InputError):
        load_result(path)


def test_pickles_are_not_opened(tmp_path):
    buffer = io.BytesIO()
    np.savez(buffer, meta=np.array({"a": 1}, dtype=object))
    (tmp_path / "p.npz").write_bytes(buffer.getvalue())
    with pytest.raises(InputError, match="pickle"):
        load_result(tmp_path / "p.npz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("betas"), "no betas"),
        (lambda a: a.update(joints=a["joints"][:2]), r"joints of shape \(3, 55, 3\)"),
        (lambda a: a.update(status=np.array(["ok", "ok", "fine"])), "fine"),
        (lambda a: a.pop("meta"), "meta"),
        (lambda a: a.update(meta=np.array("{")), "a whole result"),
        (lambda a: a.update(frame_ids=np.array([4, 3, 9])), "rising order"),
        (lambda a: a.update(frame_ids=np.array([3, 3, 9])), "rising order"),
        (lambda a: a.update(frame_ids=np.array([3, 4, 2**60])), "rising order"),
        (lambda a: a.update(frame_ids=np.array([0.5, 1, 2])), "whole numbers"),
        (lambda a: a.update(frame_ids=np.array(["a", "b", "c"])), "whole numbers"),
        (lambda a: a.update(frame_ids=np.array([[3], [4], [9]])), "whole numbers"),
        (lambda a: a.update(joint_names=np.array("j")), "joint_names"),
        (lambda a: a.update(transl=np.full((3, 3), "a")), "transl as numbers"),
        (lambda a: a.update(transl=a["transl"] * 1j), "transl as numbers"),
        (lambda a: a.update(reason=np.array(["a", "b"])), r"reason of shape \(3,\)"),
        (lambda a: a.update(reason=np.array([1, 2, 3])), "reason as text"),
        (lambda a: a.update(vertices=np.zeros((3, 5))), "vertices of shape"),
        (lambda a: a.update(faces=np.zeros((2, 2))), "faces of shape"),
    ],
)
def test_wrong_contents_are_told(path, change, message):
    with np.load(path) as file:
        arrays = {k: file[k] for k in file.files}
    change(arrays)
    np.savez(path, **arrays)
    with pytest.raises(InputError, match=message):
        load_result(path)


@pytest.mark.parametrize(
    ("meta", "place"),
    [
        ([], "meta of a whole result"),
        ({"up_axis": 5}, "up_axis"),
        ({"body": [1]}, "body"),
        ({"options": [1, 2]}, "options"),
        ({"options": {"body": "x"}}, "options.body"),
        ({"options": {"body": {"path": 5}}}, "options.body.path"),
        ({"options": {"fps": "many"}}, "options.fps"),
        ({"options": {"fps": 0}}, "options.fps"),
        ({"options": {"fps": float("nan")}}, "options.fps"),
        ({"options": {"rig": "x"}}, "options.rig"),
        ({"options": {"rig": {"path": 7}}}, "options.rig.path"),
        ({"options": {"picture": [1]}}, "options.picture"),
        ({"options": {"picture": {"path": "a.jpg"}}}, "options.picture.camera"),
    ],
)
def test_meta_data_of_other_types_are_told_with_their_place(path, meta, place):
    with np.load(path) as file:
        arrays = {k: file[k] for k in file.files}
    np.savez(path, **arrays | {"meta": np.array(json.dumps(meta))})
    with pytest.raises(InputError, match=place):
        load_result(path)


def test_a_frame_whose_parameters_are_not_finite_has_no_body(result):
    result.params["transl"][0] = np.nan
    assert result.has_body.tolist() == [False, True, False]


def test_a_missing_file_and_a_wrong_result_are_told(result, tmp_path):
    with pytest.raises(InputError, match="no file"):
        load_result(tmp_path / "none.npz")
    with pytest.raises(InputError, match="status of shape"):
        save_result(replace(result, status=np.array(["ok"])), tmp_path / "x.npz")
    assert not (tmp_path / "x.npz").exists()


def test_meta_is_plain_json(path):
    with np.load(path, allow_pickle=False) as file:
        assert file["meta"].dtype.kind == "U" and json.loads(str(file["meta"]))["seconds"] == {"fit": 0.5}
