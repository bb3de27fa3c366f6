"""Skinned glTF, posed again by the specification's own rules and opened by other libraries."""

import io

import numpy as np
import pytest
import trimesh

from diffproxy.export.gltf import gltf_animation_bytes
from tests.export.gltf_reader import Glb


@pytest.mark.parametrize("one_shape", [True, False])
def test_joints_stand_where_the_bodies_joints_do(motion_of, one_shape):
    motion = motion_of(3, one_shape, up_axis="+Z")
    glb, expected = Glb(gltf_animation_bytes(motion)), motion.with_up_axis("+Y").joints
    assert glb.joint_names() == motion.body.joint_names
    np.testing.assert_allclose(glb.times, np.arange(3) / 30, atol=1e-6)
    for row, time in enumerate(glb.times):
        assert np.linalg.norm(glb.joints(time) - expected[row], axis=-1).max() < 1e-4
    paths = [c["target"]["path"] for c in glb.tree["animations"][0]["channels"]]
    assert paths.count("rotation") == 55
    assert (paths.count("translation"), paths.count("scale")) == ((1, 0) if one_shape else (55, 1))


def test_the_skin_follows_within_a_millimetre(motion_of):
    motion = motion_of(2)
    glb, turned = Glb(gltf_animation_bytes(motion)), motion.with_up_axis("+Y")
    for row, time in enumerate(glb.times):
        error = np.linalg.norm(glb.vertices(time) - turned.vertices(row), axis=-1)
        assert np.percentile(error, 99) < 1e-3 and error.max() < 0.01  # four of up to seven joints a vertex


def test_neighbouring_rotations_take_the_short_way(motion_of):
    glb = Glb(gltf_animation_bytes(motion_of(8)))
    for channel in glb.tree["animations"][0]["channels"]:
        if channel["target"]["path"] == "rotation":
            q = glb.array(glb.tree["animations"][0]["samplers"][channel["sampler"]]["output"])
            assert (np.einsum("fi,fi->f", q[1:], q[:-1]) >= 0).all()


def test_trimesh_reads_the_rest_mesh(motion_of):
    motion = motion_of(1)
    scene = trimesh.load(io.BytesIO(gltf_animation_bytes(motion)), file_type="glb", process=False)
    (mesh,) = scene.geometry.values()
    shape = motion.median_shape()
    np.testing.assert_allclose(mesh.vertices, motion.body(shape).vertices[0], atol=1e-6)
    assert (mesh.faces == motion.body.faces.numpy()).all()


def test_pygltflib_reads_the_same_tree(motion_of):
    pygltflib = pytest.importorskip("pygltflib")
    data = gltf_animation_bytes(motion_of(2))
    found, ours = pygltflib.GLTF2.load_from_bytes(data), Glb(data)
    assert len(found.skins[0].joints) == 55 and len(found.animations[0].channels) == 56
    assert (
        found.binary_blob()[: len(ours.binary)] == ours.binary and found.meshes[0].primitives[0].indices == 4
    )
