"""Pictures and videos by numpy, OpenCV and onnxruntime alone, into the same files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from diffproxy.__main__ import main as diffproxy_main
from diffproxy.cameras.image_files import read_image
from diffproxy.export import load_result, open_run
from diffproxy.export.run_images import open_images
from diffproxy.single_view.onnx.__main__ import main
from diffproxy.single_view.onnx.bench import run_bench
from diffproxy.single_view.onnx.estimator import Estimator
from diffproxy.single_view.onnx.options import BenchOptions

ROOT = Path(__file__).parents[3]
PICTURE = ROOT / "examples/synthetic_rig/images/cam0/000000.jpg"
ALLOWED = {"diffproxy", "numpy", "cv2", "onnxruntime"}
BLOCKED = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in {ALLOWED!r} and top not in sys.stdlib_module_names:
            raise ImportError(f"{{name}} is not among the allowed modules")
sys.meta_path.insert(0, Blocked())
from diffproxy.single_view.onnx.__main__ import main
cut = sys.argv.index("then")
sys.exit(main(sys.argv[1:cut]) or main(sys.argv[cut + 1:]))
"""


def test_a_picture_needs_no_other_package(exported, tmp_path, people_of, body, capsys):
    """In a process in which no other module can be imported; its files are those of `single_view`."""
    shown = tmp_path / "shown.jpg"
    shutil.copy(PICTURE, shown)
    words = ["image", str(shown), f"models={exported.folder}", f"out={tmp_path}", "threads=1"]
    other = f"out={tmp_path}/whole"
    whole = [*words[:-2], other, "threads=1", "detector=whole_picture", "detector_side=128", "min_score=0.01"]
    words = [*words, "then", *whole]
    done = subprocess.run([sys.executable, "-c", BLOCKED, *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "shown"
    assert done.stdout == f"{folder}\n{tmp_path / 'whole' / 'shown'}\n"
    assert people_of(tmp_path / "whole" / "shown")["people"]
    content = people_of(folder)
    frame, person = content["frames"]["0"], content["people"][0]
    assert frame["focal_source"] == "usual lenses" and frame["status"] == "people"
    result = load_result(folder / person["result"])
    entry = person["frames"]["0"]
    assert result.status.tolist() == [entry["status"]]
    assert result.joints[0, 0, 2] == pytest.approx(entry["depth_m"], abs=1e-5)
    np.testing.assert_allclose(body.joints(result.body_params())[0], result.joints[0], atol=1e-4)
    drawn = read_image(folder / "overlay" / "picture" / "000000.jpg")
    assert drawn.shape == read_image(PICTURE).shape and (drawn != read_image(PICTURE)).mean() > 0.01
    assert open_images(open_run(folder / "person_00"), ROOT).cameras[0].K[0, 0] == frame["focal_px"]
    assert diffproxy_main(["export", str(folder), "format=trc"]) == 0
    assert "person_00.trc" in capsys.readouterr().out


@pytest.fixture
def video(tmp_path):
    """The same picture six times."""
    image = cv2.imread(str(PICTURE))
    path = tmp_path / "walk.avi"
    size = image.shape[1] // 2, image.shape[0] // 2
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 20, size)
    for _ in range(6):
        writer.write(cv2.resize(image, size))
    writer.release()
    return path


def test_a_video_keeps_ids_and_asks_the_detector_where_it_must(
    exported, tmp_path, video, people_of, monkeypatch
):
    asked = []
    detect = Estimator.detect
    monkeypatch.setattr(Estimator, "detect", lambda self, *given: asked.append(1) or detect(self, *given))
    monkeypatch.setattr("diffproxy.single_view.onnx.bodies.MIN_CONFIDENCE_REGRESSED", 0.0)
    words = [
        "video",
        str(video),
        f"models={exported.folder}",
        f"out={tmp_path}",
        "detector_stride=3",
        "threads=1",
    ]
    assert main([*words, "crop_side=128", "flip=false", "overlay=keypoints", "detector_side=192"]) == 0
    content = people_of(tmp_path / "walk")
    assert len(asked) == 2
    assert [[*p["frames"]] for p in content["people"]] == [[str(k) for k in range(6)]]
    assert content["frames"]["5"]["focal_source"] == "earlier frames"
    run = open_run(tmp_path / "walk" / "person_00")
    assert run.frame_rate == 20.0 and run.result.frame_ids.tolist() == [*range(6)]


def test_bench_tells_speed_and_errors_of_each_stride(exported, tmp_path, video):
    options = BenchOptions(
        path=str(video), models=str(exported.folder), strides="1,2", warmup=1, frames="0:3", flip=False
    )
    options.crop_side, options.detector_side = 96, 96
    plain = run_bench(options)
    assert [row["detector_stride"] for row in plain["strides"]] == [1, 2] and plain["frames"] == 2
    assert set(plain["strides"][0]["ms"]["total"]) == {"mean", "median", "p95"}
    assert "pa_mpjpe_mm" not in plain["strides"][0]
    true = np.random.default_rng(0).normal(size=(3, 55, 3))
    np.savez(tmp_path / "truth.npz", frame_ids=np.arange(3), joints=true)
    options.truth = str(tmp_path / "truth.npz")
    row = run_bench(options)["strides"][0]
    assert row["frames_without_body"] == 3 - 3 * (row["people_per_frame"] > 0)


def test_wrong_input_is_said_in_one_line(exported, tmp_path, capsys):
    assert main(["image", str(PICTURE), f"models={tmp_path}"]) == 2
    assert "single_view export" in capsys.readouterr().err
    assert main(["image", str(tmp_path / "none.jpg"), f"models={exported.folder}"]) == 2
    assert main(["video", str(PICTURE.parent), f"models={exported.folder}"]) == 2
    assert main(["image", str(PICTURE)]) == 2
    manifest = json.loads((exported.folder / "models.json").read_text())
    (tmp_path / "models.json").write_text(json.dumps({**manifest, "version": 0}))
    assert main(["image", str(PICTURE), f"models={tmp_path}"]) == 2
    (tmp_path / "models.json").write_text(json.dumps(manifest))
    assert main(["image", str(PICTURE), f"models={tmp_path}"]) == 2
    assert "detector.onnx" in capsys.readouterr().err
