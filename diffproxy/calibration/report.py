"""Standard deviations and reprojection errors of every camera after a calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffproxy.calibration.body_bundle_adjustment import Bundle, frame_state
from diffproxy.calibration.camera_parameters import PER_CAMERA, RigState, rigid_gauge
from diffproxy.cameras import Camera
from diffproxy.fitting.state import State
from diffproxy.fitting.terms.reprojection import Noise

DOUBTFUL_DEG, DOUBTFUL_INLIERS = 3.0, 0.5


@dataclass(frozen=True)
class CameraReport:
    """One camera after calibration. Standard deviations are relative to the other cameras (the world may not move).

    `pixels` of the whole image; `metres` on the plane through the subject; `inliers`: share within 4 sigma.
    """

    name: str
    frames: int
    pixels_used: int
    error_px: float
    error_mm: float
    inliers: float
    rotation_std_deg: float
    translation_std_mm: float
    focal_px: float
    focal_std_percent: float

    @property
    def is_doubtful(self) -> bool:
        return self.rotation_std_deg > DOUBTFUL_DEG or self.inliers < DOUBTFUL_INLIERS

    def to_json(self) -> dict:
        return {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(self).items()}


def camera_doubts(reports: Sequence[CameraReport]) -> list[str]:
    """The cameras that are not to be trusted, and why."""
    return [
        f"{r.name}: known to {r.rotation_std_deg:.1f} degrees, {r.inliers:.0%} of its pixels agree"
        for r in reports
        if r.is_doubtful
    ]


def camera_reports(
    bundle: Bundle,
    bodies: State,
    rig: RigState,
    noise: list[Noise],
    free: Int[Tensor, " C"],
    cameras: Sequence[Camera],
) -> tuple[CameraReport, ...]:
    """How well each camera is known.

    Args:
        bundle: The problem.
        bodies: Solved bodies.
        rig: Solved cameras.
        noise: Of each frame's residuals, in the last `solve`.
        free: Shared unknowns that moved in it.
        cameras: The whole undistorted images, in whose pixels errors are stated.
    """
    std = _deviations(bundle, bodies, rig, noise, free)
    metres: list[list[np.ndarray]] = [[] for _ in cameras]
    pixels: list[list[np.ndarray]] = [[] for _ in cameras]
    inside: list[list[np.ndarray]] = [[] for _ in cameras]
    bundle.set_cameras(rig, measure=True)
    for f, (data, camera, K) in enumerate(zip(bundle.data, bundle.camera, bundle.K, strict=True)):
        distance = data.distances(frame_state(bodies, f))[0].numpy()
        reach = noise[f].kernel[0].numpy()
        crop_px = distance / data.observations.metres_per_pixel[0].numpy()
        focal_scale = K[:, 0, 0].numpy() / np.array([cameras[int(c)].K[0, 0] for c in camera])
        for c in range(len(cameras)):
            own = camera.numpy() == c
            metres[c].append(distance[own])
            pixels[c].append(crop_px[own] / focal_scale[own])
            inside[c].append(distance[own] < reach[own])
    out = []
    for c, seen_by in enumerate(cameras):
        m, p, i = (np.concatenate(a[c]) for a in (metres, pixels, inside))
        some = len(m) > 0
        out.append(
            CameraReport(
                name=seen_by.name,
                frames=sum(len(a) > 0 for a in metres[c]),
                pixels_used=len(m),
                error_px=float(np.median(p)) if some else float("nan"),
                error_mm=1000 * float(np.median(m)) if some else float("nan"),
                inliers=float(i.mean()) if some else 0.0,
                rotation_std_deg=float(np.degrees(np.linalg.norm(std[c, :3]))),
                translation_std_mm=1000 * float(np.linalg.norm(std[c, 3:6])),
                focal_px=float(seen_by.K[0, 0] * rig.log_focal[c].exp()),
                focal_std_percent=100 * float(std[c, 6]),
            )
        )
    return tuple(out)


def _deviations(
    bundle: Bundle, bodies: State, rig: RigState, noise: list[Noise], free: Tensor
) -> Float[np.ndarray, "C 7"]:
    """Standard deviation of every camera's tangent vector, without rigid motions of the whole world (the gauge)."""
    S, _, _, _ = bundle.normal(bodies, rig, noise, free, 0.0)
    cams = free < PER_CAMERA * len(rig)
    whole = torch.zeros(len(free), 6, dtype=torch.float64)
    whole[cams] = rigid_gauge(rig)[free[cams]]
    u, _, _ = torch.linalg.svd(whole, full_matrices=True)
    rest = u[:, 6:]
    inner = rest.T @ S @ rest
    inner = inner + 1e-12 * inner.diagonal().max() * torch.eye(len(inner), dtype=torch.float64)
    covariance = rest @ torch.linalg.inv(inner) @ rest.T
    out = torch.zeros(PER_CAMERA * len(rig), dtype=torch.float64)
    out[free[cams]] = covariance.diagonal()[cams].clamp_min(0).sqrt()
    return out.reshape(-1, PER_CAMERA).numpy()
