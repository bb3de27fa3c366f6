"""Scenes with known answers: a random tree body for the maths, the default body and exact proxies for whole fits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from diffproxy.body import BodyModel, BodyParams
from diffproxy.body.files import BodyArrays
from diffproxy.body.params import PARAM_DIMS
from diffproxy.fitting.terms.reprojection import Observations
from diffproxy.proxies import ProxyMaps, render_proxies


@pytest.fixture(scope="session")
def random_body() -> BodyModel:
    """Everything random, pose correctives included: no symmetry can hide a mistake. Double precision."""
    rng = np.random.default_rng(0)
    count = 150
    weights = np.zeros((count, 55))
    for row in weights:
        row[rng.choice(55, 4, replace=False)] = rng.uniform(0.1, 1, 4)
    regressor = rng.uniform(size=(55, count))
    arrays = BodyArrays(
        name="random",
        v_template=rng.normal(size=(count, 3)),
        faces=rng.integers(count, size=(200, 3)),
        shapedirs=0.1 * rng.normal(size=(count, 3, 20)),
        posedirs=0.05 * rng.normal(size=(count, 3, 486)),
        J_regressor=regressor / regressor.sum(1, keepdims=True),
        weights=weights / weights.sum(1, keepdims=True),
    )
    body = BodyModel(arrays).to(torch.float64)
    assert isinstance(body, BodyModel)
    return body


@pytest.fixture(scope="session")
def random_params() -> BodyParams:
    """Two random frames, double precision, every field away from its default."""
    g = torch.Generator().manual_seed(1)
    values = {k: 0.5 * torch.randn(2, n, generator=g, dtype=torch.float64) for k, n in PARAM_DIMS.items()}
    values["scale"] = torch.tensor([[0.8], [1.3]], dtype=torch.float64)
    return BodyParams(**values)


@pytest.fixture(scope="session")
def random_observations() -> Observations:
    """Twenty pixels of two random-body frames in a camera 8 m away."""
    g = torch.Generator().manual_seed(2)
    B, N, dtype = 2, 20, torch.float64
    bary = torch.rand(B, N, 3, generator=g, dtype=dtype)
    P = torch.tensor([[300.0, 0, 128, 5], [0, 310, 120, 9], [0, 0, 1, 8]], dtype=dtype)
    return Observations(
        faces=torch.randint(0, 200, (B, N), generator=g),
        bary=bary / bary.sum(-1, keepdim=True),
        pixels=256 * torch.rand(B, N, 2, generator=g, dtype=dtype),
        weight=torch.rand(B, N, generator=g, dtype=dtype),
        P=P.expand(B, N, 3, 4),
        metres_per_pixel=torch.full((B, N), 0.02, dtype=dtype),
        on_hand=torch.zeros(B, N, dtype=torch.bool),
        view=torch.zeros(B, N, dtype=torch.int64),
    )


@dataclass(frozen=True)
class Scene:
    """A posed stand-in body and its exact proxies."""

    body: BodyModel
    params: BodyParams
    vertices: np.ndarray
    joints: np.ndarray
    maps: ProxyMaps

    def vertex_error(self, params: BodyParams) -> float:
        """Mean distance of the vertices, millimetres."""
        with torch.no_grad():
            fitted = self.body(params).vertices[0].numpy()
        return 1000 * float(np.linalg.norm(fitted - self.vertices, axis=-1).mean())

    def joint_error(self, joints: np.ndarray) -> float:
        """Mean distance of the 22 body joints, millimetres."""
        return 1000 * float(np.linalg.norm(joints[:22] - self.joints[:22], axis=-1).mean())


def walking(seed: int) -> BodyParams:
    """A stride with bent knees and elbows, any heading, random betas, off the origin."""
    rng = np.random.default_rng(seed)
    pose = 0.08 * rng.normal(size=(21, 3))
    pose[0, 0], pose[1, 0] = -0.6, 0.3  # hips
    pose[3, 0], pose[4, 0] = 0.5, 0.9  # knees
    pose[15, 2], pose[16, 2] = -0.9, 0.8  # shoulders: arms down
    pose[17, 1], pose[18, 1] = -0.8, 0.5  # elbows

    def row(values: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(values, dtype=torch.float32).reshape(1, -1)

    return BodyParams.rest(1).replace(
        body_pose=row(pose),
        global_orient=row(np.array([0.0, rng.uniform(-np.pi, np.pi), 0.0])),
        betas=row(rng.normal(size=10)),
        transl=row(rng.normal(size=3)),
        left_hand_pose=row(np.tile([0.0, 0.0, -0.5], 15)),
        right_hand_pose=row(np.tile([0.0, 0.0, 0.6], 15)),
    )


@pytest.fixture(scope="session")
def make_scene(body, make_ring):
    """Factory: the walking body `seed` in `views` exact maps. Rendered once per session."""
    cache: dict[tuple[int, int], Scene] = {}

    def make(seed: int = 0, views: int = 4) -> Scene:
        if (seed, views) not in cache:
            params = walking(seed)
            with torch.no_grad():
                posed = body(params)
            vertices, joints = posed.vertices[0].numpy(), posed.joints[0].numpy()
            center = (vertices.min(0) + vertices.max(0)) / 2
            maps = render_proxies(body, vertices, make_ring(views, target=tuple(center)))
            cache[seed, views] = Scene(body, params, vertices, joints, maps)
        return cache[seed, views]

    return make


@pytest.fixture(scope="session")
def leg_behind():
    """Function: a body with its left leg stretched out behind it."""

    def turned(params: BodyParams) -> BodyParams:
        pose = params.body_pose.clone()
        pose[:, :3] = pose.new_tensor([1.4, 0.0, 0.0])  # left hip
        return params.replace(body_pose=pose)

    return turned
