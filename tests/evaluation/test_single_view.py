"""Single pictures with known bodies: BLADE's table on rehearsal data, and its errors by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from diffproxy.body.smpl_family import load_smpl_family
from diffproxy.evaluation.evaluate import evaluation_stamp
from diffproxy.evaluation.rehearsal_human_data import write_human_data
from diffproxy.evaluation.rehearsal_models import write_models
from diffproxy.evaluation.rehearsal_take import Take
from diffproxy.evaluation.single_view import evaluate, main
from diffproxy.evaluation.single_view_errors import (
    SeenBody,
    common_box,
    distance_name,
    overlap_errors,
    place_errors,
    surface_of,
)
from diffproxy.evaluation.single_view_options import SingleViewEvaluationOptions
from diffproxy.evaluation.single_view_table import markdown_of_views, of_views
from diffproxy.fitting import FitConfig
from diffproxy.pipeline.generate_proxies import GenerateConfig
from diffproxy.single_view.estimator import SingleViewEstimator
from diffproxy.single_view.focal_length import usual_focal
from diffproxy.single_view.picture_camera import picture_camera
from diffproxy.utils.errors import InputError
from tests.single_view.conftest import Picture, TruePeople, standing


def test_errors_of_place_and_focal_length():
    row = place_errors(np.array([0.3, 0.0, 2.0]), np.array([0.0, 0.4, 1.6]), 900.0, 1000.0)
    expected = {"tz_m": 0.4, "tz_percent": 25, "tz_signed_percent": 25, "inv_tz": 0.125, "xy_m": 0.5}
    assert row == pytest.approx(expected | {"f_percent": 10, "f_signed_percent": -10})
    assert [distance_name(d) for d in (0.5, 1.0, 1.9, 3, 5)] == [
        "< 0.8 m", "0.8-1.2 m", "1.2-2 m", "2-4 m", "> 4 m",
    ]  # fmt: skip


def test_best_views_are_those_of_the_least_error():
    """Two instants of three cameras; c sees nobody in the first, b is best in it, a in the second and on average."""

    def row(instant, camera, error):
        more = {} if error is None else {"ra_mpjpe": error, "pa_mpjpe": error / 2, "tz_m": 0.1}
        return {"key": f"s/{instant}/{camera}", "subject": f"s/{instant}", "of": 3, "depth_m": 3.0} | more

    rows = [row(1, "a", 60.0), row(1, "b", 50.0), row(1, "c", None)]
    rows += [row(2, "a", 20.0), row(2, "b", 90.0), row(2, "c", 70.0)]
    alone = {"key": "t/1", "subject": "t/1", "of": 1, "depth_m": 3.0, "ra_mpjpe": 1.0, "tz_m": 0.1}
    found = of_views([*rows, alone])
    assert {k: v["ra_mpjpe"] for k, v in found.items()} == {
        "all_views": 58.0,
        "best_view": 35.0,
        "best_camera": 40.0,
    }
    assert found["best_view"]["pa_mpjpe"] == 17.5 and found["best_camera"]["camera"] == "a"
    assert found["all_views"]["with_body"] == 5 and found["all_views"]["pictures"] == 6
    table = markdown_of_views(found)
    assert "best camera, a, 2 of 2 pictures | 0.100 | - | - | - | 20.0 | 40.0 |" in table
    assert of_views([alone]) == {} and markdown_of_views({}) == ""
    assert of_views([row(1, "b", None)])["best_view"] == {"pictures": 1, "with_body": 0}


def test_overlap_of_silhouettes_and_parts(body):
    """A body that is moved by half its width; the same body with mirrored labels shares no limb."""
    with torch.no_grad():
        vertices = body(standing(0.0, 2.0, 0.0)).vertices[0].double().numpy()
    surface, camera = surface_of(body), picture_camera(640, 480, 500.0)
    assert set(range(24)) == set(np.unique(surface.part))
    true = SeenBody(vertices, surface, camera)
    box = common_box([true])
    assert overlap_errors(true, true, box) == {"miou": 1.0, "pmiou": 1.0}
    moved = SeenBody(vertices + np.array([0.15, 0, 0]), surface, camera)
    both = overlap_errors(moved, true, common_box([true, moved]))
    assert 0.2 < both["miou"] < 0.8 and both["pmiou"] < both["miou"]
    away = SeenBody(vertices + np.array([3.0, 0, 0]), surface, camera)
    assert overlap_errors(away, true, common_box([true, away])) == {"miou": 0.0, "pmiou": 0.0}


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory, body):
    """SPEC-MTP with one grey picture of a person 1.3 m away, its models, and the person."""
    folder = tmp_path_factory.mktemp("single_view")
    params, camera = standing(0.1, 1.3, 0.3), picture_camera(640, 480, 400.0)
    with torch.no_grad():
        vertices = body(params).vertices[0].double().numpy()
    names = ("full_pose", "betas", "expression", "transl")
    arrays = [getattr(params, name)[0].double().numpy() for name in names]
    take = Take([np.full((480, 640, 3), 90, np.uint8)], [camera], *arrays, vertices)
    write_models(folder / "models", [take])
    model = load_smpl_family(folder / "models/smpl/SMPL_NEUTRAL.npz")
    write_human_data(folder / "spec_mtp", "spec_mtp", [take], model)
    return folder, Picture(camera, [params], [])


@pytest.fixture
def estimator(body, rehearsed) -> SingleViewEstimator:
    camera = rehearsed[1].camera
    people = TruePeople(body, rehearsed[1], camera.K[0, 0] / usual_focal(camera.width, camera.height))
    fit = FitConfig(hands=False, max_pixels=120, num_restarts=1, num_initial_rotations=100, silhouette=False)
    generate = GenerateConfig(size=48, steps=0, hands=False, refine_crops=False)
    return SingleViewEstimator(body, people, people, generate, fit)


def options_of(folder, **more) -> SingleViewEvaluationOptions:
    return SingleViewEvaluationOptions(
        path=str(folder / "spec_mtp"), models=str(folder / "models"), out=str(folder / "out"), **more
    )


@pytest.mark.parametrize("known", [False, True])
def test_blades_table_on_rehearsal_data(rehearsed, estimator, known):
    folder, picture = rehearsed
    if known:
        estimator.pipe.factor = 1.0
    table = evaluate(options_of(folder, known_focal=known, boxes="truth" if known else "detector"), estimator)
    report = json.loads((folder / "out/pictures.json").read_text())
    (row,) = report["pictures"]
    assert row["depth_m"] == pytest.approx(float(picture.params[0].transl[0, 2]), abs=0.1)
    assert row["status"] == "one_view"
    assert row["f_percent"] < (1e-6 if known else 10) and row["tz_percent"] < (6 if known else 12)
    assert row["pa_mpjpe"] < 15 and row["ra_mpvpe"] < 30 and row["miou"] > 0.9 and row["pmiou"] > 0.75
    assert "| BLADE (published) | 0.127 |" in table and "ours, 1 of 1 pictures" in table
    assert table == (folder / "out/table.md").read_text() and not list((folder / "out").glob("*.partial*"))


def test_pictures_without_a_body_are_counted_and_finished_ones_kept(rehearsed, estimator, monkeypatch):
    folder, _ = rehearsed
    monkeypatch.setattr(estimator, "detect", lambda image: [])
    table = evaluate(options_of(folder, boxes="detector"), estimator)
    assert "ours, 0 of 1 pictures | - |" in table
    report = json.loads((folder / "out/pictures.json").read_text())
    assert report["pictures"][0]["reason"] == "not detected"
    everybody = evaluate(options_of(folder, people="all"), estimator)
    assert "1 pictures: 0 people found, 1 missed, 0 false" in everybody
    assert {p.name for p in (folder / "out").iterdir()} >= {"everybody.md", "table.md"}
    monkeypatch.setattr("diffproxy.evaluation.single_view.markdown", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):  # stopped after the picture was finished
        evaluate(options_of(folder, boxes="detector"), estimator)
    monkeypatch.undo()
    monkeypatch.setattr(estimator, "detect", lambda image: 1 / 0)
    assert "ours, 0 of 1 pictures" in evaluate(options_of(folder, boxes="detector"), estimator)


def test_a_changed_regressor_is_another_run(tmp_path):
    """Else a stopped evaluation would go on with errors of other joints."""
    stamps = set()
    for number in (1, 2):
        np.save(tmp_path / "r.npy", np.eye(number))
        options = options_of(tmp_path, joints="h36m14", regressor=str(tmp_path / "r.npy"))
        stamps.add(evaluation_stamp(options.data()))
    assert len(stamps) == 2


def test_what_is_missing_is_named(tmp_path, capsys):
    assert main(["dataset=nothing"]) == 2
    assert main(["joints=h36m14"]) == 2
    assert main([f"path={tmp_path}"]) == 2
    said = capsys.readouterr().err
    assert "spec_mtp" in said and "regressor" in said and "preprocessed_datasets" in said
    with pytest.raises(InputError, match="limit"):
        SingleViewEvaluationOptions(limit=0)
