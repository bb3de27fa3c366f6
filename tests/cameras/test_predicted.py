"""Cameras guessed from images, and files of predicted ones."""

import json

import cv2
import numpy as np
import pytest

from diffproxy.cameras.predicted import guessed_camera, guessed_rig, load_predicted
from diffproxy.utils.errors import InputError


def test_predicted_cameras_of_resized_images(make_ring, tmp_path):
    cameras = make_ring(4, size=160)
    E = np.stack([np.concatenate([c.R_cam_world, c.t_cam_world[:, None]], 1) for c in cameras])
    K = np.stack([np.diag([0.5, 0.25, 1.0]) @ c.K for c in cameras])
    blank = [guessed_camera(c.name, c.width, c.height) for c in cameras]
    np.savez(tmp_path / "vggt.npz", extrinsic=E[None], intrinsic=K[None], image_size=[40, 80])
    for camera, true in zip(load_predicted(tmp_path / "vggt.npz", blank), cameras, strict=True):
        assert np.abs(camera.K - true.K).max() < 1e-9
        assert np.abs(camera.center_world - true.center_world).max() < 1e-9
    np.savez(tmp_path / "each.npz", extrinsic=E, intrinsic=K, image_size=[[40, 80]] * 3 + [[160, 160]])
    assert load_predicted(tmp_path / "each.npz", blank)[3].K[0, 0] == pytest.approx(K[3, 0, 0])
    order = [2, 0, 3, 1]
    data = {"extrinsics": E[order].tolist(), "intrinsics": K[order].tolist(), "image_size": [40, 80],
            "names": [f"cam{i}" for i in order]}  # fmt: skip
    (tmp_path / "vggt.json").write_text(json.dumps(data))
    for camera, true in zip(load_predicted(tmp_path / "vggt.json", blank), cameras, strict=True):
        assert np.abs(camera.R_cam_world - true.R_cam_world).max() < 1e-9


def test_predicted_cameras_that_do_not_fit(make_ring, tmp_path):
    cameras = make_ring(4, size=160)
    path = tmp_path / "a.npz"
    with pytest.raises(InputError, match="no such file"):
        load_predicted(path, cameras)
    np.savez(path, extrinsic=np.zeros((3, 3, 4)), intrinsic=np.zeros((4, 3, 3)))
    with pytest.raises(InputError, match="4 cameras"):
        load_predicted(path, cameras)
    np.savez(path, extrinsic=np.zeros((4, 3, 4)), intrinsic=np.tile(np.eye(3), (4, 1, 1)))
    with pytest.raises(InputError, match="pixels"):
        load_predicted(path, cameras)
    K = np.stack([c.K for c in cameras])
    np.savez(path, extrinsic=np.zeros((4, 3, 4)), intrinsic=K)
    with pytest.raises(InputError, match="rotations"):
        load_predicted(path, cameras)
    E = np.tile(np.eye(3, 4), (4, 1, 1))
    far = E * [1, 1, 1, 1] + [0, 0, 0, 1e200]
    for more, match in (
        ({"extrinsic": E * np.nan}, "finite numbers: extrinsic"),
        ({"extrinsic": far}, "places"),
        ({"extrinsic": np.full((4, 3, 4), "a")}, "numbers: extrinsic"),
        ({"names": ["cam0", "cam0", "cam1", "cam2"]}, "cam0 twice"),
        ({"names": ["cam0", "cam1", "cam2", "cam3", "cam3"]}, "cam3 twice"),
        ({"image_size": 80}, "image_size"),
        ({"image_size": ["a", "b"]}, "numbers: image_size"),
        ({"image_size": np.ones((3, 2))}, "image_size"),
        ({"image_size": [0, 0]}, "pixels"),
    ):
        np.savez(path, **{"extrinsic": E, "intrinsic": K} | more)
        with pytest.raises(InputError, match=match):
            load_predicted(path, cameras)
    for extrinsic in ("abc", [[1, 2], [3]], [None] * 4, []):
        path.with_suffix(".json").write_text(json.dumps({"extrinsic": extrinsic, "intrinsic": K.tolist()}))
        with pytest.raises(InputError, match=r"extrinsic"):
            load_predicted(path.with_suffix(".json"), cameras)
    np.savez(path, intrinsic=np.zeros((4, 3, 3)))
    with pytest.raises(InputError, match="extrinsic"):
        load_predicted(path, cameras)


def test_guessed_camera_has_the_field_of_view():
    c = guessed_camera("a", 1080, 1920, 60.0)
    assert np.degrees(2 * np.arctan(960 / c.K[1, 1])) == pytest.approx(60.0)
    assert c.K[0, 2] == 540 and c.K[1, 2] == 960


def test_guessed_rig_has_the_cameras_of_the_images(tmp_path):
    with pytest.raises(InputError, match="images/ or videos/"):
        guessed_rig(tmp_path)
    for name, size in (("left", (90, 160, 3)), ("right", (120, 100, 3))):
        (tmp_path / "images" / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "images" / name / "000004.png"), np.zeros(size, np.uint8))
    rig = guessed_rig(tmp_path, 50.0)
    assert [(c.name, c.width, c.height) for c in rig.cameras] == [("left", 160, 90), ("right", 100, 120)]
    assert rig.root == tmp_path and np.degrees(2 * np.arctan(80 / rig.cameras[0].K[0, 0])) == pytest.approx(
        50
    )
