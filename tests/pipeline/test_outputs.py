"""What a run leaves behind: meshes, overlays, report, errors against the truth, hands, jitter."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.body.nearest_joints import nearest_joints
from diffproxy.pipeline.config import SaveOptions
from diffproxy.pipeline.fit_rig import run_fit
from diffproxy.pipeline.frame_figures import write_meshes
from diffproxy.pipeline.generate_proxies import FrameGenerator, GenerateConfig, generate_proxies
from diffproxy.pipeline.networks import Networks
from diffproxy.pipeline.results import FrameResult, params_to_arrays, write_result
from diffproxy.pipeline.run_report import write_run_report
from diffproxy.pipeline.subject_views import SubjectViews
from diffproxy.pipeline.summary import jitter_mm, run_metrics, warnings
from diffproxy.pipeline.unobserved_skin import unobserved_vertices
from diffproxy.utils.timing import Stopwatch
from tests.viewer.test_viewer import viewer_data

pytestmark = pytest.mark.usefixtures("fits_computed_once")

ROOT = Path(__file__).resolve().parents[2]


def _record(frame_id: int, x: float) -> FrameResult:
    joints = np.zeros((55, 3), np.float32)
    joints[:, 0] = x
    params = params_to_arrays(BodyParams.rest(1))
    return FrameResult(
        frame_id, "ok", "", params, joints, np.full(55, 0.002, np.float32), {"residual_mm": 3.0}
    )


def test_everything_is_written(rig_of, oracle_of, params_of, options_of, body) -> None:
    rig, truth = rig_of(2), [params_of(0), params_of(0, 0.05)]
    records = []
    for k, params in enumerate(truth):
        joints = body.joints(params)[0].numpy()
        records.append(FrameResult(k, "ok", "", params_to_arrays(params), joints, np.zeros(55, np.float32)))
    write_result(rig / "ground_truth.npz", records, body, {})
    options = options_of(rig, save=SaveOptions(mesh="glb"))
    out = run_fit(options, ROOT, Networks(oracle_of(truth)))
    meshes = sorted(p.name for p in (out / "mesh").iterdir())
    assert meshes == ["000000.glb", "000001.glb"]
    overlay = cv2.imread(str(out / "overlay" / "cam1" / "000001.jpg"))
    assert overlay.shape == (128, 128, 3) and (overlay != 40).any() and (overlay[0, 0] == 40).all()
    page = (out / "report.html").read_text()
    assert page.count("<svg") == 3 and "proxies to body by camera" in page  # no jitter of two frames
    assert "<th>MPJPE, mm" in page and "<th>residual, px of the image" in page
    assert "data:image/jpeg" in page and "cam2" in page
    assert viewer_data((out / "viewer.html").read_text())["cameras"][2]["name"] == "cam2"
    errors = json.loads((out / "metrics.json").read_text())["ground_truth"]
    assert errors["frames"] == 2 and errors["mpjpe_mm"] < 8 and errors["mpvpe_mm"] < 15
    assert (out / "config.yaml").read_text().count("\nrig:\n  path: ") == 1
    assert sorted(p.name for p in (out / "proxies").iterdir()) == ["000000", "000001"]
    assert not list(out.rglob("*.tmp"))
    # a picture that was lost comes back without any frame being computed again
    (out / "overlay" / "cam1" / "000001.jpg").unlink()
    pipe = oracle_of(truth)
    run_fit(options, ROOT, Networks(pipe))
    assert pipe.calls == 0 and (out / "overlay" / "cam1" / "000001.jpg").exists()


def test_hands_get_views_of_their_own(body, make_ring, params_of, oracle_of) -> None:
    """The second pass sees all body views again and every visible hand, in crops that hold the hand."""
    cameras = make_ring(3, size=256, radius=3.2)
    params = params_of(0)
    images = [np.full((256, 256, 3), 20, np.uint8)] * 3
    pipe = oracle_of([params], size=128)
    boxes = [(0.0, 0.0, 256.0, 256.0)] * 3
    config = GenerateConfig(size=128, margin=1.0, refine_crops=False)
    made = generate_proxies(
        FrameGenerator(pipe, body, config), SubjectViews(images, cameras, boxes), Stopwatch()
    )
    assert pipe.seen[0] == ["body"] * 3 and pipe.seen[1][:3] == ["body"] * 3
    hands = [(k, c) for k, c in zip(made.maps.kind, made.maps.cameras, strict=True) if k != "body"]
    assert len(hands) >= 3 and len(pipe.seen) == 2
    assert sum(map(len, made.hands.values())) == len(hands) and set(made.hands) == {"left", "right"}
    joints = body.joints(params)[0].detach().numpy().astype(float)
    for kind, camera in hands:
        fingers = joints[25:40] if kind == "left_hand" else joints[40:55]
        pixels = camera.project(fingers)
        assert ((pixels > 0) & (pixels < 128)).mean() > 0.9
        assert np.ptp(pixels, axis=0).max() > 25  # enlarged: a hand of 10 px fills a good part of its crop


def test_crops_follow_the_foreground(body, make_ring, params_of, oracle_of) -> None:
    cameras = make_ring(2, size=256, radius=3.2)
    params = params_of(0)
    loose = [(-100.0, -100.0, 356.0, 356.0)] * 2
    config = GenerateConfig(size=96, margin=1.1, hands=False)
    images = [np.full((256, 256, 3), 20, np.uint8)] * 2
    made = generate_proxies(
        FrameGenerator(oracle_of([params], size=96), body, config),
        SubjectViews(images, cameras, loose),
        Stopwatch(),
    )
    with torch.no_grad():
        vertices = body(params).vertices[0].numpy().astype(float)
    for box, camera in zip(made.boxes, cameras, strict=True):
        pixels = camera.project(vertices)
        assert (pixels.min(0) > np.array(box[:2]) - 1).all() and (pixels.max(0) < np.array(box[2:]) + 1).all()
        assert box[2] - box[0] < 1.3 * np.ptp(pixels, axis=0).max()
    assert made.notes == ("cropped again: cam0, cam1",)


def test_views_that_were_turned_are_named(body, make_ring, params_of, oracle_of, monkeypatch) -> None:
    """Of body views and hand crops alike, each camera once."""
    cameras, params = make_ring(3, size=256, radius=3.2), params_of(0)

    first_tried = []

    def look(pipe, images, cameras, kinds, *more, turns, least_gain):
        assert least_gain == 0.0  # any gain counts where several views agree
        first_tried.append(turns)
        turns = tuple(1 - (c.name == "cam1") for c in cameras)
        return replace(pipe(images, cameras, kinds, *more), quarter_turns=turns)

    monkeypatch.setattr("diffproxy.pipeline.generate_proxies.predict_upright", look)
    config = GenerateConfig(size=128, margin=1.0, refine_crops=False, tta_rotation=True)
    boxes, images = [(0.0, 0.0, 256.0, 256.0)] * 3, [np.full((256, 256, 3), 20, np.uint8)] * 3
    made = generate_proxies(
        FrameGenerator(oracle_of([params], size=128), body, config),
        SubjectViews(images, cameras, boxes),
        Stopwatch(),
    )
    assert made.maps.num_views > 3 and made.notes == ("turned to be read: cam0, cam2",)
    assert first_tried[0] == [0, 0, 0]  # and the hands' pass begins with what the body's has found
    assert first_tried[1] == [1 - (c.name == "cam1") for c in made.maps.cameras]


def test_jitter_is_the_second_difference() -> None:
    still = [_record(k, 0.01 * k) for k in range(5)]
    assert jitter_mm(still) == pytest.approx(0, abs=1e-3)
    shaking = [_record(k, 0.001 * (k % 2)) for k in range(5)]
    assert jitter_mm(shaking) == pytest.approx(2.0, abs=1e-3)  # 1 mm to and fro
    assert jitter_mm(shaking[:2]) is None
    uneven = [_record(0, 0.0), _record(1, 0.0), _record(7, 0.0)]
    assert jitter_mm(uneven) is None


def test_doubtful_frames_are_named() -> None:
    good, far = _record(0, 0.0), _record(1, 0.0)
    far = replace(far, info={"residual_mm": 80.0, "overlap": 0.4})
    nobody = FrameResult(2, "no_person", "nobody there")
    lines = warnings([good, far, nobody])
    assert len(lines) == 3 and lines[0] == "frame 2: no_person: nobody there" and "80 mm" in lines[1]
    doubtful = replace(good, status="doubtful", reason="cam1 disagrees with the other views")
    assert warnings([doubtful]) == ["frame 0: doubtful: cam1 disagrees with the other views"]
    legless = replace(good, reason="no view shows the left leg: the pose prior places what is unseen")
    assert "left leg" in warnings([legless])[0]
    metrics = run_metrics([good, far, nobody])
    assert metrics["frames"] == 3 and metrics["status"] == {"ok": 2, "no_person": 1}
    json.dumps(metrics, allow_nan=False)


def test_a_camera_that_repeats_its_image_while_others_go_on_is_named() -> None:
    def take(a: str, b: str, numbers: Sequence[int] = range(5)) -> list[FrameResult]:
        prints = [
            {"a": (k, ord(x)), "b": (n, ord(y))}
            for k, (x, y, n) in enumerate(zip(a, b, numbers, strict=True))
        ]
        return [replace(_record(k, 0.0), info={"image_prints": p}) for k, p in enumerate(prints)]

    (line,) = warnings(take("pqrst", "pqqqt"))
    assert line.startswith("camera b: 2 of 5 frames repeat the image before") and "the first is 2" in line
    assert not warnings(take("pqrst", "pqrst"))
    assert not warnings(take("ppppp", "ppppp"))  # a still of the whole rig is in step
    assert not warnings(take("pqrst", "ppqqr", (0, 0, 1, 1, 2)))  # a slower video


def test_a_first_fit_never_cuts_off_what_the_pixels_show(body, make_ring, params_of, oracle_of) -> None:
    """A first fit that misses the arms still gives crops that hold the foreground; one that knows all aims hands."""
    cameras = make_ring(3, size=256, radius=3.2)
    params = params_of(0)
    images = [np.full((256, 256, 3), 20, np.uint8)] * 3
    small = replace(params, scale=torch.full((1, 1), 0.5))
    loose = [(-100.0, -100.0, 356.0, 356.0)] * 3
    config = GenerateConfig(size=96, margin=1.05)
    with torch.no_grad():
        vertices = body(params).vertices[0].numpy().astype(float)
    for guess in (small, params):
        pipe = oracle_of([params], size=96)
        generator = FrameGenerator(pipe, body, config)
        made = generate_proxies(
            generator, SubjectViews(images, cameras, loose), Stopwatch(), lambda _, g=guess: g
        )
        for box, camera in zip(made.boxes[:3], cameras, strict=True):
            pixels = camera.project(vertices)
            assert (pixels.min(0) > np.array(box[:2]) - 1).all() and (
                pixels.max(0) < np.array(box[2:]) + 1
            ).all()
    assert "left_hand" in made.maps.kind and "right_hand" in made.maps.kind


def test_skin_without_support_is_that_of_the_unobserved_joints(body) -> None:
    """From the middle of the shins down when the ankles are not observed; nothing where no support is stated."""
    record, nearest = _record(0, 0.0), nearest_joints(body)
    assert not unobserved_vertices(nearest, record).any()
    support = np.ones(55, np.float32)
    support[[7, 8, 10, 11]] = 0.05
    missing = unobserved_vertices(nearest, replace(record, joint_observed=support))
    height, joints = body.v_template.numpy()[:, 1], body.joint_template.numpy()[:, 1]
    knee, ankle = joints[4], joints[7]
    assert missing[height < ankle].all() and not missing[height > knee].any()
    middle = height[missing].max()
    assert middle == pytest.approx((knee + ankle) / 2, abs=0.05)
    blind = replace(record, joint_observed=np.zeros(55, np.float32))
    assert unobserved_vertices(nearest, blind).all()
    assert not set(nearest) & {22, 23, 24}  # jaw and eyes go with the head


def test_what_is_not_observed_is_said(body, tmp_path) -> None:
    """In metrics.json and in the report: joints, notes, the status doubtful and its reason, the legend of overlays."""
    support = np.ones(55, np.float32)
    support[[7, 10]] = 0
    info = {"notes": ["no view shows the left foot"], "doubt": "cam1 disagrees with the other views"}
    doubtful = replace(
        _record(3, 0.0), status="doubtful", reason=info["doubt"], info=info, joint_observed=support
    )
    metrics = run_metrics([_record(0, 0.0), doubtful])
    assert metrics["not_observed"] == {"3": ["left_ankle", "left_foot"]}
    assert metrics["notes"] == ["frame 3: no view shows the left foot"]
    assert metrics["not_ok"] == {"3": "doubtful: cam1 disagrees with the other views"}
    assert metrics["warnings"] == ["frame 3: doubtful: cam1 disagrees with the other views"]
    (tmp_path / "overlay" / "cam0").mkdir(parents=True)
    for frame in (0, 3):
        cv2.imwrite(str(tmp_path / "overlay" / "cam0" / f"{frame:06d}.jpg"), np.zeros((32, 32, 3), np.uint8))
    write_run_report(tmp_path, [_record(0, 0.0), doubtful], metrics, "t", [])
    page = (tmp_path / "report.html").read_text()
    for text in ("no view shows the left foot", "cam1 disagrees", "no pixel of any view", '"fair">doubtful'):
        assert text in page
    write_run_report(tmp_path, [_record(0, 0.0)], run_metrics([_record(0, 0.0)]), "t", [])
    assert "no pixel of any view" not in (tmp_path / "report.html").read_text()
    write_meshes(tmp_path, [_record(0, 0.0), doubtful], body, "ply", "+Y")
    sizes = [(tmp_path / "mesh" / f"{f:06d}.ply").stat().st_size for f in (0, 3)]
    assert sizes[1] > sizes[0] + 4 * len(body.v_template)
