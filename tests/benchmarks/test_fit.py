"""The benchmarks of the fitter, each on one or two subjects: exact proxies give the body, noise is measured as such."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from diffproxy.calibration import CalibrationConfig
from diffproxy.fitting import FitConfig
from diffproxy.motion.clip import Motion
from diffproxy.motion.pose_bank.collect import Source

QUICK = {"max_pixels": 300, "num_restarts": 1, "num_initial_rotations": 100, "silhouette": False}


def test_exact_proxies_and_a_baseline(load_benchmark, tmp_path, monkeypatch, capsys):
    out = tmp_path / "fit.json"
    words = {"cases": "exact:3", "methods": "lm,sparse", "subjects": "1", "size": "96", "out": str(out)}
    script = load_benchmark("fit")
    monkeypatch.setattr(script, "FitConfig", partial(FitConfig, hands=False, **QUICK))
    script.main(words | {"calibration": "1"})
    ours, sparse = json.loads(out.read_text())["cases"]
    assert [c["method"] for c in (ours, sparse)] == ["lm", "sparse"]
    assert ours["summary"]["status"] == {"ok": 1} and ours["summary"]["mpjpe"] < 1
    assert 10 < sparse["summary"]["mpjpe"] < 150  # three pixels of 96 are some 6 cm
    assert ours["summary"].keys() == sparse["summary"].keys() and len(ours["calibration"]) == 5
    assert "MPVPE mm" in capsys.readouterr().out


def test_priors_where_an_arm_is_hidden(load_benchmark, monkeypatch, capsys):
    script = load_benchmark("prior")
    monkeypatch.setattr(script, "FitConfig", partial(FitConfig, **QUICK))
    script.main({"subjects": "1", "scenes": "clean,arm", "priors": "gaussian"})
    found = json.loads(capsys.readouterr().out)["mm"]
    clean, arm = (found[scene]["gaussian"] for scene in ("clean", "arm"))
    assert clean["mpjpe_mean"] < 1 < arm["mpjpe_mean"] < arm["hidden_mean"] and "hidden_mean" not in clean


def test_diagnostics_of_proxies_that_show_a_body_and_of_nonsense(
    load_benchmark, tmp_path, monkeypatch, capsys
):
    script, out = load_benchmark("doubt"), tmp_path / "doubt.json"
    monkeypatch.setattr(script, "KINDS", ("exact", "nonsense"))
    monkeypatch.setattr(script, "ANY", replace(script.ANY, hands=False, **QUICK))
    script.main({"subjects": "1", "out": str(out)})
    (exact,), (nonsense,) = json.loads(out.read_text())["rows"].values()
    assert exact["mpjpe_mm"] < 1 and exact["inlier_ratio"] > 0.95 and not exact["warned"]
    assert nonsense["robust_loss"] > 5 * exact["robust_loss"] and "mpjpe_mm" not in nonsense
    assert "nonsense | " in capsys.readouterr().out


def test_cameras_from_exact_proxies(load_benchmark, monkeypatch):
    words = ["rigs=1", "frames=1", "views=3", "size=96", "start=rough", "known=height"]
    script, quick = load_benchmark("calibrate"), FitConfig(hands=False, **QUICK)
    monkeypatch.setattr(
        script, "CalibrationConfig", partial(CalibrationConfig, max_pixels=100, iterations=6, fit=quick)
    )
    found = json.loads(json.dumps(script.main(words)))
    assert found["within_half_degree_and_1cm"] == found["within_1_degree"] == 1
    assert found["before_rigid_deg"]["worst"] > 2 and found["before_rigid_mm"]["worst"] > 30


def test_a_sequence_alone_and_together(load_benchmark, monkeypatch, capsys):
    """Somebody who stands still while being moved: all ways of fitting the exact proxies find it."""
    frames = 2
    pose = np.zeros((frames, 21, 3))
    pose[:, 15, 2], pose[:, 16, 2] = -0.9, 0.9
    transl = np.zeros((frames, 3))
    transl[:, 0] = 0.02 * np.arange(frames)
    clip = Motion(np.zeros((frames, 3)), pose.reshape(frames, 63), transl, 30.0, "clip_01")
    script = load_benchmark("sequence")
    monkeypatch.setattr(script, "collect_bodies", lambda folder: [Source(clip, "ours", "a")])
    monkeypatch.setattr(script, "FitConfig", partial(FitConfig, **QUICK))
    script.main({"motion": ".", "clip": "clip_", "frames": str(frames), "views": "2", "hands": "0"})
    found = json.loads(capsys.readouterr().out)
    assert (found["frames"], found["clip"], found["filled"]) == (frames, "clip_01", [])
    rows = {k: v for k, v in found["table"].items() if k != "truth"}
    assert len(rows) == 4 and all(r["frames_with_body"] == frames for r in rows.values())
    assert rows["each frame alone"]["mpjpe_mm"] < 1 and max(r["mpjpe_mm"] for r in rows.values()) < 3
    assert found["table"]["truth"]["foot_slide_cm_s"] == pytest.approx(60)  # 2 cm a frame
