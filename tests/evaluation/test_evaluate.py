"""Evaluation on tiny shards whose truth is known: exact proxies, an oracle, and the arithmetic of the report."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from diffproxy.evaluation.config import DatasetOption, EvaluateOptions
from diffproxy.evaluation.datasets import open_dataset
from diffproxy.evaluation.datasets.subject import PendingSubject
from diffproxy.evaluation.evaluate import one_line, run_evaluation, summarise
from diffproxy.evaluation.evaluate_subject import resample
from diffproxy.pipeline.ground_truth_errors import frame_errors, mean_errors
from diffproxy.pipeline.networks import Networks
from diffproxy.pipeline.results import FrameResult, params_to_arrays
from diffproxy.proxies import render_proxies
from diffproxy.utils.errors import InputError
from diffproxy.utils.processes import Processes

pytestmark = pytest.mark.usefixtures("fits_computed_once")


def test_exact_proxies_isolate_the_fitter(tmp_path, shards_of, params_of) -> None:
    out = tmp_path / "e.json"
    options = EvaluateOptions(
        shards=str(shards_of([params_of(0)])), proxies="exact", hands=False, out=str(out)
    )
    report = run_evaluation(options)
    row = report["subjects"][0]
    assert row["status"] == "ok" and row["mpjpe"] < 5 and row["pa_mpjpe"] <= row["mpjpe"] + 1
    assert row["part_accuracy"] == 1 and row["foreground_iou"] == 1
    assert json.loads(out.read_text())["summary"]["mpjpe"]["mean"] == report["summary"]["mpjpe"]["mean"]


def test_oracle_on_images(tmp_path, shards_of, params_of, oracle_of) -> None:
    bodies = [params_of(0), params_of(1)]
    where = str(shards_of(bodies))
    options = EvaluateOptions(
        shards=where, hands=False, refine_crops=False, views=3, out=str(tmp_path / "e.json")
    )
    summary = run_evaluation(options, Networks(oracle_of(bodies, size=128)))["summary"]
    assert summary["status"] == {"ok": 2} and summary["mpjpe"]["mean"] < 5
    assert summary["part_accuracy"]["mean"] == 1 and summary["foreground_iou"]["mean"] == 1
    assert summary["surface_median_mm"]["mean"] < 0.1
    nobody = run_evaluation(replace(options, limit=1), Networks(oracle_of([None], size=64)))["summary"]
    assert nobody["status"] == {"no_person": 1} and "mpjpe" not in nobody


def test_whole_frames_need_full_views(shards_of, params_of, body, tmp_path) -> None:
    options = EvaluateOptions(
        shards=str(shards_of([params_of(0)])), images="full", out=str(tmp_path / "e.json")
    )
    with pytest.raises(InputError, match="full_frames=4"):
        next(open_dataset(options, body)).load()
    with pytest.raises(InputError, match="synthetic"):
        next(open_dataset(replace(options, dataset=DatasetOption("other")), body))


def test_other_topology_is_refused(shards_of, params_of, tmp_path, monkeypatch) -> None:
    from diffproxy.evaluation.datasets import synthetic

    where = str(shards_of([params_of(0)]))
    read = synthetic.read

    def others(options):
        for pending in read(options):
            yield PendingSubject(pending.key, lambda s=pending: replace(s.load(), topology="other"))

    monkeypatch.setattr(synthetic, "read", others)
    with pytest.raises(InputError, match="other"):
        run_evaluation(EvaluateOptions(shards=where, proxies="exact", out=str(tmp_path / "e.json")))


def test_a_folder_as_out_is_refused_before_any_work(tmp_path) -> None:
    with pytest.raises(InputError, match="a file to write"):
        run_evaluation(EvaluateOptions(shards="nowhere", out=str(tmp_path)))


def test_resampling_to_the_same_grid_is_exact(body, make_ring, params_of) -> None:
    cameras = make_ring(2, size=96)
    with torch.no_grad():
        maps = render_proxies(body, body(params_of(0)).vertices[0].numpy(), cameras)
    labels, uv = resample(maps, 1, cameras[1])
    assert np.array_equal(labels, maps.labels[1]) and np.array_equal(uv, maps.uv[1])
    shifted, _ = resample(maps, 1, cameras[1].crop((10.0, 20.0, 106.0, 116.0), (96, 96)))
    assert np.array_equal(shifted[:76, :86], maps.labels[1][20:, 10:]) and shifted[76:].max() == 0


def test_frame_errors_are_millimetres(body, params_of) -> None:
    """10 mm to the side: world errors 10 mm, aligned errors nothing."""
    params = params_of(0)
    moved = replace(params, transl=params.transl + torch.tensor([[0.01, 0.0, 0.0]]))
    records = []
    for p in (params, moved):
        joints = body.joints(p)[0].numpy()
        records.append(FrameResult(0, "ok", params=params_to_arrays(p), joints=joints))
    errors = frame_errors(records[1], records[0], body)
    assert errors["mpjpe"] == pytest.approx(10, abs=1e-3) and errors["mpvpe"] == pytest.approx(10, abs=1e-3)
    for region in ("head", "trunk", "arms", "hands", "legs", "feet"):
        assert errors[f"mpvpe_{region}"] == pytest.approx(10, abs=1e-3)
    for key in ("ra_mpjpe", "pa_mpjpe", "ra_mpvpe", "pa_mpvpe", "hand_mpjpe"):
        assert errors[key] == pytest.approx(0, abs=1e-3)
    assert mean_errors([errors, errors])["mpjpe_mm"] == pytest.approx(10, abs=1e-3)


def test_summary_skips_failures_and_says_so() -> None:
    rows = [
        {"key": "a", "status": "ok", "views": 4, "mpjpe": 10.0, "pa_mpjpe": 5.0, "seconds": 1.0},
        {"key": "b", "status": "ok", "views": 4, "mpjpe": 20.0, "pa_mpjpe": 7.0, "seconds": 2.0},
        {"key": "c", "status": "no_person", "views": 4, "seconds": 3.0},
    ]
    summary = summarise(rows)
    assert summary["mpjpe"] == {"mean": 15.0, "median": 15.0} and summary["seconds"]["mean"] == 2.0
    line = one_line(EvaluateOptions(), summary)
    assert "MPJPE 15.0 (PA 6.0)" in line and "1 without a body" in line and "\n" not in line


def test_a_stopped_evaluation_goes_on_where_it_stopped(tmp_path, shards_of, params_of, monkeypatch) -> None:
    """Nothing is fitted twice, the report is that of one run, and other options start anew."""
    import diffproxy.evaluation.evaluate_subject as evaluate_subject

    shards, fit, fitted = str(shards_of([params_of(k) for k in range(3)])), evaluate_subject.fit_frame, []
    options = EvaluateOptions(shards=shards, proxies="exact", hands=False, out=str(tmp_path / "e.json"))
    whole = run_evaluation(replace(options, out=str(tmp_path / "whole.json")))

    def stops(*args, **more):
        fitted.append(1)
        if len(fitted) == 3:
            raise KeyboardInterrupt
        return fit(*args, **more)

    monkeypatch.setattr(evaluate_subject, "fit_frame", stops)
    with pytest.raises(KeyboardInterrupt):
        run_evaluation(options)
    partial = tmp_path / "e.partial.0.jsonl"
    assert len(partial.read_text().splitlines()) == 3
    with partial.open("a") as file:
        file.write('{"key": "k2", "sta')  # the line that was being written
    report = run_evaluation(options)
    assert len(fitted) == 4 and not partial.exists()
    timed = ("seconds", "stages")
    rows = [[{k: v for k, v in r.items() if k not in timed} for r in x["subjects"]] for x in (whole, report)]
    assert rows[0] == rows[1]
    fitted[:] = [1] * 2
    with pytest.raises(KeyboardInterrupt):
        run_evaluation(replace(options, seed=1))
    fitted[:] = [1] * 10
    run_evaluation(replace(options, seed=2, limit=1))
    assert len(fitted) == 11


def test_a_fit_that_does_not_converge_is_one_failed_subject(
    tmp_path, shards_of, params_of, monkeypatch
) -> None:
    import diffproxy.evaluation.evaluate_subject as evaluate_subject

    fit, calls = evaluate_subject.fit_frame, []

    def breaks(*args, **more):
        calls.append(1)
        if len(calls) == 1:
            raise np.linalg.LinAlgError("Singular matrix")
        return fit(*args, **more)

    monkeypatch.setattr(evaluate_subject, "fit_frame", breaks)
    where = str(shards_of([params_of(0), params_of(1)]))
    report = run_evaluation(
        EvaluateOptions(shards=where, proxies="exact", hands=False, out=str(tmp_path / "e.json"))
    )
    assert report["summary"]["status"] == {"failed": 1, "ok": 1}


def test_two_processes_give_the_report_of_one(tmp_path, shards_of, params_of, monkeypatch) -> None:
    """Each fits its share; the first one, which ends last here, writes the report in the data set's order."""
    shards = str(shards_of([params_of(k) for k in range(3)]))
    options = EvaluateOptions(shards=shards, proxies="exact", hands=False, out=str(tmp_path / "e.json"))
    whole = run_evaluation(replace(options, out=str(tmp_path / "whole.json")))
    monkeypatch.setattr(Processes, "wait_for_all", lambda self: None)
    monkeypatch.setattr(Processes, "current", staticmethod(lambda: Processes(1, 2)))
    assert run_evaluation(options) == {} and not (tmp_path / "e.json").exists()
    assert len((tmp_path / "e.partial.1.jsonl").read_text().splitlines()) == 2
    monkeypatch.setattr(Processes, "current", staticmethod(lambda: Processes(0, 2)))
    report = run_evaluation(options)
    keys = [[r["key"] for r in x["subjects"]] for x in (whole, report)]
    assert keys[0] == keys[1] and report["summary"]["mpjpe"] == whole["summary"]["mpjpe"]
    assert not list(tmp_path.glob("*.partial.*"))
