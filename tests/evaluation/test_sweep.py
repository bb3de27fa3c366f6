"""Errors by number of samples or views: one evaluation each, made once."""

import pytest

from diffproxy.evaluation.sweep import SweepOptions, main, sweep
from diffproxy.utils.errors import InputError


def test_each_number_is_evaluated_once(tmp_path, evaluate):
    options = SweepOptions(samples="3,1,3", out=str(tmp_path))
    text = sweep(options, ["limit=2"])
    assert text.split() == ["samples,PA-MPJPE,MPJPE,PA-MPVPE,MPVPE", "1,1.0,1.1,1.2,1.3", "3,3.0,3.1,3.2,3.3"]
    assert [(c["samples"], c["limit"]) for c in evaluate] == [("1", "2"), ("3", "2")]
    assert (tmp_path / "sweep.csv").read_text().split() == text.split()
    drawn = (tmp_path / "sweep.svg").read_text()
    assert "PA-MPVPE</tspan>" in drawn and ">samples 3</text>" in drawn and drawn.count("<circle") == 2 * 4
    assert sweep(options, ["limit=2"]) == text and len(evaluate) == 2
    sweep(SweepOptions(views="2", out=str(tmp_path)), ["limit=2"])
    assert evaluate[2:] == [{"out": str(tmp_path / "views-2.json"), "views": "2", "limit": "2"}]


def test_views_that_the_data_do_not_have_are_refused(tmp_path, monkeypatch):
    """Else the row of eight views would be that of three once more."""
    monkeypatch.setattr(
        "diffproxy.evaluation.sweep.summary_of",
        lambda words, out: {"views": {"mean": min(int(words[0][6:]), 3)}},
    )
    assert sweep(SweepOptions(views="2,3", out=str(tmp_path))).split()[1:] == ["2,-,-,-,-", "3,-,-,-,-"]
    with pytest.raises(InputError, match="8 views of every subject"):
        sweep(SweepOptions(views="2,8", out=str(tmp_path)))


def test_one_of_the_two_has_numbers(capsys):
    for wrong in ({}, {"samples": "1", "views": "2"}, {"views": "0,1"}, {"samples": "1,x"}):
        with pytest.raises(InputError, match=r"samples|views"):
            SweepOptions(**wrong)
    assert main(["--help"]) == 0 and "Figs. 7 and 8" in capsys.readouterr().out
