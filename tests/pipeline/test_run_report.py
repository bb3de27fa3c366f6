"""The report of a run: notes by kind, plots, proxies beside overlays."""

import math

import numpy as np
import pytest

from diffproxy.pipeline.generate_proxies import Generated
from diffproxy.pipeline.notes import fold_notes
from diffproxy.pipeline.proxy_cache import ProxyStore
from diffproxy.pipeline.results import FrameResult
from diffproxy.pipeline.run_plots import bone_changes, run_plots
from diffproxy.pipeline.run_report import TILE, _pictures
from diffproxy.pipeline.summary import frame_jitter, jitter_mm
from diffproxy.proxies import render_proxies
from diffproxy.visualization import draw_labels, save_image


def record(frame_id, notes=(), camera="left_cam", residual=3.0, seed=None):
    rng = np.random.default_rng(frame_id if seed is None else seed)
    views = [{"camera": camera, "kind": "body", "residual_mm": residual}]
    info = {"notes": list(notes), "views": views}
    joints = rng.normal(0, 0.3, (55, 3)).astype(np.float32)
    return FrameResult(frame_id, "ok", "", joints=joints, joint_std=np.full(55, 0.004, np.float32), info=info)


def test_notes_are_folded_by_kind():
    dropped = "cam{}: detection at ({}, 20) px, score 0.12 dropped, it agrees with no other view"
    records = [
        record(
            3, [dropped.format(1, 40), dropped.format(2, 50), "person 2 dropped: seen by cam0 at (1, 2, 3) m"]
        ),
        record(4, [dropped.format(1, 44), "left_cam saw 3 ghosts at (1.0, 2.0)"]),
        record(7, ["left_cam saw 14 ghosts at (7.5, 2.0)", "left hand: no view shows it"]),
    ]
    folded = fold_notes(records)
    assert [*folded] == [
        "3 detections dropped in 2 frames",
        "1 people dropped in 1 frame",
        "… saw … ghosts at …: 2 in 2 frames",
        "1 hands that no view shows in 1 frame",
    ]
    assert folded["3 detections dropped in 2 frames"][2] == f"frame 4: {dropped.format(1, 44)}"
    assert fold_notes([record(0)]) == {}


def test_plots_are_those_numbers_of_the_run():
    records = [record(k, residual=float(k)) for k in range(4)]
    records[2] = FrameResult(2, "no_person", "nobody")
    plots = {p.title.split(",")[0]: p for p in run_plots(records)}
    assert plots["proxies to body by camera"].series == {"left_cam": [0.0, 1.0, None, 3.0]}
    assert plots["joint standard deviation"].series["median of 22 joints"][0] == pytest.approx(4.0)
    assert math.isnan(plots["joint standard deviation"].series["90th percentile"][2])
    assert run_plots(records[:1]) == []
    steady = [record(k) for k in range(5)]
    found = frame_jitter(steady)
    assert math.isnan(found[0]) and math.isnan(found[4])
    assert np.mean(found[1:4]) == pytest.approx(jitter_mm(steady), abs=1e-3)


def test_bones_are_compared_with_their_median():
    records = [record(k, seed=1) for k in range(3)]
    wrist, elbow = records[2].joints[20], records[2].joints[18]
    records[2].joints[20] = elbow + (wrist - elbow) * (1 + 0.01 / np.linalg.norm(wrist - elbow))
    found = bone_changes(records)
    assert found["forearm"] == pytest.approx([0, 0, 5.0], abs=1e-2)  # one of two sides by 10 mm
    assert found["thigh"] == pytest.approx([0, 0, 0], abs=1e-3)


def test_proxies_stand_below_their_overlays(body, params_of, make_ring, tmp_path):
    cameras = make_ring(2, size=64)
    vertices = body(params_of(0)).vertices[0].detach().numpy()
    shown = render_proxies(body, vertices, cameras)
    ProxyStore(tmp_path / "proxies", body, must_exist=False).save(
        5, Generated(shown, ((0.0, 0.0, 64.0, 64.0),) * 2)
    )
    for camera in cameras:
        save_image(tmp_path / "overlay" / camera.name / "000005.jpg", np.full((TILE, TILE, 3), 200, np.uint8))
    ((caption, sheet),) = _pictures(tmp_path, [record(5)], body)
    assert caption == "frame 5" and sheet.shape[0] > 2 * TILE and sheet.shape[1] > 2 * TILE
    colors = draw_labels(shown.labels[1], body.atlas.palette)
    lower_right = sheet[-4 - TILE : -4, -4 - TILE : -4]
    assert (lower_right[3 :: TILE // 64, 3 :: TILE // 64] == colors).all()
    ((_, alone),) = _pictures(tmp_path, [record(5)], None)
    assert alone.shape[0] < sheet.shape[0] / 1.9
