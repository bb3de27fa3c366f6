"""A person seen by four cameras, with exact proxies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.cameras import Camera
from diffproxy.proxies import ProxyMaps, render_proxies


@dataclass(frozen=True)
class FrameObservations:
    maps: ProxyMaps
    cameras: tuple[Camera, ...]
    params: BodyParams
    height: float


@pytest.fixture(scope="session")
def person(body, make_ring) -> FrameObservations:
    """A stride with bent arms, heavier and taller than the average body."""
    pose = np.zeros((21, 3), np.float32)
    pose[0, 0], pose[1, 0], pose[3, 0], pose[4, 0] = -0.6, 0.3, 0.5, 0.9
    pose[15, 2], pose[16, 2], pose[17, 1], pose[18, 1] = -0.9, 0.8, -0.8, 0.5
    betas = torch.tensor([[1.0, -0.7, 0.5, 0.3, 0, 0, 0, 0, 0, 0]])
    params = BodyParams.rest(1).replace(
        body_pose=torch.from_numpy(pose).reshape(1, 63),
        betas=betas,
        global_orient=torch.tensor([[0.0, 0.8, 0.0]]),
    )
    with torch.no_grad():
        vertices = body(params).vertices[0].numpy()
        rest = body(BodyParams.rest(1).replace(betas=betas)).vertices[0, :, 1]
    center = (vertices.min(0) + vertices.max(0)) / 2
    cameras = make_ring(4, size=160, target=tuple(center))
    return FrameObservations(
        render_proxies(body, vertices, cameras), cameras, params, float(rest.max() - rest.min())
    )
