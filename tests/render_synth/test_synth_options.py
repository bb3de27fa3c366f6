"""Options, help, and the contact sheet: what users type and read."""

from dataclasses import fields

import pytest

from diffproxy.utils.errors import InputError
from render_synth.cli import main
from render_synth.config import RenderConfig


def test_options_are_parsed_to_their_types():
    config = RenderConfig.parse(["subjects=3", "out=a=b", "split=test", "size=64"])
    assert (config.subjects, config.out, config.split, config.size) == (3, "a=b", "test", 64)
    assert RenderConfig.parse([]) == RenderConfig()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["subjets=3"], "key one of out, subjects"),
        (["subjects"], "options as key=value"),
        (["subjects=many"], "subjects: int"),
        (["subjects=2.5"], "subjects: int"),
        (["subjects=0"], "subjects >= 1"),
        (["seed=-1"], "seed >= 0"),
        (["start=-1"], "start >= 0"),
        (["max_bystanders=-2"], "max_bystanders >= 0"),
        (["hand_crops=-1"], "hand_crops >= 0"),
        (["size=16"], "size between 32 and 4096"),
        (["hand_size=8"], "hand_size between 32 and 4096"),
        (["max_depth=1"], "max_depth >= 2"),
        (["views=2", "full_frames=3"], "full_frames <= views"),
        (["split=val"], "split one of train, test"),
        (["extras=depth,shading"], "extras among depth, normals, visibility"),
        (["easy_fraction=1.5"], "easy_fraction between 0 and 1"),
        (["action_pose_fraction=-0.1"], "action_pose_fraction between 0 and 1"),
        (["random_orientation_fraction=2"], "random_orientation_fraction between 0 and 1"),
        (["variant=gpu"], "variant one of auto, scalar_rgb"),
        (["env=no/such/folder"], "env: a folder"),
    ],
)
def test_bad_options_are_refused_with_what_to_type(words, message, capsys):
    with pytest.raises(InputError, match=message) as caught:
        RenderConfig.parse(words)
    assert "fix: " in str(caught.value)
    assert main(words) == 2
    assert capsys.readouterr().err == f"error: {caught.value}\n"


def test_what_a_sample_looks_like_is_not_decided_by_where_and_how_many():
    free = {"out", "subjects", "start", "workers", "per_shard"}
    assert set(RenderConfig().content()) == {f.name for f in fields(RenderConfig)} - free


@pytest.mark.parametrize("words", [[], ["--help"], ["subjects=3", "-h"]])
def test_help_lists_every_option_with_its_default(words, capsys):
    assert main(words) == 0
    text = capsys.readouterr().out
    assert all(f"\n  {f.name}={f.default}" in text for f in fields(RenderConfig))
    assert max(len(line) for line in text.splitlines()) <= 100


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
