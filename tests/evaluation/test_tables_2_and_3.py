"""Tables 2 and 3: which configuration each row evaluates, and the published numbers beside them."""

from pathlib import Path

import pytest

from diffproxy.commands import evaluate_command
from diffproxy.evaluation import table2, table3
from diffproxy.evaluation.table2 import PUBLISHED, VARIANTS, Table2Options
from diffproxy.evaluation.table3 import Table3Options
from diffproxy.utils.errors import InputError


@pytest.fixture
def data(tmp_path):
    for name in ("behave", "moyo"):
        (tmp_path / "data" / name).mkdir(parents=True)
    return str(tmp_path / "data")


def test_published_numbers():
    assert PUBLISHED["w/o T2I-Adapter"] == [28.5, 41.5, 36.7, 48.4] and len(PUBLISHED) == 7
    assert table3.PUBLISHED["DP-FT (60ep)"] == [66.5, 88.8, 84.5, 111.4]


def test_table_2_has_a_row_for_each_network_and_each_kind_of_camera(data, tmp_path, evaluate, monkeypatch):
    for variant in ("full", *VARIANTS.values()):
        (tmp_path / "runs" / variant / "model").mkdir(parents=True)
    made = []
    monkeypatch.setattr(table2, "simulate", lambda options, folder, more: made.append(folder))
    out = tmp_path / "t"
    out.mkdir()
    options = Table2Options(path=data, out=str(out), variants=str(tmp_path / "runs"), predictions="simulated")
    text = table2.table(options, ["limit=1"])
    by = [(Path(c["generator"]).parent.name, c.get("cameras"), c.get("predictions")) for c in evaluate]
    assert by == [
        *((v, None, None) for v in VARIANTS.values()),
        ("full", "predicted", str(out / "predictions")),
        ("full", "none", None),
        ("full", None, None),
    ]
    assert made == [out / "predictions"] and all(c["dataset"] == "behave" for c in evaluate)
    assert "| w/o GT camera (published) | 25.9 | - | 37.3 | - |" in text
    assert all(f"| ours, {name} |" in text for name in (*VARIANTS, "predicted cameras (simulated)", "full"))
    assert table2.table(options, ["limit=1"]) == text and len(evaluate) == 8  # not made again
    (tmp_path / "runs/no_text/model").rmdir()
    with pytest.raises(InputError, match="no_text"):
        table2.table(options)


def test_without_networks_table_2_has_the_cameras_alone(data, tmp_path, evaluate):
    (tmp_path / "t").mkdir()
    text = table2.table(Table2Options(path=data, out=str(tmp_path / "t"), predictions="DIR"))
    assert [c.get("cameras") for c in evaluate] == ["predicted", "none", None]
    assert "| ours, predicted cameras |" in text and not any("generator" in c for c in evaluate)


def test_table_3_compares_the_dense_head_with_samples(data, tmp_path, evaluate):
    (tmp_path / "t").mkdir()
    text = table3.table(Table3Options(path=data, out=str(tmp_path / "t"), weights="DIR"))
    assert [(c.get("generator"), c["samples"]) for c in evaluate] == [
        ("dense_head", "1"), (None, "1"), (None, "3"),
    ]  # fmt: skip
    assert "| ours, dense regression head |" in text and "| DensePose (published) | 67.6 |" in text
    assert (tmp_path / "t/table3.tex").read_text().count("multicolumn") == 1


def test_the_dense_head_is_a_configuration():
    assert evaluate_command().compose(["generator=dense_head"]).generator.steps == 0


@pytest.mark.parametrize("module", [table2, table3])
def test_wrong_words_are_explained(module, data, capsys):
    assert module.main([f"path={data}", "dataset=humans"]) == 2
    assert module.main(["path=/nowhere"]) == 2
    assert "behave in path" in (err := capsys.readouterr().err) or "moyo in path" in err
