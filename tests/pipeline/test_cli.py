"""The entry points' manners: friendly words in, one readable message out, exit code 2."""

import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from diffproxy.cli import ProgressBarHandler, check, friendly_overrides
from diffproxy.commands import evaluate_command, fit_command, people_finder
from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.pipeline.config import FitOptions
from diffproxy.pipeline.model_options import SharedOptions, SolverOption
from diffproxy.training.cli import TRAIN
from diffproxy.utils.errors import InputError
from diffproxy.utils.extras import require_extra
from diffproxy.utils.options import option_types, parse_options
from diffproxy.utils.subcommand import WIDTH, help_text

ROOT = Path(__file__).resolve().parents[2]
CONF = ROOT / "conf"
PATHS = {"rig": "folder.path", "body": "file.path", "generator": "weights.weights"}


def _words(*argv: str) -> list[str]:
    return friendly_overrides(list(argv), FitOptions, CONF, PATHS)


def _compose(*argv: str):
    from hydra import compose, initialize_config_dir
    from hydra.core.config_store import ConfigStore

    ConfigStore.instance().store(name="fit_schema", node=FitOptions)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return OmegaConf.to_object(compose("fit", _words(*argv)))


def test_defaults_are_those_of_the_dataclass() -> None:
    assert _compose() == FitOptions()


def test_text_needs_no_quotes() -> None:
    assert _compose("frames=3,7,9").frames == "3,7,9"
    assert _compose("frames=0:100:10").frames == "0:100:10"
    assert _compose("frames=40").frames == "40"
    assert _compose("out=my results/it's (1)").out == "my results/it's (1)"
    assert _compose("views=cam01,cam03").views == "cam01,cam03"
    assert _compose("boxes='full'").boxes == "full"


def test_groups_take_presets_or_paths(tmp_path) -> None:
    assert _compose("rig=pose2sim").rig.prepare == "pose2sim"
    assert _compose(f"rig={tmp_path}").rig.path == str(tmp_path)
    assert _compose("body=models/SMPLX_NEUTRAL.npz").body.path == "models/SMPLX_NEUTRAL.npz"
    assert _compose("generator=someone/some-model").generator.weights == "someone/some-model"
    assert _compose("solver=adam").solver.name == "adam"


def test_nested_and_free_settings() -> None:
    options = _compose("save.mesh=ply", "solver.settings.max_pixels=500", "hands=false", "samples=3")
    assert options.save.mesh == "ply" and options.solver.settings == {"max_pixels": 500}
    assert options.hands is False and options.samples == 3


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("smaples=3", "did you mean samples"),
        ("save.mehs=ply", "did you mean save.mesh"),
        ("rigs=pose2sim", "did you mean rig"),
        ("rig=pose2sm", "did you mean rig=pose2sim"),
        ("solver=lbfgs", "solver as one of adam, lm"),
        ("frames", "write frames="),
        ("take1,take2", "write NAME=take1,take2"),
        (str(CONF), f"write rig={CONF}"),
        ("--rig=/data/x", "write rig=/data/x"),
        ("--save.mesh", "write save.mesh=..."),
        ("fps=29,97", "write fps=29.97"),
        ("fps=25fps", "as fps=25, in the unit"),
        ("smooth=strong", "smooth as a finite number"),
        ("samples=1.5", "samples as a whole number"),
        ("hands=maybe", "hands as true or false"),
        ("out=~nosuchuser/x", "write the path in full"),
        ("rig=~nosuchuser/x", "write the path in full"),
        ("hydra_typo=1x", None),
    ],
)
def test_misspelt_options_are_named(word: str, hint: str | None) -> None:
    if hint is None:
        assert _words(word) == [word]  # Hydra's own settings are Hydra's business
        return
    with pytest.raises(InputError, match=hint):
        _words(word)


@pytest.mark.parametrize(
    "word", ["samples=three", "hands=maybe", "save.mesh=1", "solver.name=sgd", "samples=0"]
)
def test_wrong_values_are_input_errors(word: str) -> None:
    with pytest.raises(InputError):
        words = _words(word)
        check(words, "fit", CONF)
        _compose(word)


def test_yes_and_no_are_values_as_well() -> None:
    assert [_compose(f"hands={value}").hands for value in ("no", "1", "OFF", "yes")] == [
        False,
        True,
        False,
        True,
    ]
    assert not parse_options(EvaluateOptions, ["hands=no"]).hands


def test_an_option_with_two_values_is_refused() -> None:
    for words in (
        ["seed=1", "seed=2"],
        ["rig=/tmp", "rig.path=/"],
        ["solver.settings.a=1", "+solver.settings.a=2"],
    ):
        with pytest.raises(InputError, match="once"):
            _words(*words)


def test_choices_name_the_alternatives() -> None:
    with pytest.raises(InputError, match="per_frame, shared"):
        FitOptions(shape="one")
    with pytest.raises(InputError, match="solver"):
        FitOptions(solver=SolverOption("sgd"))
    with pytest.raises(InputError, match="samples"):
        FitOptions(samples=0)


def test_flags_and_their_values_pass_through() -> None:
    assert _words("--cfg", "job", "-m") == ["--cfg", "job", "-m"]
    assert _words("--cfg", "job", "frames=1,2") == ["--cfg", "job", "frames='1,2'"]
    assert _words("-m", "samples=1,2", "frames=3") == ["-m", "samples=1,2", "frames=3"]


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("name", ["fps", "smooth", "box_margin", "solver.settings.pose_weight"])
def test_numbers_are_finite(name: str, value: str) -> None:
    with pytest.raises(InputError, match=r"finite number|at least|between"):
        fit_command().compose([f"{name}={value}"])


def test_the_network_of_whole_pictures_is_opened_for_several_people(monkeypatch) -> None:
    monkeypatch.setattr(
        "diffproxy.single_view.whole_picture.people_finder.PeopleFinder.packaged", lambda _: "both"
    )
    asked = [("one", "whole_picture"), ("all", "multipose"), ("all", "whole_picture")]
    found = [people_finder(FitOptions(people=people, people_detector=detector)) for people, detector in asked]
    assert found == [None, None, "both"] and FitOptions().people_detector == "whole_picture"


def test_misspelt_options_of_a_sweep_are_named() -> None:
    assert _words("-m", "samples=1,2", "rig=synthetic") == ["-m", "samples=1,2", "rig=synthetic"]
    with pytest.raises(InputError, match="did you mean samples"):
        _words("-m", "smaples=1,2")


@pytest.mark.parametrize("command", [fit_command(), evaluate_command(), TRAIN], ids=lambda c: c.config)
def test_help_is_made_of_the_dataclass(command) -> None:
    """Every option stands in `--help` with its default; conf/ repeats neither."""
    text = help_text(command.schema, command.intro)
    listed = {line.strip().split("=")[0]: line for line in text.splitlines() if "=" in line}
    assert set(option_types(command.schema)) <= set(listed)
    assert "(true)" in text and max(len(line) for line in text[text.index("Input") :].splitlines()) <= WIDTH
    assert (
        "help" not in OmegaConf.to_container(OmegaConf.load(command.conf / f"{command.config}.yaml"))["hydra"]
    )


def test_no_option_is_defined_twice() -> None:
    """Shared options are inherited, and presets state no default again."""
    own = [set(schema.__annotations__) for schema in (SharedOptions, FitOptions)]
    assert not own[0] & own[1]
    assert not set(SharedOptions.__annotations__) & set(EvaluateOptions.__annotations__)
    defaults = OmegaConf.structured(FitOptions)
    for preset in CONF.glob("*/*.yaml"):
        values, group = OmegaConf.load(preset), preset.parent.name
        for name in values if group in defaults else ():
            assert OmegaConf.is_missing(values, name) or values[name] != defaults[group][name], preset


def test_every_command_answers_help(capsys) -> None:
    from diffproxy.__main__ import COMMANDS, USAGE, main

    assert main(["--help"]) == 0 and capsys.readouterr().out == USAGE
    assert main(["nosuch"]) == 2 and f"one of {', '.join(COMMANDS)}" in capsys.readouterr().err
    for name in COMMANDS:
        assert main([name, "--help"]) == 0, name
        assert "=" in capsys.readouterr().out
    assert {"fit", "evaluate", "train", "check-rig", "calibrate", "render", "keypoints"} <= set(COMMANDS)


def test_flat_options_are_typed_and_named() -> None:
    assert parse_options(EvaluateOptions, ["limit=3", "hands=false", "shards=a=b"]).shards == "a=b"
    for word, hint in (
        ("limit=few", "whole number"),
        ("hands=maybe", "true or false"),
        ("limt=3", "mean limit"),
    ):
        with pytest.raises(InputError, match=hint):
            parse_options(EvaluateOptions, [word])


def test_a_missing_extra_names_the_pip_command() -> None:
    with pytest.raises(InputError, match=r"pip install 'diffproxy\[synthesis\]'"):
        require_extra("no_such_module", "synthesis")


def test_messages_keep_clear_of_progress_bars(capsys) -> None:
    import logging

    handler = ProgressBarHandler()
    handler.emit(logging.LogRecord("diffproxy", logging.INFO, "", 0, "frame %d", (3,), None))
    assert capsys.readouterr().err == "frame 3\n"


def test_command_line_end_to_end(tmp_path) -> None:
    """One real process: exit code 2, no traceback, no files left behind."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "fit.py"), "rig=nosuch"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr and "synthetic" in done.stderr
    assert list(tmp_path.iterdir()) == []
