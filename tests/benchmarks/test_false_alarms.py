"""The benchmark of false alarms: what is disturbed; a subject that is good, one whose rig lies, and nobody."""

import json
import sys
from functools import partial

import numpy as np
import pytest

from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.fitting import FitConfig
from diffproxy.pipeline.generate_proxies import Generated
from diffproxy.proxies import render_proxies
from tests.evaluation.conftest import ring_of_four, shards_of  # noqa: F401
from tests.pipeline.conftest import oracle_of, params_of  # noqa: F401


@pytest.fixture
def script(load_benchmark):
    return load_benchmark("false_alarms")


def test_good_and_bad_rigs(script, shards_of, params_of, oracle_of, tmp_path, monkeypatch, capsys):  # noqa: F811
    quick = FitConfig(
        hands=False, max_pixels=300, num_restarts=1, num_initial_rotations=100, silhouette=False
    )
    options = partial(EvaluateOptions, hands=False, refine_crops=False)
    monkeypatch.setattr(script, "EvaluateOptions", options)
    monkeypatch.setattr(script, "fit_config", lambda *_: quick)
    bodies = [params_of(0)]
    oracle, out = oracle_of([*bodies, None], size=96), tmp_path / "rows.jsonl"
    monkeypatch.setattr(script.inputs, "open_generator", lambda *_: oracle)
    wrong = {k: script.DISTURBANCES[k] for k in ("positions times 1.5",)}
    monkeypatch.setattr(script, "DISTURBANCES", wrong)
    # grey of the second frame
    monkeypatch.setattr(script, "IMAGES", {"nobody": lambda image: 0 * image + 40})
    words = [f"shards={shards_of(bodies)}", "subjects=1", f"cache={tmp_path / 'proxies'}", f"out={out}"]
    monkeypatch.setattr(sys, "argv", ["false_alarms.py", *words])
    script.main()
    found = json.loads(capsys.readouterr().out)
    assert [*found] == ["good", *wrong, "nobody"] and all(row["count"] == 1 for row in found.values())
    assert found["good"]["status"] == {"ok": 1} and found["good"]["median error of ok, mm"] < 5
    assert found["nobody"]["status"] == {"no_person": 1} and found["nobody"]["not ok %"] == 100
    assert all("ok" not in found[kind]["status"] for kind in wrong)
    rows, calls = out.read_text(), oracle.calls
    script.main()  # nothing is left to do
    assert out.read_text() == rows and oracle.calls == calls


def test_disturbances_of_known_proxies(script, body, ring_of_four, params_of):  # noqa: F811
    """Twice exchanged or twice mirrored is what was there; a mirrored picture is of the mirrored person."""
    vertices = body(params_of(0)).vertices[0].detach().numpy()
    made = Generated(render_proxies(body, vertices, ring_of_four), ((0.0, 0.0, 128.0, 128.0),) * 4)
    for change in ("two views exchanged", "mirrored"):
        once = script.DISTURBANCES[change](made, body, 128.0)
        twice = script.DISTURBANCES[change](once, body, 128.0)
        np.testing.assert_array_equal(twice.maps.labels, made.maps.labels)
        np.testing.assert_allclose([c.K for c in twice.maps.cameras], [c.K for c in ring_of_four])
        if change == "two views exchanged":
            places = [c.center_world for c in once.maps.cameras[:2]]
            np.testing.assert_allclose(places, [c.center_world for c in ring_of_four[1::-1]])
    assert ((once.maps.labels > 0) == (made.maps.labels > 0)[..., ::-1]).all()
    same = script.DISTURBANCES["one image in all cameras"](made, body, 128.0)
    assert all((labels == made.maps.labels[0]).all() for labels in same.maps.labels)
    rolled = script.DISTURBANCES["one camera rolled by 6 degrees"](made, body, 128.0).maps.cameras
    turn = rolled[0].R_cam_world @ ring_of_four[0].R_cam_world.T
    assert np.degrees(np.arccos((np.trace(turn) - 1) / 2)) == pytest.approx(6)
    np.testing.assert_allclose(rolled[0].center_world, ring_of_four[0].center_world)
    scaled = script.DISTURBANCES["positions times 1.5"](made, body, 128.0).maps.cameras
    np.testing.assert_allclose(scaled[3].center_world, 1.5 * ring_of_four[3].center_world)
    for draw in script.IMAGES.values():
        assert draw(np.zeros((40, 60, 3), np.uint8)).shape == (40, 60, 3)
