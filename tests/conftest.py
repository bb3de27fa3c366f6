"""Shared fixtures. Shapes in signatures are checked at run time: every room is imported under jaxtyping's hook."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "2")

import numpy as np
import pytest
import torch

from tests import remembered_checks

remembered_checks.install(["diffproxy", "render_synth", "tools", "benchmarks"])

from diffproxy.cameras import Camera  # noqa: E402  (after the hook, so that it is checked too)
from diffproxy.geometry.directions import look_at_rotation  # noqa: E402


@pytest.fixture(scope="session")
def body():
    """The default body of the package."""
    from diffproxy.body import load_body

    return load_body("anny")


@pytest.fixture
def small_disk():
    """Context manager in which no file can grow beyond a number of bytes, as on a full disk."""
    resource = pytest.importorskip("resource")

    @contextmanager
    def limited(size: int):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


@pytest.fixture(scope="session")
def people_of():
    """The `people.json` of a folder, whose layout is the same whatever has written it (docs/several_people.md)."""

    def read(folder: Path) -> dict:
        content = json.loads((folder / "people.json").read_text())
        assert {*content} - {"take"} == {
            "format", "version", "source", "picture", "cameras", "people", "frames", "one_view", "notes",
        }  # fmt: skip
        assert (content["format"], content["version"]) == ("diffproxy-people", 1)
        ids = [person["id"] for person in content["people"]]
        assert ids == sorted(set(ids))
        for person in content["people"]:
            assert {"first_frame", "last_frame", "color", "status", "result", "frames"} <= set(person)
            shown = [int(frame) for frame in person["frames"]]
            assert (person["first_frame"], person["last_frame"]) == (min(shown), max(shown))
            assert re.fullmatch("#[0-9a-f]{6}", person["color"])
            assert person["result"] in (None, f"person_{person['id']:02d}/result.npz")
            assert sum(person["status"].values()) == len(shown)
            for entry in person["frames"].values():
                assert entry["status"] in person["status"] and set(entry["views"]) <= set(content["cameras"])
        return content

    return read


@pytest.fixture(scope="session")
def load_benchmark():
    """The module of a script in `benchmarks/`, which is no package, by its name."""

    def load(name):
        folder = Path(__file__).parents[1] / "benchmarks"
        spec = importlib.util.spec_from_file_location(f"benchmark_{name}", folder / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # where dataclasses look up their annotations
        sys.path.insert(0, str(folder))  # the scripts import each other
        try:
            spec.loader.exec_module(module)
        finally:
            sys.path.remove(str(folder))
        return module

    return load


@pytest.fixture(scope="session")
def remembered_fits():
    """The fits of `fit_frame` in this session."""
    from diffproxy.pipeline import fit_frame
    from tests.remembered_fits import RememberedFits

    return RememberedFits(fit_frame.fit)


@pytest.fixture
def fits_computed_once(monkeypatch, remembered_fits):
    """For tests of what surrounds a fit, many of which fit the same body."""
    monkeypatch.setattr("diffproxy.pipeline.fit_frame.fit", remembered_fits)


def look_at(
    name: str,
    position: np.ndarray,
    target: np.ndarray,
    size: int = 128,
    fov_deg: float = 40.0,
    up: tuple = (0, 1, 0),
) -> Camera:
    """A pinhole camera at `position` (metres) looking at `target`, image upright with respect to `up`."""
    R = look_at_rotation(position, target, up)
    f = size / 2 / np.tan(np.radians(fov_deg) / 2)
    K = np.array([[f, 0, size / 2], [0, f, size / 2], [0, 0, 1.0]])
    return Camera(name, size, size, K, R, -R @ position)


@pytest.fixture(scope="session")
def make_ring():
    """Factory: n cameras evenly on a ring around a standing body at the origin."""

    def ring(n: int = 4, size: int = 128, radius: float = 3.0, height: float = 1.2, target=(0.0, 0.0, 0.0)):
        target = np.asarray(target, dtype=np.float64)
        angles = np.linspace(0, 2 * np.pi, n, endpoint=False) + 0.3
        return tuple(
            look_at(
                f"cam{i}",
                target + np.array([radius * np.sin(a), height, radius * np.cos(a)]),
                target,
                size=size,
                fov_deg=45,
            )
            for i, a in enumerate(angles)
        )

    return ring


@pytest.fixture
def random_prior():
    """A tiny pose prior of random weights, body and hands."""
    from diffproxy.pose_prior import PosePrior
    from diffproxy.pose_prior.network import BODY, HAND, NetConfig, TimeNet, WholeBodyNet

    torch.manual_seed(1)
    nets = [TimeNet(NetConfig(d, 64, 16, False, 0.1, linear=True)) for d in (BODY, HAND)]
    for net in nets:
        torch.nn.init.normal_(net.post_dense.weight, std=0.05)
    total = BODY + 2 * HAND
    return PosePrior(WholeBodyNet(*nets), 0.1 * torch.randn(total), 0.3 + torch.rand(total)).eval()
