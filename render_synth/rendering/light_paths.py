"""Light paths of one bounce as vectorised Dr.Jit code, with fewer rays than Mitsuba's path tracer.

Mitsuba's path of `max_depth=3` casts five rays: camera, lamp, bounce, lamp, and one that may hit a lamp by chance. The
last is left out, and the guides of the denoiser are those of the first hit, where Mitsuba traces a separate image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from diffproxy.cameras import Camera

NEAR = 0.05  # metres along the optical axis


@dataclass(frozen=True)
class Traced:
    """Radiance, and the denoiser's guides; `depth` in metres along the ray, 0: sky."""

    rgb: Float[np.ndarray, "H W 3"]
    albedo: Float[np.ndarray, "H W 3"]
    normal: Float[np.ndarray, "H W 3"]
    depth: Float[np.ndarray, "H W"]


def trace(scene: Any, camera: Camera, spp: int, seed: int) -> Traced:
    """A pinhole camera's image with one bounce of light. Needs a vectorised variant (LLVM or CUDA)."""
    import drjit as dr
    import mitsuba as mi

    w, h = camera.width, camera.height
    sampler = mi.load_dict({"type": "multijitter", "sample_count": spp})
    spp = sampler.sample_count()  # a product of two integers of about one size
    sampler.set_samples_per_wavefront(spp)
    # Opaque: numbers of one image must not become constants of the code, which would be compiled anew.
    count, wide, start = (dr.opaque(mi.UInt32, n) for n in (spp, w, seed))
    sampler.seed(start, w * h * spp)
    index = dr.arange(mi.UInt32, w * h * spp) // count
    si = scene.ray_intersect(_ray(camera, index % wide, index // wide, sampler), int(mi.RayFlags.All), True)
    hit, bsdf = si.is_valid(), si.bsdf()
    light = si.emitter(scene).eval(si) + _light(scene, si, bsdf, sampler, hit)
    values = (
        light,
        dr.select(hit, bsdf.eval_diffuse_reflectance(si, hit), 0.0),
        dr.select(hit, si.sh_frame.n, 0.0),
        [dr.select(hit, si.t, 0.0)],
    )
    dr.eval(values)  # at once: else each sum traces the whole scene again
    sums = [[np.array(dr.block_sum(channel, spp)) for channel in value] for value in values]
    rgb, albedo, normal, depth = (np.stack(v, -1).reshape(h, w, -1) / spp for v in sums)
    return Traced(rgb, albedo, normal, depth[..., 0])


def _ray(camera: Camera, column: Any, row: Any, sampler: Any) -> Any:
    """A ray from the near plane through a random point of each pixel."""
    import drjit as dr
    import mitsuba as mi

    at = mi.Point2f(column, row) + sampler.next_2d()
    k = camera.K
    fx, fy, cx, cy = (dr.opaque(mi.Float, float(x)) for x in (k[0, 0], k[1, 1], k[0, 2], k[1, 2]))
    x, y, z = (mi.Vector3f([dr.opaque(mi.Float, float(v)) for v in row]) for row in camera.R_cam_world)
    way = x * ((at.x - cx) / fx) + y * ((at.y - cy) / fy) + z
    centre = mi.Point3f([dr.opaque(mi.Float, float(v)) for v in camera.center_world])
    return mi.Ray3f(centre + NEAR * way, dr.normalize(way))


def _light(scene: Any, si: Any, bsdf: Any, sampler: Any, on: Any) -> Any:
    """Reflected radiance of a surface: from a light picked at random, and from the surface that a bounce hits."""
    import drjit as dr
    import mitsuba as mi

    ds, shine = scene.sample_emitter_direction(si, sampler.next_2d(), True, on)
    value, pdf, bs, gain = bsdf.eval_pdf_sample(
        mi.BSDFContext(), si, si.to_local(ds.d), sampler.next_1d(), sampler.next_2d(), on
    )
    light = dr.select(on & (ds.pdf > 0), value * shine * _weight(ds.pdf, pdf), 0.0)
    on = on & (dr.max(gain) > 0)  # not in place: the mask is the caller's, too
    there = scene.ray_intersect(si.spawn_ray(si.to_world(bs.wo)), int(mi.RayFlags.All), False, on)
    # A lamp met by the bounce might have been picked, too.
    picked = scene.pdf_emitter_direction(si, mi.DirectionSample3f(scene, there, si), on)
    light += dr.select(on, gain * there.emitter(scene, on).eval(there, on) * _weight(bs.pdf, picked), 0.0)
    on = on & there.is_valid()
    ds, shine = scene.sample_emitter_direction(there, sampler.next_2d(), True, on)
    on = on & (ds.pdf > 0)
    value = there.bsdf().eval(mi.BSDFContext(), there, there.to_local(ds.d), on)
    return light + dr.select(on, gain * value * shine, 0.0)


def _weight(a: Any, b: Any) -> Any:
    """Power heuristic for the first of two ways to find the same light."""
    import drjit as dr

    return dr.select(a > 0, a * a / (a * a + b * b), 0.0)
