"""Pictures of the live page: labels of a crop lie where the crop was cut, small pictures, missing images."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest

from diffproxy.cameras import Camera, RigFrames
from diffproxy.export.run import open_run
from diffproxy.proxies import ProxyMaps, save_proxies
from diffproxy.viewer.frame_pictures import SIDE, frame_pictures
from tests.export.conftest import result_of, run_of  # noqa: F401

WIDTH, HEIGHT = 64, 48
X0, Y0, SIZE = 16, 8, 32  # of the crop


def camera(name: str, width: int = WIDTH, height: int = HEIGHT) -> Camera:
    K = np.array([[50.0, 0, width / 2], [0, 50.0, height / 2], [0, 0, 1]])
    return Camera(name, width, height, K, np.eye(3), np.array([0, 0, 3.0]))


def rig_of(images: dict[str, np.ndarray | None]):
    cameras = [camera(n, *(x.shape[1::-1] if x is not None else (WIDTH, HEIGHT))) for n, x in images.items()]
    shown = SimpleNamespace(images=list(images.values()))
    return Mock(spec=RigFrames, frame_ids=[7], cameras=cameras, read_views=lambda frame_id: shown)


@pytest.fixture
def run(body, run_of):  # noqa: F811
    whole = camera("cam0")
    K = whole.K - np.array([[0, 0, X0], [0, 0, Y0], [0, 0, 0]])
    crop = Camera("cam0", SIZE, SIZE, K, whole.R_cam_world, whole.t_cam_world)
    labels = np.zeros((1, SIZE, SIZE), np.uint8)
    labels[0, 10:20, 5:15] = 3
    maps = ProxyMaps(
        labels,
        np.full((1, SIZE, SIZE, 2), 0.5, np.float32),
        np.ones((1, SIZE, SIZE), np.float32),
        ("body",),
        (crop,),
    )
    folder = run_of(1)
    save_proxies(maps, folder / "proxies" / "000007", body)
    return open_run(folder)


def test_labels_lie_where_the_crop_was_cut(run):
    grey = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    rig = rig_of({"cam0": grey.copy(), "cam1": grey.copy(), "cam2": None})
    plain, drawn = (frame_pictures(rig, [run], 7, proxies) for proxies in (False, True))
    assert list(plain) == list(drawn) == ["cam0", "cam1"]  # an image that cannot be read has no picture
    assert (plain["cam0"] == 90).all() and (drawn["cam1"] == 90).all()
    wanted = np.zeros((HEIGHT, WIDTH), bool)
    wanted[Y0 + 10 : Y0 + 20, X0 + 5 : X0 + 15] = True
    np.testing.assert_array_equal((drawn["cam0"] != 90).any(-1), wanted)
    assert frame_pictures(rig, [run], 8, True) == {}  # a frame without images


def test_large_pictures_are_sent_small_and_runs_without_proxies_plain(run, tmp_path):
    large = np.full((960, 2 * SIDE, 3), 90, np.uint8)
    elsewhere = replace(run, folder=tmp_path / "nothing")
    picture = frame_pictures(rig_of({"cam0": large}), [elsewhere], 7, True)["cam0"]
    assert picture.shape == (480, SIDE, 3) and (picture == 90).all()
