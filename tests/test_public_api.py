"""Values of arguments that annotations do not tell apart: what belongs together, ranges, devices, options."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from diffproxy.body import PARAM_DIMS, BodyParams
from diffproxy.fitting import Evidence, FitConfig, FixedShape
from diffproxy.utils.errors import InputError


def test_parameters_have_one_dtype_and_the_sizes_of_smplx():
    rest = BodyParams.rest(2)
    for name, size in PARAM_DIMS.items():
        for wrong in (torch.zeros(2, size + 1), torch.zeros(2, size, 1), torch.zeros(3, size),
                      torch.zeros(2, size).long(), torch.zeros(2, size).double(),
                      np.zeros((2, size), np.float32), 1.0, None):  # fmt: skip
            with pytest.raises(InputError):
                replace(rest, **{name: wrong})
    with pytest.raises(InputError, match="at least one"):
        BodyParams.cat([])
    with pytest.raises(InputError, match="batch of at least 0"):
        BodyParams.rest(-1)


def test_rows_of_parameters_end():
    """They were drawn without an end, since a row behind the last one was an empty batch."""
    params = BodyParams.rest(3)
    assert [len(row) for row in params] == [1, 1, 1]
    for outside in (3, -4):
        with pytest.raises(IndexError):
            params[outside]
    assert len(params[1:9]) == 2


def test_a_body_takes_parameters_of_its_own_dtype(body):
    with pytest.raises(InputError, match=r"torch.float32 on cpu\n  found torch.float64"):
        body(BodyParams.rest().to(torch.float64))
    body(BodyParams.rest().to(torch.float64).to(body.v_template))


def test_evidence_and_settings_of_a_fit_have_a_meaning():
    for wrong in (lambda: Evidence(start=BodyParams.rest(2)), lambda: Evidence(candidates=[BodyParams.rest(2)]),
                  lambda: Evidence(candidates=BodyParams.rest()),
                  lambda: FixedShape(torch.zeros(16)), lambda: FixedShape(torch.zeros(10), 0.0),
                  *(lambda k=k: FitConfig(**{k: 0}) for k in
                    ("beta_std", "log_scale_std", "max_sigma", "independent_pixels")),
                  lambda: FitConfig(min_weight=2.0), lambda: FitConfig(beta_std="1"),
                  lambda: FitConfig(hands="no")):  # fmt: skip
        with pytest.raises(InputError):
            wrong()


def test_options_of_fit_rig_are_plain_values(tmp_path, body):
    """They become words of a command line: a body or an array would become the text that Python prints of it."""
    from diffproxy import fit_rig

    for wrong in ({"body": body}, {"boxes": np.zeros((4, 4))}, {"frames": []}, {"save": True}, {"save": None},
                  {"boxes": {"cam0": object()}}, {"pipe": "nano"}, {"detector": "yolo"}, {"rig": 5},
                  {"device": torch.device("cpu")}):  # fmt: skip
        with pytest.raises(InputError):
            fit_rig(**{"out": tmp_path / "o", **wrong})
    assert not (tmp_path / "o").exists()


def test_frames_may_be_a_long_range(tmp_path):
    from diffproxy import fit_rig

    with pytest.raises(InputError, match="frames='5:1000000000:1'"):
        fit_rig(frames=range(5, 10**9), out=tmp_path / "o")


def test_paths_may_be_text_or_paths(tmp_path):
    from diffproxy.pose_prior import load_prior, save_prior

    save_prior(load_prior(), str(tmp_path / "prior"))
    assert Path(tmp_path / "prior").exists()


def test_devices_that_are_not_there_are_told():
    from diffproxy.generator import DiffProxyPipeline

    pipe = DiffProxyPipeline.from_pretrained("nano", denoiser=False)
    for device in ("gpu", *(() if torch.cuda.is_available() else ("cuda",))):
        with pytest.raises(InputError, match="a device that torch has here"):
            pipe.to(device)
    assert pipe.to("cpu") is pipe


def test_arguments_of_one_call_belong_together(cube_cameras):
    """Lists whose lengths differ ended in errors of zip, or were cut to the shorter one."""
    from diffproxy.calibration import CalibrationConfig
    from diffproxy.generator import CameraBatch
    from diffproxy.keypoints import NAMES, Person2D, triangulate_people
    from diffproxy.metrics import body_errors, mpjpe
    from diffproxy.synchronization import ViewTrack, estimate_offsets, subject_tracks

    person = Person2D(np.ones((len(NAMES), 3)))
    points = np.ones((2, 5, 3))
    track = ViewTrack("a", np.zeros(3), np.ones((40, 17, 3)), np.ones((40, 17)))
    for wrong in (
        lambda: Person2D(np.ones((17, 3))),
        lambda: triangulate_people([[person]], cube_cameras),
        lambda: subject_tracks([{0: [person]}], cube_cameras),
        lambda: estimate_offsets([track, track], 5, reference=2),
        lambda: estimate_offsets([track, track], -1),
        lambda: CameraBatch.from_cameras([cube_cameras, cube_cameras[:1]]),
        lambda: body_errors(points, points, pred_vertices=points),
        lambda: mpjpe(points, points, root=5),
        lambda: mpjpe(points[:, :0], points[:, :0]),
        lambda: CalibrationConfig(height=180.0),
        lambda: CalibrationConfig(distance=("cam0", "cam0", 1.0)),
        lambda: CalibrationConfig(iterations=0),
    ):
        with pytest.raises(InputError):
            wrong()


def test_colours_and_sizes_of_pictures_are_in_range(tmp_path):
    from diffproxy.visualization import contact_sheet, save_image, shade
    from diffproxy.visualization.shading import check_color

    tile = np.zeros((8, 8, 3), np.uint8)
    assert shade.is_checked
    for wrong in (
        lambda: check_color((255, 0, 0)),
        lambda: contact_sheet([tile, tile], gap=-5),
        lambda: contact_sheet([tile], max_side=0),
        lambda: contact_sheet([tile[:0]]),
        lambda: save_image(tmp_path / "a.png", tile[:0]),
        lambda: save_image(tmp_path / "a.jpg", tile, quality=900),
        lambda: save_image(tmp_path / "a.png", tile.astype(float)),
    ):
        with pytest.raises(InputError):
            wrong()


@pytest.fixture
def cube_cameras(make_ring):
    """Two cameras around the origin."""
    return list(make_ring(2))
