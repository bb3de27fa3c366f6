"""A stand-in generator that knows the truth: exact proxies of known bodies, whatever the crop."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.generator import DiffProxyOutput
from diffproxy.pipeline.config import FitOptions, RigOption, SaveOptions
from diffproxy.proxies import ProxyMaps, render_proxies

GREY = 20  # images of frame k are grey of level (k + 1) * GREY, so that crops tell which frame they are of


@dataclass
class Oracle:
    """`bodies[k]` are the parameters of frame k, None for a frame without a person; counts its calls."""

    body: object
    bodies: list[BodyParams | None]
    size: int = 96
    calls: int = 0
    fail_after: int | None = None

    def __post_init__(self) -> None:
        self.network = SimpleNamespace(config=SimpleNamespace(image_size=self.size, adapter="t2i", steps=0))
        self.seen: list[list[str]] = []

    def encoding_once(self):
        return nullcontext()

    def __call__(
        self, images, cameras, kinds, num_inference_steps=None, num_samples=1, generator=None, flip=None
    ) -> DiffProxyOutput:
        self.calls += 1
        if self.fail_after is not None and self.calls > self.fail_after:
            raise KeyboardInterrupt
        self.seen.append(list(kinds))
        level = images[:, 0, images.shape[2] // 2, images.shape[3] // 2]
        frame = round(float(level.max()) * 255 / GREY) - 1
        params = self.bodies[frame]
        if params is None:
            shape = (len(cameras), self.size, self.size)
            nothing = (
                np.zeros(shape, np.uint8),
                np.zeros((*shape, 2), np.float32),
                np.zeros(shape, np.float32),
            )
            return self._output(ProxyMaps(*nothing, tuple(kinds), tuple(cameras)))
        with torch.no_grad():
            vertices = self.body(params).vertices[0].numpy()
        return self._output(render_proxies(self.body, vertices, cameras, kinds))

    def _output(self, maps: ProxyMaps) -> DiffProxyOutput:
        return DiffProxyOutput(maps)


def some_params(seed: int = 0, shift: float = 0.0) -> BodyParams:
    """A relaxed standing body with a little randomness; `shift` metres to the side."""
    rng = np.random.default_rng(seed)
    rest = BodyParams.rest(1)
    pose = torch.from_numpy(rng.normal(0, 0.12, (1, 63)).astype(np.float32))
    pose[0, 3 * 15 + 2], pose[0, 3 * 16 + 2] = -0.9, 0.9  # shoulders: arms hanging
    betas = torch.from_numpy(np.random.default_rng(7).normal(0, 0.7, (1, 10)).astype(np.float32))
    return replace(rest, body_pose=pose, betas=betas, transl=torch.tensor([[shift, 0.05, 0.02]]))


@pytest.fixture(scope="session")
def params_of():
    return some_params


@pytest.fixture
def oracle_of(body):
    """Factory: the truth for these frames."""
    return lambda bodies, **more: Oracle(body, bodies, **more)


@pytest.fixture
def rig_of(tmp_path, make_ring):
    """Factory: a rig folder of n cameras with grey images of `frames` frames."""

    def make(frames: int = 1, cameras: int = 3, size: int = 128) -> Path:
        import cv2

        from diffproxy.cameras import Rig, save_rig

        folder = tmp_path / "rig"
        ring = make_ring(cameras, size=size, radius=3.2)
        folder.mkdir()
        save_rig(Rig("grey", ring), folder)
        for camera in ring:
            (folder / "images" / camera.name).mkdir(parents=True)
            for k in range(frames):
                image = np.full((size, size, 3), (k + 1) * GREY, np.uint8)
                cv2.imwrite(str(folder / "images" / camera.name / f"{k:06d}.png"), image)
        return folder

    return make


@pytest.fixture
def options_of(tmp_path):
    """Factory: quick options for a rig folder."""

    def make(rig: Path, **more: object) -> FitOptions:
        base = {
            "out": str(tmp_path / "out"),
            "hands": False,
            "refine_crops": False,
            "boxes": "auto" if {"proxies", "masks"} & more.keys() else "full",
            "device": "cpu",
        }
        save = SaveOptions(mesh="none", overlay=False, report=False, viewer=False)
        return FitOptions(rig=RigOption(path=str(rig)), **({"save": save} | base | more))

    return make
