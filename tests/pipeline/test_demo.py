"""`diffproxy demo`: the options it fits with, and what it prints."""

import json

import pytest

from diffproxy import commands
from diffproxy.__main__ import main
from diffproxy.pipeline.demo_summary import demo_summary


@pytest.fixture
def finished(tmp_path):
    """The folder of a finished run, as far as the summary reads it."""
    truth = {"mpjpe_mm": 24.31, "pa_mpjpe_mm": 19.5, "joints": "text"}
    metrics = {"frames": 1, "status": {"ok": 1}, "ground_truth": truth}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    (tmp_path / "report.html").write_text("")
    return tmp_path


def test_summary_names_the_error_and_the_files_that_exist(finished):
    text = demo_summary(finished)
    assert "24.3 mm  mean error" in text and "19.5 mm" in text and "1 ok" in text
    assert str(finished / "report.html") in text and "viewer.html" not in text


@pytest.mark.parametrize("words", [[], ["hands=false", "overwrite=false"]])
def test_demo_fits_the_shipped_rig(finished, monkeypatch, capsys, words):
    seen = []
    monkeypatch.setattr(commands, "fit", lambda given: seen.extend(given) or 0)
    assert main(["demo", *words, f"out={finished}"]) == 0
    assert (
        seen[0] == "rig=synthetic"
        and f"out={finished}" in seen
        and seen.count("overwrite=true") == (not words)
    )
    assert "Look at:" in capsys.readouterr().out


def test_failed_demo_says_nothing_more(monkeypatch, capsys):
    monkeypatch.setattr(commands, "fit", lambda given: 2)
    assert main(["demo"]) == 2 and "Look at" not in capsys.readouterr().out
