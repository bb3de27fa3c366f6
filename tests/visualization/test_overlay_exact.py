"""The quick way to an overlay against the plain one: a ray through every pixel, everything in float64."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from diffproxy.body import BodyParams
from diffproxy.cameras import Camera
from diffproxy.geometry.meshes import vertex_normals
from diffproxy.proxies.footprint import footprint
from diffproxy.proxies.raycast import RayMesh
from diffproxy.proxies.surface import Surface, pixel_rays, render_surface
from diffproxy.visualization import BodyPainter, overlay_body
from diffproxy.visualization.overlay import BODY_COLOR, silhouette


@pytest.fixture(scope="module")
def scene(body, make_ring):
    vertices = body(BodyParams.rest()).vertices[0].double().numpy()
    return vertices, body.faces.numpy(), make_ring(3, size=160, target=(0, -0.3, 0))


def cast_everywhere(camera: Camera, vertices, faces):
    """Hit faces (H, W), shaded colours (H, W, 3) in 0..255."""
    rays = pixel_rays(camera, (0, 0, camera.width, camera.height))
    hits = RayMesh(vertices, faces).cast(camera.center_world, rays)
    normal = np.einsum("nc,ncd->nd", hits.bary, vertex_normals(vertices, faces)[faces[hits.face]])
    normal, ray = (a / np.maximum(np.linalg.norm(a, axis=-1, keepdims=True), 1e-12) for a in (normal, rays))
    facing = -(normal * ray).sum(-1)
    key = np.array([-0.5, -0.7, -0.5]) @ camera.R_cam_world
    side = np.clip(np.where(facing < 0, -1, 1) * (normal @ key) / np.linalg.norm(key), 0, 1)
    light = 0.25 + 0.45 * np.abs(facing) + 0.4 * side
    shaded = 255 * np.clip(light[:, None] * np.array(BODY_COLOR), 0, 1)
    shape = (camera.height, camera.width)
    return hits.face.reshape(shape), shaded.reshape(*shape, 3)


def test_the_image_is_that_of_a_ray_through_every_pixel(scene):
    vertices, faces, cameras = scene
    image = np.random.default_rng(0).integers(0, 255, (160, 160, 3)).astype(np.uint8)
    for camera in cameras:
        face, shaded = cast_everywhere(camera, vertices, faces)
        (view,) = render_surface(vertices, faces, [camera])
        assert (view.face == face).all() and view.outline.sum() > 1000
        inside = view.outline & ~silhouette(view)
        out = overlay_body(image, camera, vertices, faces).astype(float)
        np.testing.assert_allclose(out[inside], 0.25 * image[inside] + 0.75 * shaded[inside], atol=1)
        assert (out[face < 0] == image[face < 0]).all() and (out[silhouette(view)] == 255).all()


def test_one_painter_draws_what_single_calls_draw(scene):
    vertices, faces, cameras = scene
    image = np.full((160, 160, 3), 90, dtype=np.uint8)
    painter = BodyPainter(vertices, faces)
    for camera in cameras:
        assert (painter.draw(image, camera) == overlay_body(image, camera, vertices, faces)).all()


def test_the_part_around_the_body_is_that_of_the_whole_view(scene):
    """The same pixels and faces; Embree's own barycentric coordinates are good to a thousandth."""
    vertices, faces, cameras = scene
    surface = Surface(vertices, faces)
    for camera in cameras:
        whole, (part, (x0, y0, x1, y1)) = surface.seen_by(camera), surface.colors_seen_by(camera)
        assert 0 < x0 < x1 < 160 and 0 < y0 < y1 < 160 and whole.outline.sum() == part.outline.sum()
        assert (whole.face[y0:y1, x0:x1] == part.face).all()
        assert (whole.visible[y0:y1, x0:x1] == part.visible).all()
        difference = np.abs(whole.bary[y0:y1, x0:x1] - part.bary).max(axis=-1)
        assert np.percentile(difference, 99) < 1e-3 and difference.max() < 0.01
        finite = part.outline
        np.testing.assert_allclose(part.depth[finite], whole.depth[y0:y1, x0:x1][finite], atol=1e-4)
    behind = replace(cameras[0], t_cam_world=-cameras[0].t_cam_world)
    nothing, window = surface.colors_seen_by(behind)
    assert window == (0, 0, 0, 0) and nothing.face.size == 0
    image = np.full((160, 160, 3), 90, dtype=np.uint8)
    assert (overlay_body(image, behind, vertices, faces) == image).all()


def test_a_lens_and_a_body_around_the_camera_lose_nothing(scene):
    """Where no boxes of faces are known, every pixel is asked."""
    vertices, faces, (camera, *_) = scene
    bent = Camera(
        "bent", 160, 160, camera.K, camera.R_cam_world, camera.t_cam_world, np.array([-0.2, 0.05, 0, 0])
    )
    among = Camera("among", 160, 160, camera.K, camera.R_cam_world, -camera.R_cam_world @ vertices.mean(0))
    for other in (bent, among):
        (view,) = render_surface(vertices, faces, [other])
        assert (view.face == cast_everywhere(other, vertices, faces)[0]).all() and view.outline.any()


def test_the_footprint_is_the_boxes_of_the_faces():
    """Two slanted triangles, one cut by the window: their boxes with half a pixel of slack, and nothing between."""
    camera = Camera("c", 40, 30, np.diag([1.0, 1, 1]), np.eye(3), np.zeros(3))
    corners = np.array([[3, 4], [9, 5], [6, 11], [30, 20], [45, 22], [33, 40]], dtype=float)
    vertices = np.concatenate([corners, np.ones((6, 1))], axis=1)
    mask = footprint(vertices, np.arange(6).reshape(2, 3), camera, (0, 0, 40, 30))
    expected = np.zeros((30, 40), dtype=bool)
    expected[3:12, 2:10] = expected[19:, 29:] = True
    assert (mask == expected).all()
    part = footprint(vertices, np.arange(6).reshape(2, 3), camera, (5, 6, 35, 25))
    assert (part == expected[6:25, 5:35]).all()


def test_the_benchmark_runs(load_benchmark, tmp_path, capsys):
    row = load_benchmark("overlay").main(["frames=1", "views=2", "width=96", "height=64", f"out={tmp_path}"])
    assert row["cpu_s_per_frame"] > 0 and '"benchmark": "overlay"' in capsys.readouterr().out
    assert cv2.imread(str(tmp_path / "overlay" / "cam1" / "000001.jpg")).shape == (64, 96, 3)
