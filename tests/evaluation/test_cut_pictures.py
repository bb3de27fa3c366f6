"""Pictures cut within the person, and what is said of joints that no picture shows."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from diffproxy.evaluation.config import DatasetOption, EvaluateOptions
from diffproxy.evaluation.datasets import open_dataset
from diffproxy.evaluation.datasets.cut_pictures import OUTSIDE, cut_subject, inside, vertex_areas, window
from diffproxy.evaluation.evaluate import one_line, run_evaluation
from diffproxy.evaluation.observed_joints import coverage, names_unseen_parts, observed_joints
from diffproxy.fitting.observed import UNOBSERVED
from diffproxy.pipeline.networks import Networks
from diffproxy.pipeline.results import FrameResult
from diffproxy.utils.errors import InputError


@pytest.fixture
def subject(shards_of, params_of, body):
    options = EvaluateOptions(shards=str(shards_of([params_of(0)])))
    return next(open_dataset(options, body)).load()


def test_a_third_to_two_thirds_of_the_body_are_outside_every_picture(subject, body) -> None:
    cut = cut_subject(subject, body, 3)
    with torch.no_grad():
        vertices = body(subject.truth.body_params()).vertices[0].double().numpy()
    area = vertex_areas(body)
    seen = np.zeros(len(area), dtype=bool)
    for image, camera, whole in zip(cut.images, cut.cameras, subject.images, strict=True):
        assert image.shape == (camera.height, camera.width, 3) and image.size < whole.size
        seen |= inside(camera.project(vertices), (0, 0, camera.width, camera.height))
    share = area[~seen].sum() / area.sum()
    assert OUTSIDE[0] <= share <= OUTSIDE[1] and cut.info["outside"] == pytest.approx(share, abs=1e-3)
    again, other = cut_subject(subject, body, 3), [cut_subject(subject, body, s).info for s in range(4, 9)]
    assert again.info == cut.info and any(info != cut.info for info in other)


def test_pixels_keep_their_rays_and_labels(subject, body) -> None:
    """Each kept pixel is that of the whole picture, under a camera that sees along the same ray."""
    marked = np.random.default_rng(0).integers(0, 255, subject.images[0].shape).astype(np.uint8)
    subject = replace(subject, images=[marked] * 4)
    cut = cut_subject(subject, body, 0)
    for v, (image, camera) in enumerate(zip(cut.images, cut.cameras, strict=True)):
        x0, y0 = np.round(subject.cameras[v].K[:2, 2] - camera.K[:2, 2]).astype(int)
        h, w = image.shape[:2]
        assert (image == marked[y0 : y0 + h, x0 : x0 + w]).all()
        kept = cut.exact.labels[v, y0 : y0 + h, x0 : x0 + w]
        assert (kept == subject.exact.labels[v, y0 : y0 + h, x0 : x0 + w]).all()
        assert kept.astype(bool).sum() == (cut.exact.labels[v] > 0).sum() > 0
    before, after = (observed_joints(s.exact, body)[:22] for s in (subject, cut))
    assert before.all() and 0 < after.sum() < 22


def test_a_picture_is_cut_where_most_of_the_person_is_left() -> None:
    pixels = np.array([[20.0, 70.0], [60.0, 95.0], [30.0, 20.0]])
    shown = np.zeros((100, 100), dtype=bool)
    shown[10:90, 20:80] = True
    beyond = np.array([True, True, False])
    assert window(pixels, beyond, shown) == (0, 0, 100, 70)
    assert window(pixels, np.array([True, True, True]), shown[:, :] & (np.arange(100) < 30)) is None


def test_true_proxies_of_cut_pictures_are_no_input(subject, body) -> None:
    with pytest.raises(InputError, match="generated"):
        EvaluateOptions(proxies="exact", dataset=DatasetOption(cut=0))
    with pytest.raises(InputError, match="images=crops"):
        cut_subject(replace(subject, exact=None), body, 0)


def test_joints_are_counted_by_whether_they_are_observed() -> None:
    seen = {"joint_observed": [True, True, False]}
    rows = [
        {"status": "ok", "unseen_named": False, "joint_error_mm": [10.0, 30.0, 100.0],
         "joint_std_mm": [20.0, 20.0, 40.0], **seen},
        {"status": "ok", "unseen_named": True, "joint_error_mm": [10.0, 10.0, 60.0],
         "joint_std_mm": [20.0, None, 40.0], **seen},
        {"status": "no_person"},
    ]  # fmt: skip
    found = coverage(rows)
    assert found["observed"] | {"median_std_mm": 0} == {
        "joints": 4, "mpjpe_mm": 15.0, "median_std_mm": 0, "within_1_std": 0.75, "within_2_std": 1.0
    }  # fmt: skip
    assert found["unobserved"]["within_1_std"] == 0 and found["unobserved"]["within_2_std"] == 0.5
    assert found["ok_without_unseen_named"] == 1 and coverage([{"status": "failed"}]) == {}


def test_parts_that_are_named(body) -> None:
    def record(*notes: str) -> FrameResult:
        return FrameResult(0, "ok", info={"notes": list(notes)})

    assert names_unseen_parts(record("no view shows the left leg"))
    assert not names_unseen_parts(record("no view shows the left hand: its fingers come from the prior"))
    assert 0 < UNOBSERVED < 1


def test_evaluation_of_cut_pictures(tmp_path, shards_of, params_of, oracle_of) -> None:
    """With an oracle the observed joints are right, and the report has both kinds."""
    bodies = [params_of(0)]
    options = EvaluateOptions(
        shards=str(shards_of(bodies)),
        dataset=DatasetOption(cut=3),
        hands=False,
        refine_crops=False,
        out=str(tmp_path / "e.json"),
    )
    report = run_evaluation(options, Networks(oracle_of(bodies, size=128)))
    (row,), found = report["subjects"], report["summary"]["coverage"]
    assert OUTSIDE[0] <= row["outside"] <= OUTSIDE[1] and row["cut"] in ("below", "above", "left", "right")
    assert (
        found["observed"]["joints"] + found["unobserved"]["joints"] == 22
        and found["unobserved"]["joints"] > 0
    )
    assert row["mpjpe_observed"] == pytest.approx(found["observed"]["mpjpe_mm"], abs=0.01)
    assert "observed joints" in one_line(options, report["summary"])
