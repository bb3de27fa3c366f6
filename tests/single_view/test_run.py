"""The commands on pictures, videos and a stand-in for a camera, with networks that know the people."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from diffproxy.__main__ import main as diffproxy_main
from diffproxy.cameras.image_files import read_image
from diffproxy.export import load_result, open_run
from diffproxy.generator import DiffProxyOutput
from diffproxy.geometry.boxes import expand_to_square
from diffproxy.geometry.so3 import rotvec_to_rotmat
from diffproxy.proxies import ProxyMaps
from diffproxy.single_view.__main__ import main
from diffproxy.single_view.bench import run_bench
from diffproxy.single_view.coarse_body import CoarseBodies
from diffproxy.single_view.estimator import Seen, SingleViewEstimator
from diffproxy.single_view.focal_length import focal_prior
from diffproxy.single_view.keypoint_body import KeypointBody
from diffproxy.single_view.onnx.pictures import read_picture as onnx_picture
from diffproxy.single_view.options import BenchOptions, CameraOptions, ImageOptions, VideoOptions
from diffproxy.single_view.run import folder_of, run_camera, run_images, run_video
from diffproxy.single_view.torch_backend import TorchBackend
from diffproxy.utils.errors import InputError
from diffproxy.utils.video_reader import VideoReader
from tests.viewer.browser import WANTED, joints_in_browser

GREY = np.full((480, 640, 3), 90, np.uint8)
BLACK = np.zeros_like(GREY)


@pytest.fixture
def video(tmp_path):
    """Four grey frames."""
    path = tmp_path / "walk.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (640, 480))
    for _ in range(4):
        writer.write(GREY)
    writer.release()
    return path


def test_pictures_with_and_without_people(tmp_path, estimator, two_people, people_of, capsys):
    shown = tmp_path / "shown"
    shown.mkdir()
    cv2.imwrite(str(shown / "both.png"), GREY)
    cv2.imwrite(str(shown / "nobody.png"), BLACK)
    options = ImageOptions(str(shown), mesh="ply", out=str(tmp_path / "out"))
    both, nobody = run_images(options, TorchBackend(options, estimator))
    content = people_of(both)
    frame, people = content["frames"]["0"], content["people"]
    assert frame["status"] == "people"
    assert frame["focal_px"] == pytest.approx(two_people.camera.K[0, 0], rel=0.1)
    assert [p["id"] for p in people] == [0, 1]
    for k, listed in enumerate(people):
        person, folder = listed["frames"]["0"], both / f"person_{k:02d}"
        result = load_result(both / listed["result"])
        assert result.status.tolist() == [person["status"]] == ["one_view"]
        assert result.joints[0, 0, 2] == pytest.approx(person["depth_m"], abs=1e-4)
        assert result.meta["focal_px"] == [frame["focal_px"]]
        assert (folder / "mesh" / "000000.ply").is_file()
    drawn = read_image(both / "overlay" / "picture" / "000000.jpg").astype(int)
    for person in people:
        x0, y0, x1, y1 = (round(x) for x in person["frames"]["0"]["box"])
        middle = drawn[max(y0, 0) : y1, x0:x1].reshape(-1, 3).mean(0) - 90
        wanted = np.array([int(person["color"][i : i + 2], 16) for i in (1, 3, 5)]) - 90
        assert middle @ wanted > 0.5 * np.linalg.norm(middle) * np.linalg.norm(wanted)
    content = people_of(nobody)
    assert content["frames"]["0"]["status"] == "no_person" and content["people"] == []
    assert not list(nobody.glob("person*"))
    capsys.readouterr()
    assert diffproxy_main(["view", str(both), "open=false"]) == 0
    page = (both / "viewer.html").read_text()
    data = json.loads(page.split('id="data">')[1].split("</script>")[0])
    assert [b["name"] for b in data["bodies"]] == ["person_00", "person_01"]
    assert [c["name"] for c in data["cameras"]] == ["picture"] and len(data["pictures"]["picture"]) == 1
    if WANTED:
        (shown_joints,) = joints_in_browser(both / "viewer.html")
        people_joints = [load_result(both / p["result"]).joints[0] for p in people]
        between = np.linalg.norm(people_joints[0] - people_joints[1], axis=-1)  # whatever axis is up
        np.testing.assert_allclose(
            np.linalg.norm(shown_joints[0] - shown_joints[1], axis=-1), between, atol=2e-3
        )
    assert diffproxy_main(["export", str(both), "format=trc"]) == 0
    assert "person_01.trc" in capsys.readouterr().out


def test_a_video_keeps_ids_and_detects_in_one_frame_of_a_stride(
    tmp_path, estimator, true_people, video, people_of
):
    options = VideoOptions(
        str(video),
        out=str(tmp_path),
        overlay=False,
        mesh="none",
        detector_stride=4,
        frames="0:3",
        focal=330.0,
    )
    folder = run_video(options, TorchBackend(options, estimator))
    content = people_of(folder)
    assert true_people.detections == 1
    assert [[*p["frames"]] for p in content["people"]] == [["0", "1", "2"]] * 2
    assert load_result(folder / "person_01" / "result.npz").frame_ids.tolist() == [0, 1, 2]
    assert open_run(folder / "person_01").frame_rate == 25.0


class Webcam:
    """Stands in for `cv2.VideoCapture`: two black frames."""

    def __init__(self, number: int):
        self.left = 2 if number == 0 else 0

    def isOpened(self) -> bool:
        return self.left > 0

    def read(self):
        self.left -= 1
        return self.left >= 0, BLACK

    def release(self) -> None:
        self.left = 0


def test_a_camera_until_it_stops(tmp_path, estimator, monkeypatch, people_of):
    monkeypatch.setattr(cv2, "VideoCapture", Webcam)

    def record(number: str) -> Path:
        options = CameraOptions(number, out=str(tmp_path))
        return run_camera(options, TorchBackend(options, estimator))

    folder = record("0")
    assert folder.name == "camera0"
    frames = people_of(folder)["frames"]
    assert [f["status"] for f in frames.values()] == ["no_person", "no_person"]
    with pytest.raises(InputError, match="results of a connected camera"):
        record("0")  # a recording cannot be made again
    with pytest.raises(InputError, match="camera 1"):
        record("1")
    for number in ("front", "-1", "9" * 20):
        with pytest.raises(InputError, match="number of a camera"):
            record(number)


def test_an_interrupted_recording_keeps_its_finished_frames(tmp_path, estimator, monkeypatch, people_of):
    class Interrupted(Webcam):
        def read(self):
            if self.left == 1:
                raise KeyboardInterrupt
            return super().read()

    monkeypatch.setattr(cv2, "VideoCapture", Interrupted)
    options = CameraOptions("0", out=str(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        run_camera(options, TorchBackend(options, estimator))
    assert [*people_of(tmp_path / "camera0")["frames"]] == ["0"]


def test_unreadable_images_are_left_out_unless_all_are(tmp_path, estimator, caplog):
    (tmp_path / "a.png").write_bytes(b"no image")
    options = ImageOptions(str(tmp_path), out=str(tmp_path / "out"))
    with pytest.raises(InputError, match=r"a\.png"):
        run_images(options, TorchBackend(options, estimator))
    cv2.imwrite(str(tmp_path / "b.png"), BLACK)
    folders = run_images(options, TorchBackend(options, estimator))
    assert [folder.name for folder in folders] == ["b"]
    assert "a.png" in caplog.text


def test_names_of_dots_stay_in_the_folder_of_the_results():
    assert [folder_of(Path(name)) for name in ("a/b.jpg", "...jpg", ".jpg", "a.b.png")] == [
        "b",
        "...jpg",
        ".jpg",
        "a.b",
    ]


def test_damaged_frames_of_a_video_are_named(video, monkeypatch, caplog, tmp_path, estimator, people_of):
    def read(self, frame_id):
        return BLACK, "error while decoding" if frame_id in (1, 2) else ""

    monkeypatch.setattr(VideoReader, "read", read)
    options = VideoOptions(str(video), out=str(tmp_path), overlay=False, mesh="none")
    content = people_of(run_video(options, TorchBackend(options, estimator)))
    assert content["notes"] == [f"frame {k}: damaged image (error while decoding)" for k in (1, 2)]
    assert "frame 1: damaged image (error while decoding)" in caplog.text
    assert "2 frames are damaged" in caplog.text


@pytest.mark.parametrize("read", [lambda *a: TorchBackend(ImageOptions("")).read_picture(*a), onnx_picture])
def test_a_damaged_image_is_named(tmp_path, caplog, read):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    data = cv2.imencode(".jpg", noise)[1].tobytes()
    middle = len(data) // 2
    (tmp_path / "a.jpg").write_bytes(data[:middle] + bytes(200) + data[middle + 200 :])
    notes: list[str] = []
    image = read(tmp_path / "a.jpg", notes)
    assert image.shape == (64, 64, 3) and "a.jpg: frame 0: damaged image" in caplog.text
    assert len(notes) == 1 and notes[0].startswith("frame 0: damaged image (")


def test_a_damaged_picture_is_noted_in_its_file(tmp_path, estimator, people_of, monkeypatch):
    cv2.imwrite(str(tmp_path / "a.png"), BLACK)
    monkeypatch.setattr("diffproxy.single_view.torch_backend.read_checked", lambda path: (BLACK, "cut off"))
    options = ImageOptions(str(tmp_path / "a.png"), out=str(tmp_path))
    (folder,) = run_images(options, TorchBackend(options, estimator))
    assert people_of(folder)["notes"] == ["frame 0: damaged image (cut off)"]


def test_bench_states_mean_median_and_p95(tmp_path, estimator):
    for k in range(3):
        cv2.imwrite(str(tmp_path / f"{k}.png"), BLACK)
    with pytest.raises(InputError, match="a video beside frames"):
        run_bench(BenchOptions(str(tmp_path), warmup=1, frames="0"), estimator)
    report = run_bench(BenchOptions(str(tmp_path), warmup=1), estimator)
    (row,) = report["strides"]
    assert report["frames"] == 2 and row["people_per_frame"] == 0 and "pa_mpjpe_mm" not in row
    assert row["detector_stride"] == 1, "pictures have nothing to do with each other"
    assert set(row["ms"]) == {"detect", "total", "total_cpu"}
    assert set(row["ms"]["total"]) == {"mean", "median", "p95"}


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 700, 3), (40, 30, 3)])
def test_tiny_and_narrow_pictures_show_nobody(shape, estimator):
    from diffproxy.detector.person_detector import PersonDetector

    estimator.detector = PersonDetector.packaged(128)
    image = np.full(shape, 128, np.uint8)
    result = estimator.run(image, focal_prior(shape[1], shape[0]))
    assert result.people == ()
    assert result.camera.width == shape[1]


def test_thirty_people_of_whom_the_proxies_show_nothing(estimator, true_people, monkeypatch):
    """Crowds beyond what the generator can tell apart are no crash, and nobody is claimed to be fitted."""

    def nothing(images, cameras, kinds, *more):
        size = images.shape[-1]
        labels, uv = np.zeros((1, size, size), np.uint8), np.zeros((1, size, size, 2), np.float32)
        maps = ProxyMaps(labels, uv, np.zeros((1, size, size), np.float32), tuple(kinds), tuple(cameras))
        return DiffProxyOutput(maps, None, (0,))

    nothing.network, nothing.encoding_once = true_people.network, true_people.encoding_once
    monkeypatch.setattr(estimator, "pipe", nothing)
    boxes = [(20.0 * i, 40.0 * j, 20.0 * i + 15, 40.0 * j + 35) for i in range(10) for j in range(3)]
    result = estimator.run(GREY, focal_prior(640, 480), [Seen(box, 0.3) for box in boxes])
    assert len(result.people) == 30
    assert {p.fit.result.status for p in result.people} == {"no_person"}
    assert result.focal_log_std == focal_prior(640, 480).log_std


def test_wrong_input_is_said_in_one_line(tmp_path, capsys):
    assert main(["image", str(tmp_path)]) == 2
    assert "images" in capsys.readouterr().err
    assert main(["image", str(tmp_path / "none.jpg")]) == 2
    assert main(["video", str(tmp_path / "none.mp4")]) == 2
    assert main(["picture"]) == 2
    assert main(["--help"]) == 0


class TrueKeypoints:
    """A generator of which only the encoder may run: keypoints of the people in the crops around their boxes."""

    def __init__(self, body, people, margin: float):
        self.people, self.margin, self.points = people, margin, []
        for params in people.picture.params:
            with torch.no_grad():
                turns = rotvec_to_rotmat(params.full_pose[:, :66].reshape(-1, 22, 3))
                pelvis = body.joints(params)[0, 0].numpy()
                self.points.append(KeypointBody(body)(turns, params.betas)[1][0].double().numpy() + pelvis)

    def keypoints(self, images, flip):
        side, found = images.shape[-1], []
        boxes = [c.box for c in self.people.locate([GREY])[0]]
        for points, box in zip(self.points, boxes, strict=True):
            crop = self.people.camera.crop(expand_to_square(box, self.margin), (side, side))
            found.append(np.concatenate([crop.project(points), np.tile([0.85, 0.5], (17, 1))], axis=1))
        return np.stack(found)


def test_without_polish_the_network_alone_answers(
    tmp_path, body, estimator, true_people, two_people, people_of
):
    pipe = TrueKeypoints(body, true_people, estimator.generate.margin)
    estimator = SingleViewEstimator(
        body, pipe, true_people, estimator.generate, estimator.config, coarse=CoarseBodies(body), polish=False
    )
    path = tmp_path / "both.png"
    cv2.imwrite(str(path), GREY)
    focal = float(two_people.camera.K[0, 0])
    options = ImageOptions(str(path), focal=focal, polish=False, mesh="none", out=str(tmp_path / "out"))
    (folder,) = run_images(options, TorchBackend(options, estimator))
    people = people_of(folder)["people"]
    assert len(people) == 2
    for listed, params in zip(people, two_people.params, strict=True):
        with torch.no_grad():
            depth = float(body.joints(params)[0, 0, 2])
        result = load_result(folder / listed["result"])
        assert result.status[0] in ("one_view", "doubtful")
        assert result.joints[0, 0, 2] == pytest.approx(depth, rel=0.35)
        assert 0 < listed["frames"]["0"]["depth_std_m"] < depth
