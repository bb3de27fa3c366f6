"""Rendering against shapes whose images are known in closed form."""

from dataclasses import replace

import numpy as np
import pytest

from diffproxy.cameras import Camera
from diffproxy.proxies import proxies_from_surface, render_depth_mask, render_proxies, render_surface
from diffproxy.proxies.raycast import RayMesh, intersect_faces
from diffproxy.proxies.surface import projected_box
from diffproxy.utils.errors import InputError


def front_camera(size=64, distance=3.0, f=100.0):
    """In front of the origin on +z, upright: x_world to the right, y_world up."""
    K = np.array([[f, 0, size / 2], [0, f, size / 2], [0, 0, 1.0]])
    R = np.diag([1.0, -1.0, -1.0])
    return Camera("front", size, size, K, R, np.array([0, 0, distance]))


def expected_front(camera, half=0.5):
    """Label mask and UV of the cube's front side, z = half, seen by `front_camera`."""
    x, y = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    depth = camera.t_cam_world[2] - half
    X = (x - camera.K[0, 2]) / camera.K[0, 0] * depth
    Y = -(y - camera.K[1, 2]) / camera.K[1, 1] * depth
    inside = (np.abs(X) < half) & (np.abs(Y) < half)
    return inside, np.stack([X + half, Y + half], axis=-1) / (2 * half), depth


def test_the_cubes_front_is_exact_at_pixel_centres(cube):
    camera = front_camera()
    maps = render_proxies(cube, cube.vertices, [camera])
    inside, uv, _ = expected_front(camera)
    assert (maps.labels[0] == np.where(inside, 5, 0)).all()
    np.testing.assert_allclose(maps.uv[0][inside], uv[inside], atol=1e-6)
    assert (maps.uv[0][~inside] == 0).all() and (maps.weight[0] == inside).all()
    assert maps.kind == ("body",) and maps.cameras[0] is camera
    maps.check()


def test_depth_is_z_along_the_optical_axis_not_distance(cube):
    camera = front_camera()
    depth, mask = render_depth_mask(cube, cube.vertices, [camera])
    inside, _, z = expected_front(camera)
    assert (mask[0] == inside).all()
    np.testing.assert_allclose(depth[0][inside], z, atol=1e-6)
    assert np.isinf(depth[0][~inside]).all()


def test_a_sphere_is_met_where_the_quadratic_says(make_ring):
    import trimesh

    sphere = trimesh.creation.icosphere(subdivisions=5, radius=0.7)
    for camera in make_ring(3, size=64):
        (view,) = render_surface(sphere.vertices, sphere.faces, [camera])
        y, x = np.nonzero(view.outline)
        origin, d = camera.rays_world(np.stack([x, y], axis=-1) + 0.5)
        b = d @ origin
        disc = b**2 - (origin @ origin - 0.49)
        met = disc > 0.05  # at grazing hits the flat faces differ from the sphere by more than their sagitta
        z = ((-b - np.sqrt(np.maximum(disc, 0))) * (d @ camera.direction_world))[met]
        np.testing.assert_allclose(view.depth[y, x][met], z, atol=6e-4)  # sagitta of the icosphere's faces
        area = np.pi * (camera.K[0, 0] * np.tan(np.arcsin(0.7 / np.linalg.norm(origin)))) ** 2
        assert view.outline.sum() == pytest.approx(area, rel=0.01)


def test_a_hit_reprojects_to_its_own_pixel_centre(cube, make_ring):
    cameras = make_ring(4, size=48)
    for camera, view in zip(cameras, render_surface(cube.vertices, cube.faces, cameras), strict=True):
        y, x = np.nonzero(view.outline)
        points = np.einsum("nc,ncd->nd", view.bary[y, x], cube.vertices[cube.faces[view.face[y, x]]])
        np.testing.assert_allclose(camera.project(points), np.stack([x, y], axis=-1) + 0.5, atol=2e-4)


def test_a_distorted_lens_is_honoured(cube):
    camera = replace(front_camera(), distortion=np.array([-0.3, 0.1, 0.001, 0.002]))
    (view,) = render_surface(cube.vertices, cube.faces, [camera])
    y, x = np.nonzero(view.outline)
    points = np.einsum("nc,ncd->nd", view.bary[y, x], cube.vertices[cube.faces[view.face[y, x]]])
    np.testing.assert_allclose(camera.project(points), np.stack([x, y], axis=-1) + 0.5, atol=2e-4)


def test_an_occluder_in_front_hides_and_one_behind_does_not(cube):
    camera = front_camera()
    half_wall = np.array([[0, -2, 1], [2, -2, 1], [2, 2, 1], [0, 2, 1.0]])  # right half of the image, nearer
    quad = np.array([[0, 1, 2], [0, 2, 3]])
    hidden = render_proxies(cube, cube.vertices, [camera], occluders=[(half_wall, quad)])
    plain = render_proxies(cube, cube.vertices, [camera])
    assert (hidden.labels[0][:, 32:] == 0).all() and (hidden.weight[0][:, 32:] == 0).all()
    assert (hidden.labels[0][:, :32] == plain.labels[0][:, :32]).all()
    behind = render_proxies(cube, cube.vertices, [camera], occluders=[(half_wall - [0, 0, 4], quad)])
    assert (behind.labels == plain.labels).all()
    (view,) = render_surface(
        cube.vertices, cube.faces, [camera], [(half_wall, quad), (half_wall - [0, 0, 4], quad)]
    )
    assert view.outline.sum() == (plain.labels > 0).sum() and (view.visible == (hidden.labels[0] > 0)).all()


def test_a_hand_view_shows_hands_alone(cube):
    side = Camera("side", 32, 32, np.array([[50, 0, 16], [0, 50, 16], [0, 0, 1.0]]), *look_from_plus_x())
    maps = render_proxies(
        cube, cube.vertices, [front_camera(32, f=50.0), side], kinds=["left_hand", "left_hand"]
    )
    assert set(np.unique(maps.labels[0])) == {0, 7} and (maps.labels[1] == 0).all()
    assert (maps.uv[1] == 0).all() and (maps.weight[1] == 0).all()


def look_from_plus_x():
    R = np.array([[0, 0, -1.0], [0, -1, 0], [-1, 0, 0]])
    return R, -R @ np.array([3.0, 0, 0])


def test_far_from_the_origin_nothing_is_lost(cube):
    """Coordinates of a survey (kilometres) must not spoil UV: the tree lives around the mesh's own centre."""
    shift = np.array([5000.0, 20.0, -8000.0])
    camera = front_camera()
    moved = replace(camera, t_cam_world=camera.t_cam_world - camera.R_cam_world @ shift)
    near = render_proxies(cube, cube.vertices, [camera])
    far = render_proxies(cube, cube.vertices + shift, [moved])
    assert (near.labels == far.labels).all()
    np.testing.assert_allclose(near.uv, far.uv, atol=1e-6)


def test_a_body_behind_or_beside_the_camera_gives_an_empty_view(cube):
    camera = front_camera()
    for t in ([0, 0, -3.0], [50.0, 0, 3.0]):
        maps = render_proxies(cube, cube.vertices, [replace(camera, t_cam_world=np.array(t))])
        assert not maps.labels.any()


def test_a_camera_inside_the_body_sees_no_surface_behind_it(cube):
    inside = replace(front_camera(), t_cam_world=np.zeros(3))
    (view,) = render_surface(cube.vertices, cube.faces, [inside])
    assert view.outline.all() and (view.depth[view.outline] > 0).all()


def test_views_share_a_window_that_holds_every_projected_pixel(cube, make_ring):
    for camera in make_ring(3, size=64):
        x0, y0, x1, y1 = projected_box(cube.vertices, camera)
        xy = camera.project(cube.vertices)
        assert x0 <= xy[:, 0].min() and x1 >= xy[:, 0].max() and y0 <= xy[:, 1].min() and y1 >= xy[:, 1].max()
        assert (x1 - x0) * (y1 - y0) < 64 * 64 / 2


def test_edge_on_faces_give_points_on_the_mesh():
    corners = np.array([[[0, 0, 0], [1, 0, 0], [0, 0, 1.0]]])
    bary, distance = intersect_faces(corners, np.array([0.2, 0, -1]), np.array([[0.0, 0, 1]]))
    assert np.isfinite(bary).all() and np.isfinite(distance).all() and (bary >= 0).all()


def test_the_search_tree_agrees_with_trying_every_face():
    rng = np.random.default_rng(0)
    vertices = rng.normal(size=(30, 3))
    faces = rng.integers(0, 30, size=(40, 3))
    faces = faces[(np.diff(np.sort(faces, axis=1), axis=1) > 0).all(axis=1)]
    origin, rays = (
        np.array([0.0, 0, -6]),
        np.concatenate([rng.normal(size=(200, 2)) * 0.3, np.ones((200, 1))], axis=1),
    )
    hits = RayMesh(vertices, faces).cast(origin, rays)
    for ray, face, distance in zip(rays, hits.face, hits.distance, strict=True):
        corner = vertices[faces]
        system = np.stack(
            [corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0], -np.tile(ray, (len(faces), 1))], -1
        )
        b = np.linalg.solve(system, (origin - corner[:, 0])[..., None])[..., 0]
        inside = (b[:, 0] > 0) & (b[:, 1] > 0) & (b[:, 0] + b[:, 1] < 1) & (b[:, 2] > 0)
        nearest = np.where(inside, b[:, 2], np.inf).min()
        assert (face >= 0) == np.isfinite(nearest)
        if face >= 0:
            assert distance == pytest.approx(nearest, abs=1e-9)


def test_bad_input_is_told(cube):
    camera = front_camera()
    broken = cube.vertices.copy()
    broken[3, 1] = np.nan
    with pytest.raises(InputError, match="1 vertices with NaN"):
        render_proxies(cube, broken, [camera])
    with pytest.raises(InputError, match="face indices"):
        render_proxies(cube, cube.vertices[:10], [camera])
    with pytest.raises(InputError, match="at least one camera"):
        render_proxies(cube, cube.vertices, [])
    with pytest.raises(InputError, match="one image size"):
        render_proxies(cube, cube.vertices, [camera, front_camera(32)])
    with pytest.raises(InputError, match="1 kinds"):
        render_proxies(cube, cube.vertices, [camera], kinds=[])


def test_one_surface_serves_two_palettes(cube):
    camera = front_camera()
    views = render_surface(cube.vertices, cube.faces, [camera])
    body = proxies_from_surface(cube.atlas, views, [camera])
    hand = proxies_from_surface(cube.atlas, views, [camera], ["right_hand"])
    assert ((hand.labels == 7) == (body.labels == 5)).all()
