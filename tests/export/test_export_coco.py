"""COCO annotations, read back by COCO's own tools: the body where the cameras of the files see it."""

from dataclasses import replace

import numpy as np
import pytest
from pycocotools.coco import COCO

from diffproxy.__main__ import main
from diffproxy.body import BodyParams
from diffproxy.export import save_result
from diffproxy.export.coco import BONES, HIDDEN, OUTSIDE, VISIBLE
from diffproxy.keypoints.landmarks import encoder_places, encoder_points
from diffproxy.keypoints.layouts import COCO17

SIZE = 240
K = {name: k for k, name in enumerate(COCO17)}


@pytest.fixture
def ring(make_ring):
    """Two cameras with lens distortion: one before the body, one behind it."""
    front = make_ring(2, size=SIZE)[0]
    behind = replace(front, R_cam_world=front.R_cam_world @ np.diag([-1.0, 1, -1]), name="cam1")
    return tuple(replace(c, distortion=np.array([-0.2, 0.05, 0.001, 0.002])) for c in (front, behind))


@pytest.fixture
def annotations(ring, rig_of, result_of, tmp_path):
    """Factory: what is written for these bodies, as COCO's tools open it."""

    def make(params, **more):
        options = rig_of(ring, len(params))
        save_result(result_of(params, options=options, **more), tmp_path / "take" / "result.npz")
        assert main(["export", str(tmp_path / "take"), "format=coco"]) == 0
        return COCO(str(tmp_path / "take" / "export" / "take_coco.json"))

    return make


def test_keypoints_are_projected_with_the_lens(annotations, ring, body):
    coco, rest = annotations(BodyParams.rest(1)), BodyParams.rest(1)
    assert [i["file_name"] for i in coco.loadImgs([1, 2])] == [f"images/cam{v}/000000.png" for v in (0, 1)]
    for camera, found in zip(ring, coco.loadAnns([1, 2]), strict=True):
        rows = np.array(found["keypoints"]).reshape(17, 3)
        due = camera.project(encoder_points(body, rest))
        assert found["num_keypoints"] == 17 and np.abs(rows[:, :2] - due).max() < 0.006
        pinhole = replace(camera, distortion=np.zeros(0)).project(encoder_points(body, rest))
        assert np.abs(pinhole - due).max() > 0.5  # pixels: the lens counts
        distance = np.linalg.norm(encoder_points(body, rest) - camera.center_world, axis=1)
        assert np.allclose(found["keypoint_std"], 0.01 * camera.K[0, 0] / distance, rtol=0.1)
        assert found["status"] == "ok" and found["person"] == 0


def test_what_the_body_itself_hides_or_no_pixel_supports_is_not_visible(annotations):
    front, back = (
        np.array(a["keypoints"]).reshape(17, 3)[:, 2]
        for a in annotations(BodyParams.rest(1)).loadAnns([1, 2])
    )
    unobserved = np.arange(55)[encoder_places()[0]] % 7 == 4  # as the fixture has it
    assert unobserved.any() and (front[unobserved] == HIDDEN).all() and (back[unobserved] == HIDDEN).all()
    assert front[K["nose"]] == VISIBLE and back[K["nose"]] == HIDDEN
    for name in ("left_shoulder", "right_shoulder", "left_wrist", "right_wrist", "left_ankle"):
        assert front[K[name]] == back[K[name]] == (HIDDEN if unobserved[K[name]] else VISIBLE), name


def test_the_depth_of_one_view_is_no_deviation_of_pixels(annotations):
    shown = annotations(BodyParams.rest(1), status=["one_view"]).loadAnns([1])[0]
    assert shown["status"] == "one_view" and shown["keypoint_std"] == [None] * 17


def test_outline_box_and_area_agree(annotations):
    coco = annotations(BodyParams.rest(1))
    for found in coco.loadAnns([1, 2]):
        mask = coco.annToMask(found)
        assert mask.sum() == pytest.approx(found["area"], rel=0.1)
        x, y, w, h = found["bbox"]
        rows, columns = mask.any(1).nonzero()[0], mask.any(0).nonzero()[0]
        # polygons have no width at tips of fingers of one pixel
        assert abs(rows[0] - y) <= 2 and abs(rows[-1] + 1 - y - h) <= 2
        assert abs(columns[0] - x) <= 2 and abs(columns[-1] + 1 - x - w) <= 2


def test_what_lies_beyond_the_picture_is_left_out(annotations):
    """A body half out of the first picture, one out of both, and a frame without a body: pictures stay listed."""
    rest = BodyParams.rest(3)
    moved = rest.replace(transl=rest.transl + np.array([[1.0, 0, 0], [50.0, 0, 0], [0.0, 0, 0]], np.float32))
    coco = annotations(moved, missing=(2,))
    assert len(coco.getImgIds()) == 6 and {a["image_id"] for a in coco.loadAnns(coco.getAnnIds())} <= {1, 2}
    rows = np.array(coco.loadAnns([1])[0]["keypoints"]).reshape(17, 3)
    out = rows[:, 2] == OUTSIDE
    assert (
        0 < out.sum() < 17
        and (rows[out] == 0).all()
        and coco.loadAnns([1])[0]["num_keypoints"] == (~out).sum()
    )


def test_without_pictures_it_says_so(run_of, capsys):
    assert main(["export", str(run_of(2)), "format=coco"]) == 2
    assert "the pictures of the run" in capsys.readouterr().err


def test_bones_are_cocos():
    named = {tuple(sorted((COCO17[a - 1], COCO17[b - 1]))) for a, b in BONES}
    assert len(named) == 19 and ("left_knee", "left_ankle") not in named
    assert {("left_ankle", "left_knee"), ("left_hip", "right_hip"), ("left_eye", "right_eye")} <= named
