"""The benchmarks of held-out subjects in their quick mode, and their arithmetic."""

import json

import numpy as np
import pytest

from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.evaluation.evaluate import run_evaluation
from diffproxy.pipeline.networks import Networks
from tests.evaluation.conftest import ring_of_four, shards_of  # noqa: F401
from tests.pipeline.conftest import oracle_of, params_of  # noqa: F401


def test_coverage_of_an_evaluation(load_benchmark, tmp_path, shards_of, params_of, oracle_of) -> None:  # noqa: F811
    bodies = [params_of(0)]
    path = tmp_path / "e.json"
    options = EvaluateOptions(shards=str(shards_of(bodies)), hands=False, refine_crops=False, out=str(path))
    run_evaluation(options, Networks(oracle_of(bodies, size=128)))
    script = load_benchmark("coverage")
    found = script.main([f"result={path}", f"out={tmp_path / 'c.json'}"])
    assert found["observed"]["joints"] == 22 and found["unobserved"]["joints"] == 0
    assert found["joints"]["left_knee"]["observed"]["joints"] == 1 and found["subjects"]["with a body"] == 1
    assert json.loads((tmp_path / "c.json").read_text())["observed"] == found["observed"]


def test_deviations_that_hold_are_covered_as_stated(load_benchmark) -> None:
    """Normal errors along one axis: 68 % and 95 %, factor one; half the deviation: factor two."""
    rng = np.random.default_rng(0)
    error = np.abs(rng.normal(0, 30, (500, 22)))
    seen = (rng.random((500, 22)) < 0.5).tolist()
    script = load_benchmark("coverage")
    for stated, factor in ((30.0, 1.0), (15.0, 2.0)):
        rows = [
            {"status": "ok", "unseen_named": True, "joint_error_mm": e, "joint_std_mm": [stated] * 22,
             "joint_observed": s}
            for e, s in zip(error.tolist(), seen, strict=True)
        ]  # fmt: skip
        found = script.tables(rows)
        for kind in ("observed", "unobserved"):
            assert found[kind]["factor"] == pytest.approx(factor, rel=0.05)
    assert found["observed"]["within_2_std"] == pytest.approx(0.683, abs=0.02)


def test_differences_are_paired(load_benchmark) -> None:
    """Subjects differ by far more than the generators: the paired error sees through it."""
    first = [{"key": f"k{i}", "mpjpe": 10.0 * i, "part_accuracy": 0.5} for i in range(5)]
    other = [{"key": f"k{i}", "mpjpe": 10.0 * i - 2, "part_accuracy": 0.6} for i in (4, 2, 0, 1)]
    other.append({"key": "k3", "status": "failed"})
    found = load_benchmark("generator_compare").compare(first, other)
    assert found["mpjpe"]["difference"] == -2 and found["mpjpe"]["standard_error"] == 0
    assert found["mpjpe"]["subjects"] == 4 and found["mpjpe"]["first"] == 17.5
    assert found["mpjpe"]["better"] == 1 and found["part_accuracy"]["better"] == 1


def test_evaluations_on_file_are_compared(load_benchmark, tmp_path) -> None:
    for name, value in (("a", 30.0), ("b", 24.0)):
        rows = [{"key": "k0", "mpjpe": value}, {"key": "k1", "mpjpe": value + 4}]
        (tmp_path / f"{name}.json").write_text(json.dumps({"subjects": rows}))
    report = load_benchmark("generator_compare").main(
        [f"results={tmp_path / 'a.json'},{tmp_path / 'b.json'}", f"out={tmp_path}"]
    )
    assert report["against_first"]["b"]["mpjpe"]["difference"] == -6
    assert json.loads((tmp_path / "compare.json").read_text()) == report
