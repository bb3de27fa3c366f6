"""Everybody in a picture: the table on pictures in AGORA's layout, with reports that are known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.cameras import Camera
from diffproxy.datasets.shard_writer import ShardWriter
from diffproxy.datasets.shards import FULL, ShardView, params_to_json
from diffproxy.evaluation.datasets import open_dataset
from diffproxy.evaluation.datasets.subject import PendingSubject
from diffproxy.evaluation.rehearsal_agora import as_pandas
from diffproxy.evaluation.single_view import evaluate, main
from diffproxy.evaluation.single_view_options import SingleViewEvaluationOptions
from diffproxy.evaluation.single_view_people import people_markdown, summary_of_people
from diffproxy.evaluation.single_view_pictures import grouped, pictures_of
from diffproxy.fitting import FitResult
from diffproxy.single_view.estimator import FittedPicture, Person, SingleViewEstimator
from diffproxy.single_view.fit_people import FittedPerson
from diffproxy.single_view.picture_camera import picture_camera
from diffproxy.utils.errors import InputError
from tests.single_view.conftest import standing

SIZE = (640, 480)
FOCAL = 28 / 36 * SIZE[0]  # AGORA's usual lens


class Reports(SingleViewEstimator):
    """Stands in for the estimator: of the picture that is grey level n it reports the n-th list of bodies."""

    def __init__(self, body, reports: list[list[BodyParams]]):
        self.body, self.reports, self.calls = body, reports, []

    def run(self, image, prior, seen=None):
        assert seen is None  # the detector says who is there
        number = int(image[0, 0, 0])
        self.calls.append(number)
        people = tuple(self.person(p) for p in self.reports[number])
        camera = picture_camera(*SIZE, FOCAL)
        nobody = Person((0, 0, 1, 1), 0.3, FittedPerson(self.result(BodyParams.rest(1), "no_person"), None))
        return FittedPicture((*people, nobody), camera, prior.log_std, prior.source)

    def person(self, params: BodyParams) -> Person:
        return Person((0.0, 0.0, 1.0, 1.0), 0.9, FittedPerson(self.result(params, "one_view"), None))

    def result(self, params: BodyParams, status) -> FitResult:
        with torch.no_grad():
            joints = self.body(params).joints[0].numpy()
        return FitResult(params, joints, np.full(55, 0.1), status)


LEFT, RIGHT = standing(-0.7, 2.5, 0.3), standing(0.9, 4.0, -0.4)
PICTURES = [
    # who is there and has to be found, who is reported
    ([(LEFT, True), (RIGHT, True)], [RIGHT.replace(scale=torch.tensor([[1.1]])), LEFT, standing(-2.2, 5.0, 0.0)]),
    ([(LEFT, False), (None, False)], [LEFT, RIGHT]),
    ([(RIGHT, True), (LEFT, False), (standing(9.0, 4.0, 0.0), True)], []),  # the last one is beside the picture
]  # fmt: skip


@pytest.fixture(scope="module")
def agora(tmp_path_factory, body) -> Path:
    """The pictures in AGORA's layout, each of its own grey level."""
    root = tmp_path_factory.mktemp("agora")
    columns: dict[str, list] = {k: [] for k in ("imgPath", "isValid", "gt_verts", "gt_joints_3d")}
    (root / "images/validation").mkdir(parents=True)
    for number, (people, _) in enumerate(PICTURES):
        cv2.imwrite(
            str(root / f"images/validation/p{number}_1280x720.png"),
            np.full((*SIZE[::-1], 3), number, np.uint8),
        )
        with torch.no_grad():
            bodies = [body(p) if p is not None else None for p, _ in people]
        columns["imgPath"].append(f"p{number}.png")
        columns["isValid"].append([must for _, must in people])
        columns["gt_verts"].append([b and b.vertices[0].double().numpy() for b in bodies])
        columns["gt_joints_3d"].append([b and b.joints[0].double().numpy() for b in bodies])
    path = root / "camera_dataframe/validation_0_withjv.pkl"
    path.parent.mkdir()
    path.write_bytes(as_pandas(columns))
    return root


def options_of(root: Path, out: Path, **more) -> SingleViewEvaluationOptions:
    return SingleViewEvaluationOptions("agora", str(root), people="all", out=str(out), **more)


def test_depthhmrs_table_on_pictures_of_several_people(agora, body, tmp_path):
    """Two are found, one is missed, two are false; neither is who is hidden, reported or not, or beside the picture."""
    table = evaluate(options_of(agora, tmp_path), Reports(body, [r for _, r in PICTURES]))
    report = json.loads((tmp_path / "everybody.json").read_text())
    summary = report["summary"]
    counts = {"pictures": 3, "found": 2, "missed": 1, "false_people": 2, "excused": 1}
    assert summary.items() >= (counts | {"depth_pairs": 1, "depth_pairs_right": 1}).items()
    assert summary["precision"] == 2 / 4
    assert summary["recall"] == pytest.approx(2 / 3)
    assert summary["f1"] == pytest.approx(4 / 7)
    with torch.no_grad():
        true = body(RIGHT)
    # one body is exact, the other a tenth too large in every direction from its pelvis
    sizes = [
        torch.linalg.norm(p[0] - true.joints[0, 0], dim=-1).mean()
        for p in (true.joints[:, :22], true.vertices)
    ]
    mpjpe, mve = (1000 * 0.1 * float(size) / 2 for size in sizes)
    assert summary["mpjpe"] == pytest.approx(mpjpe, abs=0.05) and summary["mve"] == pytest.approx(
        mve, abs=0.05
    )
    assert summary["nmje"] == pytest.approx(mpjpe * 7 / 4, abs=0.1)
    assert summary["nmve"] == pytest.approx(mve * 7 / 4, abs=0.1)
    first = report["pictures"][0]
    assert [p["person"] for p in first["people"]] == [0, 1] and first["people"][0]["tz_m"] < 1e-4
    assert "DepthHMR" in table and "0.57" in table and table == (tmp_path / "everybody.md").read_text()
    assert "2 people found, 1 missed, 2 false, 1 excused; 1 of 1 pairs" in table and "IoU of 0.1" in table
    assert {p.name for p in tmp_path.iterdir()} == {"everybody.json", "everybody.md"}


def test_the_same_command_goes_on_where_it_was_stopped(agora, body, tmp_path):
    stopped = Reports(body, [PICTURES[0][1]])  # the second picture ends it
    with pytest.raises(IndexError):
        evaluate(options_of(agora, tmp_path), stopped)
    rest = Reports(body, [r for _, r in PICTURES])
    evaluate(options_of(agora, tmp_path), rest)
    assert stopped.calls == [0, 1] and rest.calls == [1, 2]
    assert json.loads((tmp_path / "everybody.json").read_text())["summary"]["found"] == 2


def test_limit_counts_pictures_and_the_least_overlap_can_be_chosen(agora, body, tmp_path):
    reports = Reports(body, [[standing(-0.7, 3.2, 0.3), RIGHT]] * 3)
    loose = evaluate(options_of(agora, tmp_path, limit=1), reports)
    assert "1 pictures: 2 people found, 0 missed" in loose
    strict = evaluate(options_of(agora, tmp_path, limit=1, min_iou=0.95), reports)
    assert "1 pictures: 1 people found, 1 missed, 1 false" in strict and "0 of 0 pairs" in strict


def test_people_of_a_picture_are_taken_together():
    subjects = [PendingSubject(k, list, p) for k, p in (("a/0", "a"), ("a/1", "a"), ("b", ""), ("c", ""))]
    assert [(key, len(some)) for key, some in grouped(subjects, True)] == [("a", 2), ("b", 1), ("c", 1)]
    assert [key for key, _ in grouped(subjects, False)] == ["a/0", "a/1", "b", "c"]


def test_nobody_anywhere():
    row = {"found": 0, "missed": 0, "false_people": 0, "excused": 2, "depth_pairs": 0, "depth_pairs_right": 0}
    summary = summary_of_people([row | {"people": []}])
    assert summary == row | {"pictures": 1}
    assert people_markdown(summary, "humman", 0.1).splitlines()[2] == "| ours |" + " - |" * 8


def test_wrong_words(capsys):
    assert main(["people=some"]) == 2 and main(["people=all", "min_iou=0"]) == 2
    said = capsys.readouterr().err
    assert "one" in said and "min_iou" in said


@pytest.fixture(scope="module")
def shards(tmp_path_factory, body) -> Path:
    """One rendered sample of two people, whole frames of the first two cameras and a crop."""
    path = tmp_path_factory.mktemp("rendered") / "a.tar"
    ahead = Camera(
        "own", *SIZE, np.array([[FOCAL, 0, 320], [0, FOCAL, 240], [0, 0, 1]]), np.eye(3), np.zeros(3)
    )
    aside = replace(ahead, name="aside", t_cam_world=np.array([0.5, 0, 0.25]))
    seen = [(0.9, 1.0), (1.0, 0.15)], [(0.4, 0.2), (0.25, 1.0)]
    views = []
    for level, (camera, shares) in enumerate(zip((ahead, aside), seen, strict=True)):
        info = {"people": [{"visible": a, "in_frame": b} for a, b in shares]}
        views.append(picture_of(camera, FULL, level, info))
    with ShardWriter(path, quality=100) as writer:
        others = {"others": [params_to_json(RIGHT)], "bystanders": 1}
        writer.add("s0", [picture_of(ahead, "body", 9, {}), *views], LEFT, others)
    return path


def picture_of(camera, kind, level, info) -> ShardView:
    shape = SIZE[::-1]
    grey, none = np.full((*shape, 3), level, np.uint8), np.zeros(shape, np.uint8)
    return ShardView(grey, none, np.zeros((*shape, 2), np.float32), none, camera, kind, info)


def test_rendered_frames_count_who_is_seen_enough(shards, body):
    """Who is hidden by three quarters does not count, nor with 3 of 22 joints in the frame; 0.4 of 4 joints counts."""
    options = SingleViewEvaluationOptions("rendered", str(shards), people="all").data()
    units = [*grouped(open_dataset(options, body, hidden=True), True)]
    assert [key for key, _ in units] == ["s0/v1", "s0/v2"]
    assert [[p.counted for p in some] for _, some in units] == [[True, False], [True, False]]
    (picture,) = pictures_of(*units[1])
    with torch.no_grad():
        true = body(RIGHT).joints[0, :22].numpy()
    np.testing.assert_allclose(
        picture.bodies[1].joints["smplx22"], true + np.array([0.5, 0, 0.25]), atol=1e-5
    )
    assert picture.image[0, 0, 0] == 1 and picture.focal == FOCAL


def test_the_table_on_rendered_frames(shards, body, tmp_path):
    """Exact reports in the first frame; in the second nobody, so that one of its people is missed."""
    options = SingleViewEvaluationOptions("rendered", str(shards), people="all", out=str(tmp_path))
    evaluate(options, Reports(body, [[RIGHT, LEFT], []]))
    summary = json.loads((tmp_path / "everybody.json").read_text())["summary"]
    want = {"pictures": 2, "found": 1, "missed": 1, "false_people": 0, "excused": 1}
    assert summary.items() >= want.items() and summary["mpjpe"] < 0.01


def test_rendered_frames_with_unknown_people_are_refused(tmp_path, body):
    camera = Camera(
        "own", *SIZE, np.array([[FOCAL, 0, 320], [0, FOCAL, 240], [0, 0, 1]]), np.eye(3), np.zeros(3)
    )
    for name, kind, message in (
        ("old", FULL, "visibility of all people of s0/v0"),
        ("crops", "body", "whole frames"),
    ):
        with ShardWriter(tmp_path / f"{name}.tar") as writer:
            writer.add("s0", [picture_of(camera, kind, 0, {})], LEFT, {"bystanders": 2})
        options = SingleViewEvaluationOptions("rendered", str(tmp_path / f"{name}.tar"), people="all").data()
        with pytest.raises(InputError, match=message):
            [*open_dataset(options, body, hidden=True)]
