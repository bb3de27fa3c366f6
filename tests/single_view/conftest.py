"""Two people before one camera, with exact proxies in crops of its picture."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.cameras import Camera
from diffproxy.detector.person_detector import Candidate
from diffproxy.fitting import FitConfig
from diffproxy.generator import DiffProxyOutput
from diffproxy.pipeline.generate_proxies import GenerateConfig
from diffproxy.proxies import ProxyMaps, render_proxies
from diffproxy.single_view.estimator import SingleViewEstimator
from diffproxy.single_view.focal_length import usual_focal
from diffproxy.single_view.picture_camera import picture_camera, with_focal


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


class TruePeople:
    """Stands in for detector and generator: knows the people of a picture, and counts its calls.

    The crops' cameras have the focal length that is assumed of the picture; `factor` is the true one over it.
    """

    def __init__(self, body, picture: Picture, factor: float, size: int = 48):
        self.body, self.factor, self.camera, self.picture = body, factor, picture.camera, picture
        self.network = SimpleNamespace(config=SimpleNamespace(image_size=size))
        with torch.no_grad():
            self.vertices = [body(p).vertices[0].numpy() for p in picture.params]
        self.detections = 0

    def encoding_once(self):
        return nullcontext()

    def locate(self, images, top=6, min_score=0.1):
        self.detections += 1
        if not images[0].any():  # a black picture shows nobody
            return [[]]
        pixels = [self.camera.project(v.astype(np.float64)) for v in self.vertices]
        boxes = [(*p.min(0).tolist(), *p.max(0).tolist()) for p in pixels]
        return [[Candidate(box, 0.9, np.zeros((17, 3), np.float32)) for box in boxes]]

    def __call__(
        self, images, cameras, kinds, steps=None, samples=1, generator=None, flip=None
    ) -> DiffProxyOutput:
        (crop,) = cameras
        true = with_focal(crop, self.factor)
        middle = np.array([crop.width, crop.height]) / 2
        off = [np.linalg.norm(true.project(v.mean(0).astype(np.float64)) - middle) for v in self.vertices]
        maps = render_proxies(self.body, self.vertices[int(np.argmin(off))], [true])
        return DiffProxyOutput(replace(maps, cameras=(crop,)), None, (0,))


@pytest.fixture(scope="session")
def quick_fit() -> FitConfig:
    """Options of a quick fit."""
    return FitConfig(hands=False, max_pixels=120, num_restarts=1, num_initial_rotations=100, silhouette=False)


@pytest.fixture
def true_people(body, two_people) -> TruePeople:
    """The stand-in for the picture `two_people` under the usual focal length."""
    camera = two_people.camera
    return TruePeople(body, two_people, camera.K[0, 0] / usual_focal(camera.width, camera.height))


@pytest.fixture
def estimator(body, true_people, quick_fit) -> SingleViewEstimator:
    generate = GenerateConfig(size=48, steps=0, hands=False, refine_crops=False)
    return SingleViewEstimator(body, true_people, true_people, generate, quick_fit)
