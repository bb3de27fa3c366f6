"""Motions and finished runs of known bodies."""

import cv2
import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.body.params import PARAM_DIMS
from diffproxy.cameras import Rig, save_rig
from diffproxy.export import Result, motion_of_result, save_result


def some_bodies(frames, one_shape=True, seed=0):
    g = torch.Generator().manual_seed(seed)
    sizes = {"betas": 1.0, "scale": 0.02, "expression": 0.0, "transl": 1.0}
    values = {k: sizes.get(k, 0.3) * torch.randn(frames, n, generator=g) for k, n in PARAM_DIMS.items()}
    if one_shape:
        values |= {k: values[k][:1].expand(frames, -1) for k in ("betas", "scale")}
    return BodyParams(**{**values, "scale": 1.05 + values["scale"]})


@pytest.fixture(scope="session")
def result_of(body):
    """Factory: a result of these bodies; `missing` rows have none."""

    def make(params, frame_ids=None, missing=(), up_axis="+Z", name="anny", status=None, **meta):
        frames = len(params)
        values = {k: getattr(params, k).numpy().copy() for k in PARAM_DIMS}
        joints = body.joints(params).numpy()
        for array in (*values.values(), joints):
            array[[*missing]] = np.nan
        status = status or ["no_person" if row in missing else "ok" for row in range(frames)]
        return Result(
            frame_ids=np.arange(frames) if frame_ids is None else np.asarray(frame_ids),
            status=np.array(status),
            params=values,
            joints=joints,
            joint_std=np.full((frames, 55), 0.01, np.float32),
            joint_observed=np.where(np.arange(55) % 7 == 4, 0.02, 0.9)[None].repeat(frames, 0),
            joint_names=body.joint_names,
            meta={"up_axis": up_axis, "body": {"name": name, "topology": body.topology_id}, **meta},
        )

    return make


@pytest.fixture
def motion_of(body, result_of):
    """Factory: the motion of some bodies, at 30 frames per second."""

    def make(frames=4, one_shape=True, fps=0.0, **more):
        return motion_of_result(result_of(some_bodies(frames, one_shape), **more), body, 30.0, fps, "take")

    return make


@pytest.fixture
def run_of(tmp_path, result_of):
    """Factory: the folder of a finished run of some bodies."""

    def make(frames=3, **more):
        options = {"fps": 25.0, "body": {"path": "anny"}}
        result = result_of(some_bodies(frames), **({"options": options} | more))
        save_result(result, tmp_path / "take" / "result.npz")
        return tmp_path / "take"

    return make


@pytest.fixture
def rig_of(tmp_path):
    """Factory: options of a run on a rig folder with grey pictures of these cameras."""

    def make(ring, frames, up_axis="+Y"):
        folder = tmp_path / "rig"
        save_rig(Rig("ring", tuple(ring), up_axis=up_axis), folder)
        for camera in ring:
            (folder / "images" / camera.name).mkdir(parents=True)
            for k in range(frames):
                image = np.full((camera.height, camera.width, 3), 40 * k, np.uint8)
                cv2.imwrite(str(folder / "images" / camera.name / f"{k:06d}.png"), image)
        return {"fps": 25.0, "body": {"path": "anny"}, "rig": {"path": str(folder)}}

    return make
