"""Mesh files, read back by another library and by hand."""

import json
import struct

import numpy as np
import pytest
import trimesh

from diffproxy.cameras.up_axis import rotation_to_y_up
from diffproxy.export import write_mesh
from diffproxy.export.meshes import GREY, SKIN
from diffproxy.utils.errors import InputError


@pytest.fixture
def mesh():
    """Two triangles that share an edge, with a duplicate vertex that a careless writer would merge."""
    vertices = np.array([[0, 0, 0], [1.25, 0, 0], [0, 2.5, 0], [1.25, 0, 0], [1, 2, 3.000001]])
    return vertices, np.array([[0, 1, 2], [2, 3, 4]])


@pytest.mark.parametrize("suffix", [".obj", ".ply", ".glb"])
def test_vertices_and_faces_come_back_in_order(mesh, suffix, tmp_path):
    path = tmp_path / f"m{suffix}"
    write_mesh(path, *mesh)
    again = trimesh.load(path, process=False, force="mesh", maintain_order=True)
    np.testing.assert_allclose(again.vertices, mesh[0], atol=1e-6)
    assert (again.faces == mesh[1]).all()


def test_the_text_formats_name_units_and_axes(mesh, tmp_path):
    for suffix in (".obj", ".ply"):
        write_mesh(tmp_path / f"m{suffix}", *mesh, up_axis="+Z")
        head = (tmp_path / f"m{suffix}").read_bytes()[:200].decode("latin-1")
        assert "metres; right-handed; up axis +Z" in head
    lines = (tmp_path / "m.obj").read_text().splitlines()
    assert lines[2] == "v 0.000000 0.000000 0.000000" and lines[-1] == "f 3 4 5"


def test_glb_is_turned_to_y_up_and_has_normals(mesh, tmp_path):
    write_mesh(tmp_path / "z.glb", *mesh, up_axis="+Z")
    again = trimesh.load(tmp_path / "z.glb", process=False, force="mesh")
    np.testing.assert_allclose(again.vertices, mesh[0][:, [0, 2, 1]] * [1, 1, -1], atol=1e-6)
    data = (tmp_path / "z.glb").read_bytes()
    magic, version, length = struct.unpack_from("<4sII", data)
    assert magic == b"glTF" and version == 2 and length == len(data)
    tree = json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])
    assert set(tree["meshes"][0]["primitives"][0]["attributes"]) >= {"POSITION", "NORMAL"}


@pytest.mark.parametrize("up", ["+X", "-X", "+Y", "-Y", "+Z", "-Z"])
def test_every_up_axis_becomes_y_by_a_rotation(up):
    axis = np.zeros(3)
    axis["XYZ".index(up[1])] = 1 if up[0] == "+" else -1
    R = rotation_to_y_up(up)
    assert (R @ axis).tolist() == [0, 1, 0]
    assert np.linalg.det(R) == pytest.approx(1) and (np.eye(3) == R @ R.T).all()


def test_bad_meshes_and_names_are_told(mesh, tmp_path):
    with pytest.raises(InputError, match=r"\.stl"):
        write_mesh(tmp_path / "m.stl", *mesh)
    with pytest.raises(InputError, match="up_axis"):
        write_mesh(tmp_path / "m.obj", *mesh, up_axis="Z")
    with pytest.raises(InputError, match="NaN"):
        write_mesh(tmp_path / "m.obj", mesh[0] * np.nan, mesh[1])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".ply", ".glb"])
def test_vertices_that_no_pixel_supports_are_grey(mesh, suffix, tmp_path):
    path, plain, seen = (tmp_path / f"{name}{suffix}" for name in ("m", "plain", "seen"))
    missing = np.array([True, False, False, False, True])
    write_mesh(path, *mesh, unobserved=missing)
    again = trimesh.load(path, process=False, force="mesh", maintain_order=True)
    np.testing.assert_allclose(again.vertices, mesh[0], atol=1e-6)
    assert (again.faces == mesh[1]).all()
    if suffix == ".ply":
        colors = again.visual.vertex_colors
    else:
        assert (again.visual.material.baseColorFactor == 255).all()  # factor of the vertex colours
        data = path.read_bytes()
        length = struct.unpack_from("<I", data, 12)[0]
        tree = json.loads(data[20 : 20 + length])
        accessor = tree["accessors"][tree["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"]]
        start = 28 + length + tree["bufferViews"][accessor["bufferView"]]["byteOffset"]
        assert accessor["componentType"] == 5121 and accessor["normalized"] and accessor["type"] == "VEC4"
        colors = np.frombuffer(data, np.uint8, 20, start).reshape(5, 4)
    assert (colors == np.where(missing[:, None], GREY, SKIN)).all()
    write_mesh(plain, *mesh)
    write_mesh(seen, *mesh, unobserved=np.zeros(5, dtype=bool))
    assert seen.read_bytes() == plain.read_bytes() != path.read_bytes()
