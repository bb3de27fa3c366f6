"""Reports are made once, and again when something that they were made from is another."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from diffproxy.evaluation.config import DatasetOption, EvaluateOptions
from diffproxy.evaluation.evaluate import evaluation_stamp
from diffproxy.evaluation.kept_report import kept_report
from diffproxy.evaluation.protocol import ProtocolOption
from diffproxy.pipeline.model_options import BodyOption

RICH = DatasetOption("rich", path="/data/rich")


@pytest.fixture
def report(tmp_path):
    """Factory: the number of times that the report was made, with these words."""
    out, made = tmp_path / "r.json", []

    def make(words):
        made.append(words)
        Path(words[0].removeprefix("out=")).write_text(json.dumps({"summary": {}}))

    def times(*words):
        assert kept_report(words, out, make) == {"summary": {}}
        return len(made)

    return times


def test_equal_words_and_files_make_it_once(report):
    assert report("limit=2") == 1 and report("limit=2") == 1 and report("limit=3") == 2


@pytest.mark.parametrize("pattern", ["", "/s*.tar"])
def test_changed_shards_are_noticed(tmp_path, pattern):
    shard = tmp_path / "s.tar"
    shard.write_bytes(b"one")
    options = EvaluateOptions(shards=f"{tmp_path}{pattern}")
    stamps = [evaluation_stamp(options), evaluation_stamp(options)]
    os.utime(shard, ns=(0, 0))
    stamps.append(evaluation_stamp(options))
    (tmp_path / "s2.tar").write_bytes(b"two")
    stamps.append(evaluation_stamp(options))
    assert stamps[0] == stamps[1] and len({*stamps}) == 3


@pytest.mark.parametrize(
    "options",
    [
        lambda path: EvaluateOptions(dataset=RICH, protocol=ProtocolOption("h36m14", regressor=path)),
        lambda path: EvaluateOptions(dataset=RICH, protocol=ProtocolOption(smplx2smpl=path)),
        lambda path: EvaluateOptions(body=BodyOption(path)),
    ],
)
def test_changed_models_are_noticed(tmp_path, options):
    stamps = set()
    for number in (1, 2):
        np.save(tmp_path / "m.npy", np.eye(number))
        stamps.add(evaluation_stamp(options(str(tmp_path / "m.npy"))))
    assert len(stamps) == 2


def test_changed_inputs_make_it_again(report, monkeypatch):
    assert report() == 1
    monkeypatch.setattr("diffproxy.evaluation.kept_report.inputs_of", lambda words: "others")
    assert report() == 2 and report() == 2


@pytest.mark.parametrize("name", ["r.json", "r.words.json"])
@pytest.mark.parametrize("content", ["{", "", "[]", "{}", '{"summary": {"mpjpe": {"mean": 1.0}}}'])
def test_a_damaged_one_is_made_again(report, tmp_path, monkeypatch, name, content):
    monkeypatch.setattr("diffproxy.evaluation.kept_report.inputs_of", lambda words: "")
    assert report() == 1
    (tmp_path / name).write_text(content)
    assert report() == 2 and report() == 2
