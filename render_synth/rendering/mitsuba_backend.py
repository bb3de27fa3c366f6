"""Render scene data with Mitsuba 3. Imported only when something is rendered."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float

from diffproxy.cameras import Camera
from diffproxy.utils.errors import InputError
from render_synth.rendering.denoise import denoise
from render_synth.rendering.light_paths import NEAR, trace
from render_synth.rendering.mesh import Mesh
from render_synth.scenes.fixed_counts import SKY, resized
from render_synth.scenes.lights import with_sun
from render_synth.scenes.mesh_parts import Lamp, Panel, Quad, SceneData

QUADS = 6
UNSEEN = Quad(
    np.array([0, -92.0, 0]), np.array([0.01, 0, 0]), np.array([0, 0, 0.01]), np.full((2, 2, 3), 0.5)
)

GUIDES = 4  # paths per pixel of the denoiser's guides; one leaves their edges jagged, and so the image's


def _mitsuba() -> Any:
    """Mitsuba, loaded on first use; untyped, since its stubs describe one variant out of many."""
    import mitsuba

    return mitsuba


def _mesh(name: str, mesh: Mesh):
    mi = _mitsuba()
    color: dict[str, Any] = {"type": "mesh_attribute", "name": "vertex_color"}
    textured = mesh.texture is not None and mesh.uv is not None
    if textured:
        tint = mesh.colors.mean(0)
        image = mesh.texture if (tint == 1).all() else mesh.texture * tint.astype(np.float32)
        color = {"type": "bitmap", "bitmap": mi.Bitmap(np.ascontiguousarray(image, np.float32)), "raw": True}
    inner: dict[str, Any] = {"type": "diffuse", "reflectance": color}
    if mesh.rough < 1:
        inner = {"type": "principled", "base_color": color, "roughness": mesh.rough, "specular": 0.4}
    props = mi.Properties()
    props["bsdf"] = mi.load_dict({"type": "twosided", "inner": inner})
    smooth = mesh.normals is not None
    if not smooth:
        props["face_normals"] = True
    out = mi.Mesh(
        name,
        len(mesh.vertices),
        len(mesh.faces),
        props=props,
        has_vertex_normals=smooth,
        has_vertex_texcoords=textured,
    )
    if not textured:
        out.add_attribute("vertex_color", 3, np.ascontiguousarray(mesh.colors, np.float32).ravel())
    params = mi.traverse(out)
    if textured:
        # Mitsuba reads a bitmap's first row at v = 0.
        uv = mesh.textured()[0]
        flipped = np.stack([uv[:, 0], 1 - uv[:, 1]], 1)
        params["vertex_texcoords"] = np.ascontiguousarray(flipped, np.float32).ravel()
    params["vertex_positions"] = np.ascontiguousarray(mesh.vertices, np.float32).ravel()
    if smooth:
        params["vertex_normals"] = np.ascontiguousarray(mesh.normals, np.float32).ravel()
    params["faces"] = np.ascontiguousarray(mesh.faces, np.uint32).ravel()
    params.update()
    return out


def _quad(name: str, quad: Quad):
    mi = _mitsuba()
    texture = {
        "type": "bitmap",
        "bitmap": mi.Bitmap(np.ascontiguousarray(quad.texture, np.float32)),
        "raw": True,
    }
    bsdf = {"type": "twosided", "inner": {"type": "diffuse", "reflectance": texture}}
    uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * quad.repeat
    return _rectangle(name, quad.vertices, uv, {"bsdf": mi.load_dict(bsdf)})


def _lamp(name: str, lamp: Lamp | Panel):
    mi = _mitsuba()
    light = {"type": "area", "radiance": {"type": "rgb", "value": [float(x) for x in lamp.rgb]}}
    return _rectangle(name, lamp.vertices, np.zeros((4, 2)), {"emitter": mi.load_dict(light)})


def _rectangle(name: str, vertices: Float[np.ndarray, "4 3"], uv: Float[np.ndarray, "4 2"], plugins: dict):
    """Two triangles: Mitsuba's own rectangle shape leaves Embree's triangle path and doubles the render time."""
    mi = _mitsuba()
    props = mi.Properties()
    props["face_normals"] = True
    for key, plugin in plugins.items():
        props[key] = plugin
    out = mi.Mesh(name, 4, 2, props=props, has_vertex_texcoords=True)
    params = mi.traverse(out)
    params["vertex_positions"] = np.ascontiguousarray(vertices, np.float32).ravel()
    params["vertex_texcoords"] = np.ascontiguousarray(uv, np.float32).ravel()
    params["faces"] = np.array([0, 1, 2, 0, 2, 3], np.uint32)
    params.update()
    return out


def _sky(data: SceneData) -> dict:
    mi = _mitsuba()
    turn = mi.ScalarTransform4f().rotate([0, 1, 0], float(np.degrees(data.sky_turn)))
    image = data.sky if data.sky is not None else _environment(data.sky_file)
    # Equal mean brightness, whatever the file's own scale.
    image = resized(image, SKY)
    gain = data.sky_gain / max(float(image.mean()), 1e-6)
    if data.sun is not None:
        image = with_sun(image, data.sun)
    return {
        "type": "envmap",
        "bitmap": mi.Bitmap(np.ascontiguousarray(image * gain, np.float32)),
        "to_world": turn,
    }


@lru_cache(maxsize=24)
def _environment(path: str) -> Float[np.ndarray, "H W 3"]:
    mi = _mitsuba()
    try:
        bitmap = mi.Bitmap(path)
    except RuntimeError as error:
        raise InputError(
            "readable .hdr or .exr environments", f"{path}: {error}", "remove this file"
        ) from error
    image = np.array(bitmap.convert(mi.Bitmap.PixelFormat.RGB, mi.Struct.Type.Float32, srgb_gamma=False))
    if len(image) > 512:
        h, w = image.shape[0] // 2, image.shape[1] // 2
        image = image[: 2 * h, : 2 * w].reshape(h, 2, w, 2, 3).mean((1, 3))
    return np.clip(image, 0, np.quantile(image, 0.9995))  # tame the sun: fewer fireflies


@dataclass(frozen=True)
class Scene:
    """A Mitsuba scene; `depth` is the length of light paths."""

    inner: Any
    depth: int


def build_scene(data: SceneData, meshes: dict[str, Mesh], depth: int) -> Scene:
    """Scene data and named meshes as a Mitsuba scene; `depth`: longest light path."""
    mi = _mitsuba()
    description: dict = {"type": "scene", "sky": _sky(data)}
    description["integrator"] = {"type": "path", "max_depth": depth}
    # One program is compiled per number of materials: round the number of walls and images up.
    spare = -len(data.quads) % QUADS
    for i, quad in enumerate([*data.quads, *[UNSEEN] * spare]):
        description[f"quad{i}"] = _quad(f"quad{i}", quad)
    for i, lamp in enumerate(data.lamps):
        description[f"lamp{i}"] = _lamp(f"lamp{i}", lamp)
    description["objects"] = _mesh("objects", data.objects)
    if data.furniture is not None:
        description["furniture"] = _mesh("furniture", data.furniture)
    for name, mesh in meshes.items():
        description[name] = _mesh(name, mesh)
    return Scene(mi.load_dict(description), depth)


def render(scene: Scene, camera: Camera, spp: int, seed: int) -> Float[np.ndarray, "H W 3"]:
    """Linear radiance seen by a pinhole camera with square pixels (crops included)."""
    f = float(camera.K[0, 0])
    if abs(camera.K[1, 1] / f - 1) > 1e-6 or camera.distortion.size:
        raise InputError(
            "a pinhole camera with square pixels",
            f"fx={f}, fy={camera.K[1, 1]}",
            "render an undistorted camera",
        )
    mi = _mitsuba()
    if scene.depth == 3 and not mi.variant().startswith("scalar"):
        seen = trace(scene.inner, camera, spp, seed)
        return denoise(np.nan_to_num(seen.rgb, nan=0.0, posinf=10.0), seen.albedo, seen.normal, seen.depth)
    view = sensor(camera, spp)
    rgb = np.array(mi.render(scene.inner, sensor=view, spp=spp, seed=seed))[..., :3]
    # The guides come from few paths of their own: within the main render they would double its time.
    g = guides(scene, view, min(spp, GUIDES), seed)
    return denoise(np.nan_to_num(rgb, nan=0.0, posinf=10.0), g[..., :3], g[..., 3:6], g[..., 6])


def sensor(camera: Camera, spp: int) -> Any:
    """Mitsuba's sensor for a pinhole camera with square pixels."""
    mi = _mitsuba()
    # Mitsuba's camera looks along +z with +x to the left and +y up.
    to_world = np.eye(4)
    to_world[:3, :3] = camera.R_cam_world.T @ np.diag([-1.0, -1.0, 1.0])
    to_world[:3, 3] = camera.center_world
    f, w, h = float(camera.K[0, 0]), camera.width, camera.height
    return mi.load_dict({
        "type": "perspective", "fov": float(np.degrees(2 * np.arctan(w / 2 / f))), "fov_axis": "x",
        "principal_point_offset_x": float(0.5 - camera.K[0, 2] / w),
        "principal_point_offset_y": float(0.5 - camera.K[1, 2] / h),
        "near_clip": NEAR, "far_clip": 200.0, "to_world": mi.ScalarTransform4f(to_world),
        "film": {"type": "hdrfilm", "width": w, "height": h, "rfilter": {"type": "box"}, "component_format": "float32"},
        "sampler": {"type": "multijitter", "sample_count": spp},
    })  # fmt: skip


def guides(scene: Scene, sensor: Any, spp: int, seed: int = 0) -> Float[np.ndarray, "H W 7"]:
    """Albedo, normal and distance (0: sky) at the first hits."""
    mi = _mitsuba()
    aov = mi.load_dict({"type": "aov", "aovs": "albedo:albedo,normal:sh_normal,depth:depth"})
    image = np.array(mi.render(scene.inner, sensor=sensor, integrator=aov, spp=spp, seed=seed))
    return np.nan_to_num(image, posinf=0.0)[..., -7:]
