"""Two people before one camera, with exact proxies in crops of its picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.cameras import Camera
from diffproxy.proxies import ProxyMaps, render_proxies
from diffproxy.single_view.focal_length import picture_camera, with_focal


@dataclass(frozen=True)
class Picture:
    """A picture with known bodies; `maps[i]` are exact proxies of person i in cameras of the true focal length."""

    camera: Camera
    params: list[BodyParams]
    maps: list[ProxyMaps]

    def assumed(self, factor: float) -> list[ProxyMaps]:
        """The proxies as seen by cameras of `factor` times the true focal length."""
        return [replace(m, cameras=tuple(with_focal(c, factor) for c in m.cameras)) for m in self.maps]


def standing(x: float, z: float, turn: float) -> BodyParams:
    """A body before a camera (y down), arms lowered and half stretched towards it."""
    params = BodyParams.rest(1)
    pose = params.body_pose.clone().reshape(1, 21, 3)
    pose[0, 15] = torch.tensor([0.0, -0.7, -0.6])
    pose[0, 16] = torch.tensor([0.0, 0.4, 0.9])
    pose[0, 3] = torch.tensor([0.5, 0.0, 0.0])
    upright = torch.tensor([[np.pi * np.cos(turn / 2), 0.0, -np.pi * np.sin(turn / 2)]], dtype=torch.float32)
    transl = torch.tensor([[x, 0.25, z]])
    return params.replace(body_pose=pose.flatten(1), global_orient=upright, transl=transl)


@pytest.fixture(scope="session")
def two_people(body) -> Picture:
    """One person 1.1 m and one 1.9 m from a wide lens."""
    camera = picture_camera(640, 480, 330.0)
    params = [standing(-0.25, 1.1, 0.3), standing(0.6, 1.9, -0.4)]
    maps = []
    for p in params:
        with torch.no_grad():
            vertices = body(p).vertices[0].numpy()
        pixels = camera.project(vertices.astype(np.float64))
        center, half = (pixels.max(0) + pixels.min(0)) / 2, 0.55 * float(np.ptp(pixels, axis=0).max())
        box = (*(center - half).tolist(), *(center + half).tolist())
        maps.append(render_proxies(body, vertices, [camera.crop(box, (64, 64))]))
    return Picture(camera, params, maps)
