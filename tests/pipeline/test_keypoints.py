"""`keypoints=DIR` of fit.py."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from diffproxy.cameras import Rig, open_frames
from diffproxy.fitting import FitConfig
from diffproxy.fitting.keypoint_fit import open_sparse
from diffproxy.utils.errors import InputError


def test_off_by_default_and_only_with_a_rig(body, tmp_path):
    assert open_sparse("", None, body, FitConfig()) is None
    with pytest.raises(InputError, match="rig=DIR"):
        open_sparse(str(tmp_path), None, body, FitConfig())


def test_detections_of_a_rig_are_read_once(body, tmp_path, make_ring):
    cameras = make_ring(2, size=32)
    for c in cameras:
        (tmp_path / "images" / c.name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "images" / c.name / "000003.png"), np.zeros((32, 32, 3), np.uint8))
        (tmp_path / "kp" / c.name).mkdir(parents=True)
        person = {"pose_keypoints_2d": [1.0, 2.0, 0.9] * 25}
        (tmp_path / "kp" / c.name / "000003.json").write_text(json.dumps({"people": [person]}))
    frames = open_frames(tmp_path, Rig("rig", cameras))
    sparse = open_sparse(str(tmp_path / "kp"), frames, body, FitConfig(max_pixels=300))
    assert [len(p) for p in sparse.found.frame(3, cameras)] == [1, 1]
    assert sparse.fitters[True].config.max_pixels == 200 and not sparse.fitters[True].config.hands
    with pytest.raises(InputError, match="keypoints of"):
        open_sparse(str(tmp_path / "images"), frames, body, FitConfig())
