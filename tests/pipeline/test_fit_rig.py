"""From a rig folder to result.npz with a generator that knows the truth; resume, kill, truncation, nobody there."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diffproxy.export import load_result
from diffproxy.pipeline.config import SaveOptions, SolverOption
from diffproxy.pipeline.fit_rig import run_fit
from diffproxy.utils.errors import InputError

ROOT = Path(__file__).resolve().parents[2]


def test_exact_proxies_give_the_body_back(body, rig_of, oracle_of, params_of, options_of) -> None:
    truth = params_of(3)
    out = run_fit(options_of(rig_of(), refine_crops=True, hands=True), ROOT, oracle_of([truth], size=128))
    arrays = load_result(out / "result.npz")
    error = np.linalg.norm(arrays.joints[0] - body.joints(truth)[0].numpy(), axis=-1)[:22].mean()
    assert error < 0.005
    assert arrays.status.tolist() == ["ok"] and arrays.frame_ids.tolist() == [0]
    assert arrays.joint_std.shape == (1, 55) and arrays.params["body_pose"].shape == (1, 63)
    assert arrays.meta["body"]["topology"] == body.topology_id and arrays.meta["up_axis"] == "+Y"
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["silhouette_iou"] > 0.9 and metrics["residual_mm"] < 5
    assert {"cam0", "cam1", "cam2", "cam0/left_hand"} <= set(metrics["views"]) and metrics["seconds"][
        "fit"
    ] > 0


def test_second_run_computes_nothing(rig_of, oracle_of, params_of, options_of) -> None:
    pipe = oracle_of([params_of(0), params_of(0, 0.05)])
    options = options_of(rig_of(2))
    out = run_fit(options, ROOT, pipe)
    calls, first = pipe.calls, (out / "result.npz").read_bytes()
    run_fit(options, ROOT, pipe)
    assert pipe.calls == calls and (out / "result.npz").read_bytes() == first


def test_killed_run_goes_on(rig_of, oracle_of, params_of, options_of) -> None:
    bodies = [params_of(0, 0.04 * k) for k in range(3)]
    options = options_of(rig_of(3), track=False)
    with pytest.raises(KeyboardInterrupt):
        run_fit(options, ROOT, oracle_of(bodies, fail_after=2))
    pipe = oracle_of(bodies)
    out = run_fit(options, ROOT, pipe)
    assert pipe.calls == 1
    arrays = load_result(out / "result.npz")
    assert arrays.frame_ids.tolist() == [0, 1, 2] and set(arrays.status) == {"ok"}
    assert not list(out.rglob("*.tmp"))


def test_truncated_frame_is_computed_again(rig_of, oracle_of, params_of, options_of) -> None:
    bodies = [params_of(0), params_of(0, 0.05)]
    options = options_of(rig_of(2), track=False)
    out = run_fit(options, ROOT, oracle_of(bodies))
    before = load_result(out / "result.npz")
    path = out / "frames" / "000001.npz"
    path.write_bytes(path.read_bytes()[:500])
    pipe = oracle_of(bodies)
    run_fit(options, ROOT, pipe)
    after = load_result(out / "result.npz")
    assert pipe.calls == 1 and np.array_equal(before.joints, after.joints)


def test_changed_options_ask_for_overwrite(rig_of, oracle_of, params_of, options_of) -> None:
    options, pipe = options_of(rig_of()), oracle_of([params_of(0)])
    run_fit(options, ROOT, pipe)
    with pytest.raises(InputError, match=r"seed: 0 before, 1 now"):
        run_fit(replace(options, seed=1), ROOT, pipe)
    run_fit(replace(options, seed=1, overwrite=True), ROOT, pipe)
    other = replace(
        options, seed=1, save=SaveOptions(mesh="none", overlay=False, report=False, vertices=True)
    )
    out = run_fit(other, ROOT, pipe)  # what is saved does not change the fit
    arrays = load_result(out / "result.npz")
    assert arrays.vertices.shape[0] == 1


def test_frames_without_a_person_are_recorded(rig_of, oracle_of, params_of, options_of) -> None:
    bodies = [params_of(0), None, params_of(0, 0.05)]
    out = run_fit(options_of(rig_of(3)), ROOT, oracle_of(bodies))
    arrays = load_result(out / "result.npz")
    assert arrays.status.tolist() == ["ok", "no_person", "ok"]
    assert np.isnan(arrays.joints[1]).all() and "foreground" in arrays.reason[1]
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["status"] == {"ok": 2, "no_person": 1} and "1" in metrics["not_ok"]


def test_nobody_in_any_frame_still_writes_a_result(rig_of, oracle_of, options_of) -> None:
    out = run_fit(options_of(rig_of()), ROOT, oracle_of([None]))
    arrays = load_result(out / "result.npz")
    assert arrays.status.tolist() == ["no_person"] and np.isnan(arrays.params["betas"]).all()


def test_one_view_says_so(rig_of, oracle_of, params_of, options_of) -> None:
    out = run_fit(options_of(rig_of(), views="cam1"), ROOT, oracle_of([params_of(0)]))
    arrays = load_result(out / "result.npz")
    assert arrays.status.tolist() == ["one_view"] and np.isfinite(arrays.joints).all()


def test_saved_proxies_alone(body, rig_of, oracle_of, params_of, options_of, tmp_path) -> None:
    rig = rig_of(2)
    out = run_fit(options_of(rig), ROOT, oracle_of([params_of(0), params_of(1)], size=128))
    again = options_of(rig, proxies=str(out / "proxies"), out=str(tmp_path / "again"), frames="1")
    arrays = load_result(run_fit(again, ROOT) / "result.npz")
    assert arrays.frame_ids.tolist() == [1]
    error = np.linalg.norm(arrays.joints[0] - body.joints(params_of(1))[0].numpy(), axis=-1)[:22].mean()
    assert error < 0.005


def test_shared_shape(rig_of, oracle_of, params_of, options_of) -> None:
    bodies = [params_of(k, 0.05 * k) for k in range(3)]
    options = options_of(rig_of(3), shape="shared")
    arrays = load_result(run_fit(options, ROOT, oracle_of(bodies)) / "result.npz")
    assert np.ptp(arrays.params["betas"], axis=0).max() == 0


def test_missing_rig_and_unknown_setting(rig_of, oracle_of, options_of, tmp_path) -> None:
    with pytest.raises(InputError, match="a rig folder"):
        run_fit(options_of(tmp_path / "nowhere"), ROOT, oracle_of([]))
    options = options_of(rig_of(), solver=SolverOption("lm", {"max_pixel": 3}))
    with pytest.raises(InputError, match="max_pixels"):
        run_fit(options, ROOT, oracle_of([]))
    with pytest.raises(InputError, match="a camera of"):
        run_fit(options_of(tmp_path / "rig", views="cam9"), ROOT, oracle_of([]))


def test_frames_that_help_each_other(body, rig_of, oracle_of, params_of, options_of) -> None:
    bodies = [params_of(0, 0.01 * k) for k in range(4)]
    shown = [bodies[0], None, *bodies[2:]]
    options = options_of(rig_of(4), smooth=1.0, ground="auto")
    pipe = oracle_of(shown)
    out = run_fit(options, ROOT, pipe)
    arrays = load_result(out / "result.npz")
    assert arrays.status.tolist() == ["ok", "filled", "ok", "ok"] and "neighbours" in arrays.reason[1]
    assert np.ptp(arrays.params["betas"], axis=0).max() < 1e-6
    truth = np.stack([body.joints(b)[0].numpy() for b in bodies])
    assert np.linalg.norm(arrays.joints - truth, axis=-1)[:, :22].mean() < 0.008
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["jitter_mm"] < 5 and metrics["foot_slide_cm_s"] < 100
    assert metrics["sequence"]["filled"] == [1] and "ground_m" in metrics["sequence"]
    calls = pipe.calls
    run_fit(options, ROOT, pipe)
    assert load_result(out / "result.npz").status.tolist() == arrays.status.tolist()
    run_fit(replace(options, smooth=3.0), ROOT, pipe)  # the first pass is not repeated
    assert pipe.calls == calls
