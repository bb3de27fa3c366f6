"""Speed and accuracy at several strides, with an estimator that knows the answer."""

from types import SimpleNamespace

import numpy as np
import pytest

from diffproxy.single_view.focal_length import FocalPrior
from diffproxy.single_view.onnx.options import BenchOptions as OnnxBenchOptions
from diffproxy.single_view.options import BenchOptions
from diffproxy.single_view.picture_result import PictureResult
from diffproxy.single_view.stride_bench import stride_rows
from diffproxy.utils.errors import InputError

TRUE = np.random.default_rng(0).normal(size=(55, 3))
FRAMES = [(number, np.zeros((4, 6, 3), np.uint8)) for number in range(10, 16)]


def person(joints):
    known = bool(np.isfinite(joints).all())
    return SimpleNamespace(
        box=(0.0, 0.0, 6.0, 4.0), score=0.9, depth=2.0, depth_std=0.1, has_body=known, joints=joints
    )


class Known:
    """Finds somebody else and, but for frame 12, the person, 10 mm beside in one joint of 22; follows boxes blindly."""

    def __init__(self):
        self.detections, self.runs = 0, 0

    def focal_prior(self, width, height, focal, path=None):
        return FocalPrior(500.0, 0.3, "usual lenses")

    def detect(self, image, prior=None):
        self.detections += 1
        return ["seen"]

    def run(self, image, prior, seen=None, clock=None):
        number, self.runs = FRAMES[self.runs % len(FRAMES)][0], self.runs + 1
        beside = TRUE.copy()
        beside[3, 0] += 0.01
        people = [person(np.roll(TRUE, 1, axis=0)), person(beside), person(np.full((55, 3), np.nan))]
        camera = SimpleNamespace(width=6, height=4, K=np.eye(3))
        shown = () if number == 12 else tuple(people)
        return PictureResult(shown, camera, 0.3, "usual lenses", {"body": 0.001})


class Every:
    """Asks the detector in one frame of `stride`."""

    def __init__(self, stride):
        self.stride = stride

    def focal(self, before):
        return before

    def expected(self, number):
        return None if number % self.stride == 0 else ["seen"]

    def started(self, detected):
        return detected

    def update(self, number, picture):
        return []


def options(**given):
    return BenchOptions("walk.mp4", **{"warmup": 1, "strides": "1,3", **given})


def test_a_row_for_each_stride():
    estimator = Known()
    one, three = stride_rows(options(), FRAMES, estimator, Every)
    assert (one["detector_stride"], three["detector_stride"]) == (1, 3)
    assert estimator.detections == 6 + 2
    assert one["people_per_frame"] == pytest.approx(8 / 5), "without the first frame; who has a body"
    assert set(one["ms"]) == {"body", "total", "total_cpu"} and "pa_mpjpe_mm" not in one
    assert one["ms"]["body"] == {"mean": 1.0, "median": 1.0, "p95": 1.0}
    assert one["fps"] == pytest.approx(1000 / one["ms"]["total"]["mean"], rel=0.1)


def test_errors_of_the_nearest_body_where_truth_is_known(tmp_path):
    truth = np.stack([TRUE, TRUE, np.full((55, 3), np.nan), TRUE])
    np.savez(tmp_path / "t.npz", frame_ids=[10, 12, 13, 99], joints=truth)
    (row,) = stride_rows(options(strides="1", truth=str(tmp_path / "t.npz")), FRAMES, Known(), Every)
    assert row["frames_without_body"] == 1, "12; of 13 nothing is known"
    assert 0 < row["pa_mpjpe_mm"] < 10 / 22 * 3


def test_pictures_have_no_stride():
    estimator = Known()
    (row,) = stride_rows(options(strides="3"), FRAMES, estimator, Every, apart=True)
    assert row["detector_stride"] == 1 and estimator.detections == len(FRAMES)


@pytest.mark.parametrize("schema", [BenchOptions, OnnxBenchOptions])
def test_wrong_numbers_are_refused(schema, tmp_path):
    for wrong in ("", "0", "1,x", "-1"):
        with pytest.raises(InputError, match="strides"):
            schema("walk.mp4", strides=wrong)
    with pytest.raises(InputError, match="warmup=0"):
        stride_rows(options(warmup=6), FRAMES, Known(), Every)
    np.savez(tmp_path / "t.npz", joints=TRUE)
    with pytest.raises(InputError, match=r"result\.npz"):
        stride_rows(options(truth=str(tmp_path / "t.npz")), FRAMES, Known(), Every)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"frame_ids": np.arange(50, 56)}, "frame numbers of the rig in the truth"),
        ({"frame_ids": np.array(["a"] * 6)}, "frame_ids"),
        ({"frame_ids": np.array(3)}, "frame_ids"),
        ({"frame_ids": np.arange(2)}, "joints"),
        ({"joints": np.full((6, 55, 3), "x")}, "joints"),
        ({"joints": np.zeros((6, 17, 3))}, "22 or more"),
        ({"joints": np.full((6, 55, 3), np.nan)}, "a frame with a body"),
    ],
    ids=str,
)
def test_a_truth_of_any_content_is_refused(tmp_path, change, expected):
    np.savez(
        tmp_path / "t.npz", **({"frame_ids": np.arange(10, 16), "joints": np.array([TRUE] * 6)} | change)
    )
    options = BenchOptions("video.mp4", warmup=1, strides="1", truth=str(tmp_path / "t.npz"))
    with pytest.raises(InputError, match=expected):
        stride_rows(options, FRAMES, Known(), Every)
