"""Options, help, and the contact sheet: what users type and read."""

import re
from dataclasses import fields

import pytest

from diffproxy.utils.errors import InputError
from diffproxy.utils.options import parse_options
from render_synth.cli import main
from render_synth.config import RenderConfig
from render_synth.launch import LaunchOptions


def test_options_are_parsed_to_their_types():
    config = parse_options(RenderConfig, ["subjects=3", "out=a=b", "split=test", "size=64"])
    assert (config.subjects, config.out, config.split, config.size) == (3, "a=b", "test", 64)
    assert parse_options(RenderConfig, []) == RenderConfig()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["subjets=3"], "did you mean subjects"),
        (["subjects"], "options as name=value"),
        (["subjects=many"], "subjects as a whole number"),
        (["subjects=2.5"], "subjects as a whole number"),
        (["subjects=0"], "subjects of at least 1"),
        (["seed=-1"], "seed of at least 0"),
        (["start=-1"], "start of at least 0"),
        (["max_bystanders=-2"], "max_bystanders of at least 0"),
        (["hand_crops=-1"], "hand_crops of at least 0"),
        (["size=16"], "size between 32 and 4096"),
        (["hand_size=8"], "hand_size between 32 and 4096"),
        (["body_crops=false", "full_frames=0", "hand_crops=0"], "views of some kind"),
        (["max_depth=1"], "max_depth of at least 2"),
        (["views=100000000"], "views between 0 and 1000"),
        (["hand_crops=5000"], "hand_crops between 0 and 1000"),
        (["views=2", "full_frames=3"], "full_frames <= views"),
        (["split=val"], "split as one of train, test"),
        (["extras=depth,shading"], "extras among depth, normals, visibility"),
        (["easy_fraction=1.5"], "easy_fraction between 0 and 1"),
        (["action_pose_fraction=-0.1"], "action_pose_fraction between 0 and 1"),
        (["random_orientation_fraction=2"], "random_orientation_fraction between 0 and 1"),
        (["variant=gpu"], "variant as one of auto, scalar_rgb"),
        (["env=no/such/folder"], "env: a folder"),
    ],
)
def test_bad_options_are_refused_with_what_to_type(words, message, capsys):
    with pytest.raises(InputError, match=message) as caught:
        parse_options(RenderConfig, words)
    assert "fix: " in str(caught.value)
    assert main(words) == 2
    assert capsys.readouterr().err == f"error: {caught.value}\n"


def test_a_misspelt_command_is_told_from_an_option(capsys):
    assert main(["relabl", "shards"]) == 2 and "did you mean relabel?" in capsys.readouterr().err


def test_what_a_sample_looks_like_is_not_decided_by_where_and_how_many():
    free = {"out", "subjects", "start", "workers", "per_shard"}
    assert set(RenderConfig().content()) == {f.name for f in fields(RenderConfig)} - free


@pytest.mark.parametrize("words", [[], ["--help"], ["subjects=3", "-h"]])
def test_help_lists_every_option_with_its_default(words, capsys):
    assert main(words) == 0
    text = capsys.readouterr().out
    options = {m[1]: m[2] for m in re.finditer(r"^  (\w+)=(\S+ .*(?:\n {30}.*)*)", text, re.MULTILINE)}
    assert {*options} == {f.name for f in (*fields(RenderConfig), *fields(LaunchOptions))}
    for f in fields(RenderConfig):
        assert f.default == "" or options[f.name].endswith(f"({str(f.default).lower()})"), f.name
    assert max(len(line) for line in text[text.index("Input\n") :].splitlines()) <= 100


def test_changed_options_are_told_on_the_command_line(rendered, tiny, capsys):
    content = tiny(rendered, samples_per_pixel=3).content()
    words = [f"{k}={v}" for k, v in content.items()]
    assert main([*words, f"out={rendered}", "subjects=3"]) == 2
    assert "samples_per_pixel=3 (was 1)" in capsys.readouterr().err


def test_an_interrupted_run_says_how_to_go_on(monkeypatch, capsys):
    def interrupted(config):
        raise KeyboardInterrupt

    monkeypatch.setattr("render_synth.run.run", interrupted)
    assert main(["subjects=1"]) == 130
    assert "resume" in capsys.readouterr().err
