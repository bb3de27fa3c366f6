"""The paper's table: its numbers, where ours go, and what is made only once."""

import pytest

from diffproxy.evaluation import table1, tables
from diffproxy.evaluation.table1 import PUBLISHED, draws_samples, main, table
from diffproxy.evaluation.table_files import METRICS
from diffproxy.evaluation.tables import SETTINGS, TableOptions
from diffproxy.generator import nano_config
from diffproxy.utils.errors import InputError


def test_published_numbers_are_complete():
    assert all(
        len(sets) == len(SETTINGS) and {len(s) for s in sets} == {len(METRICS)} for sets in PUBLISHED.values()
    )
    assert PUBLISHED["DiffProxy"][1] == (24.2, 33.7, 28.9, 35.1)  # RICH, last row of Table 1


def test_three_configurations_of_what_is_there(tmp_path, evaluate):
    (tmp_path / "data/dress4d").mkdir(parents=True)
    (tmp_path / "t").mkdir()
    options = TableOptions(path=str(tmp_path / "data"), models="m", out=str(tmp_path / "t"))
    text = table(options, ["limit=2"])
    assert len(evaluate) == 6 and all(c["limit"] == "2" and c["dataset.models"] == "m" for c in evaluate)
    assert (
        "| ours, full | 4.0 | 4.1 | 4.2 | 4.3 |" in text
        and "| ours, full | 14.0 | 14.1 | 14.2 | 14.3 |" in text
    )
    assert "| ours, full | - | - | - | - |" in text  # RICH is not there
    assert "| DiffProxy (published) | 16.6 | 20.5 | 23.3 | 25.6 |" in text
    rows = (tmp_path / "t/table1.csv").read_text().splitlines()
    assert {len(r.split(",")) for r in rows if "w/o HR" not in r and "ours" not in r} == {25}
    assert (tmp_path / "t/table1.tex").read_text().count(r"\\") == 2 + len(PUBLISHED) + 3
    assert table(options, ["limit=2"]) == text and len(evaluate) == 6  # not made again
    table(options, ["limit=3"])
    assert len(evaluate) == 12


def test_several_samples_of_a_generator_without_steps_are_drawn_in_four(
    tmp_path, evaluate, monkeypatch, caplog
):
    (tmp_path / "data/dress4d").mkdir(parents=True)
    (tmp_path / "t").mkdir()
    monkeypatch.setattr(table1, "draws_samples", lambda words: False)
    options = TableOptions(path=str(tmp_path / "data"), models="m", out=str(tmp_path / "t"))
    text = table(options, ["limit=2"])
    steps = [(c["samples"], c.get("generator.steps")) for c in evaluate]
    assert steps == [("1", None)] * 4 + [("3", "4")] * 2
    assert "| ours, full, steps=4 | 4.0 |" in text and "| ours, w/o TTS | 2.0 |" in text and not caplog.text
    text = table(options, ["limit=2", "generator.steps=0"])
    assert all(c["samples"] == "1" for c in evaluate[6:]) and len(evaluate) == 10
    assert "| ours, full | 4.0" not in text and "generator.steps=0" in caplog.text


def test_whether_a_generator_draws_samples(tmp_path):
    """Read from its configuration; there are no weights here."""
    words = ["limit=2", f"generator={tmp_path}"]
    for steps in (3, 0):
        nano_config().replace(steps=steps).save(tmp_path / "config.json")
        assert draws_samples(words) == bool(steps)
    assert draws_samples([*words, "generator.steps=4"]) and not draws_samples(["generator.steps=0"])
    assert isinstance(draws_samples([]), bool)  # the packaged one is found


def test_without_data_it_says_where_they_belong(tmp_path, capsys):
    with pytest.raises(InputError, match="mpi_inf_3dhp"):
        table(TableOptions(path=str(tmp_path)))
    assert main([f"path={tmp_path}"]) == 2 and main(["--help"]) == 0
    assert "Published numbers" in capsys.readouterr().out


def test_wrong_words_are_told_before_the_first_evaluation(tmp_path, evaluate, capsys):
    """`dataset.partial` is an option of the last row alone."""
    (tmp_path / "data/dress4d").mkdir(parents=True)
    own = [f"path={tmp_path / 'data'}", f"out={tmp_path / 't'}"]
    for words, said in (
        ([*own, "dataset.partial=1"], "dataset.partial once"),
        ([*own, "-m"], "leave -m out"),
        ([*own, "hydra.verbose=true"], "leave hydra.verbose=true out"),
        ([*own, "=3"], "an option that exists"),
        (["pth=/data"], "pth"),
        ([own[0], "out="], "out=DIR"),
    ):
        assert main(words) == 2
        assert said in capsys.readouterr().err
    assert not evaluate


def test_subjects_without_a_body_are_counted(tmp_path, evaluate, monkeypatch, caplog):
    (tmp_path / "data/moyo").mkdir(parents=True)
    (tmp_path / "t").mkdir()
    options = TableOptions(path=str(tmp_path / "data"), out=str(tmp_path / "t"))
    table(options)
    assert not caplog.text
    counts = {"subjects": 9, "status": {"ok": 5, "one_view": 1, "no_person": 2, "failed": 1}}
    monkeypatch.setattr(tables, "summary_of", lambda words, out: counts)
    assert "| ours, full | - | - | - | - |" in table(options)
    assert caplog.text.count("3 of 9 subjects have no body") == 3
