"""PyTorch3D's rasterizer gives the proxies of ray casting: with a stand-in, and with the package if it is there.

The stand-in has the interface of `rasterize_meshes` as its documentation states it: screen space with x to the left and
y upwards, the shorter side from -1 to 1, faces numbered through the batch, -1 where there is none.
"""

import sys
import types
from dataclasses import dataclass, replace
from importlib.machinery import ModuleSpec
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.proxies import render_proxies, render_surface
from diffproxy.proxies.pytorch3d_surface import rasterize_surface
from diffproxy.utils.errors import InputError

PACKAGE = "pytorch3d"
THERE = find_spec(PACKAGE) is not None


@dataclass
class Meshes:
    verts: list[torch.Tensor]
    faces: list[torch.Tensor]


def rasterize_meshes(
    meshes, image_size=256, blur_radius=0.0, faces_per_pixel=8, bin_size=None, max_faces_per_bin=None,
    perspective_correct=False, clip_barycentric_coords=False, cull_backfaces=False, z_clip_value=None,
    cull_to_frustum=False,
):  # fmt: skip
    """The nearest face of each pixel; a face that reaches behind the camera is left out."""
    assert perspective_correct and faces_per_pixel == 1 and not cull_backfaces
    height, width = image_size
    half = min(height, width) / 2
    face = np.full((len(meshes.verts), height * width, 1), -1, np.int64)
    zbuf, bary = np.full(face.shape, -1.0), np.full((*face.shape, 3), -1.0)
    first = 0
    for n, (verts, faces) in enumerate(zip(meshes.verts, meshes.faces, strict=True)):
        assert verts.dtype == torch.float32 and faces.dtype == torch.int64
        corners = verts.double().numpy()[faces.numpy()]
        pixels = [width / 2 - half * corners[:, :, 0], height / 2 - half * corners[:, :, 1]]
        A = np.stack([*pixels, np.ones_like(pixels[0])], 1)
        whole = (corners[:, :, 2] > (z_clip_value or 0)).all(1) & (abs(np.linalg.det(A)) >= 1e-12)
        (x0, wide), (y0, high) = (_centres(v, n) for v, n in zip(pixels, (width, height), strict=True))
        # every pair of a face and a pixel of its rectangle
        count = np.where(whole, wide * high, 0)
        f = np.repeat(np.arange(len(faces)), count)
        place = np.arange(len(f)) - np.repeat(np.cumsum(count) - count, count)
        x, y = x0[f] + place % wide[f], y0[f] + place // wide[f]
        inverse = np.linalg.inv(np.where(whole[:, None, None], A, np.eye(3)))
        flat = np.einsum("ncd,nd->nc", inverse[f], np.stack([x + 0.5, y + 0.5, np.ones(len(f))], 1))
        true = flat / corners[f, :, 2]
        true /= true.sum(-1, keepdims=True)
        z = (true * corners[f, :, 2]).sum(-1)
        hit = np.flatnonzero((flat >= -1e-6).all(-1))
        pixel = (y * width + x)[hit]
        order = np.lexsort((f[hit], z[hit], pixel))
        covered, nearest = np.unique(pixel[order], return_index=True)
        chosen = hit[order][nearest]
        face[n, covered, 0], zbuf[n, covered, 0] = first + f[chosen], z[chosen]
        bary[n, covered, 0] = true[chosen]
        first += len(faces)
    grid = (len(meshes.verts), height, width, 1)
    return (
        *(torch.from_numpy(a) for a in (face.reshape(grid), zbuf.reshape(grid), bary.reshape(*grid, 3))),
        None,
    )


def _centres(corners, size):
    """For each face the first pixel whose centre lies between its corners on one axis, and how many do."""
    begin = np.clip(np.ceil(corners.min(1) - 0.5 - 1e-6), 0, size).astype(int)
    end = np.clip(np.floor(corners.max(1) - 0.5 + 1e-6) + 1, 0, size).astype(int)
    return begin, np.maximum(end - begin, 0)


@pytest.fixture(params=["stand-in", "package"])
def rasterizer(request, monkeypatch):
    """PyTorch3D, or the modules of it that are used."""
    if request.param == "package":
        if not THERE:
            pytest.skip("PyTorch3D is not installed")
        return
    content = {
        PACKAGE: {},
        f"{PACKAGE}.structures": {"Meshes": Meshes},
        f"{PACKAGE}.renderer": {},
        f"{PACKAGE}.renderer.mesh": {},
        f"{PACKAGE}.renderer.mesh.rasterize_meshes": {"rasterize_meshes": rasterize_meshes},
    }
    for name, members in content.items():
        module = types.ModuleType(name)
        module.__dict__.update(members, __spec__=ModuleSpec(name, None), __path__=[])
        monkeypatch.setitem(sys.modules, name, module)


def test_a_body_has_the_same_proxies(rasterizer, body, make_ring):
    with torch.no_grad():
        vertices = body(BodyParams.rest(1)).vertices[0].numpy()
    ring = [c.crop((4.0, 0.0, 60.0, 64.0), (56, 64)) for c in make_ring(2, size=64)]  # higher than wide
    kinds = ["body", "left_hand"]
    exact, found = (render_proxies(body, vertices, ring, kinds, renderer=r) for r in ("raycast", "pytorch3d"))
    assert (exact.labels > 0).sum() > 200
    assert np.array_equal(found.labels, exact.labels) and np.array_equal(found.weight, exact.weight)
    np.testing.assert_allclose(found.uv, exact.uv, atol=1e-6)
    assert found.cameras == exact.cameras and found.kind == exact.kind


def test_depth_occluders_and_edges_between_faces(rasterizer, cube, make_ring):
    """The cube's diagonals and the wall's edge pass through pixel centres."""
    cameras = make_ring(4, size=48)
    middle = np.array([c.center_world for c in cameras]).mean(0)
    wall = np.array([[0.0, -2, 0], [2, -2, 0], [2, 2, 0], [0, 2, 0]]) + 0.3 * (
        cameras[0].center_world - middle
    )
    occluders = [(wall, np.array([[0, 1, 2], [0, 2, 3]]))]
    exact, found = (
        render(cube.vertices, cube.faces, cameras, occluders)
        for render in (render_surface, rasterize_surface)
    )
    assert any((v.outline & ~v.visible).any() for v in exact)
    for a, b in zip(found, exact, strict=True):
        assert np.array_equal(a.outline, b.outline) and np.array_equal(a.visible, b.visible)
        np.testing.assert_allclose(a.depth, b.depth, atol=1e-6)
        points = [
            np.einsum("nc,ncd->nd", v.bary[v.outline], cube.vertices[cube.faces[v.face[v.outline]]])
            for v in (a, b)
        ]
        np.testing.assert_allclose(*points, atol=1e-6)  # on a diagonal either face will do


def test_distorted_cameras_are_refused(rasterizer, cube, make_ring):
    lens = replace(make_ring(1, size=48)[0], distortion=np.array([0.1, 0, 0, 0]))
    with pytest.raises(InputError, match="renderer=raycast"):
        rasterize_surface(cube.vertices, cube.faces, [lens])


@pytest.mark.skipif(THERE, reason="PyTorch3D is installed")
def test_a_missing_package_is_named(cube, make_ring):
    with pytest.raises(InputError, match="PyTorch3D"):
        render_proxies(cube, cube.vertices, make_ring(1, size=48), renderer="pytorch3d")
