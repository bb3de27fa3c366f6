"""The entry points' manners: friendly words in, one readable message out, exit code 2."""

import subprocess
import sys
from pathlib import Path

import pytest

from diffproxy.cli import check, friendly_overrides, option_types, run_readably
from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.pipeline.config import FitOptions, SolverOption, split_names
from diffproxy.utils.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
CONF = ROOT / "conf"
PATHS = {"rig": "folder.path", "body": "file.path", "generator": "weights.weights"}


def _words(*argv: str) -> list[str]:
    return friendly_overrides(list(argv), FitOptions, CONF, PATHS)


def _compose(*argv: str):
    from hydra import compose, initialize_config_dir
    from hydra.core.config_store import ConfigStore
    from omegaconf import OmegaConf

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


def test_choices_name_the_alternatives() -> None:
    with pytest.raises(InputError, match="per_frame, shared"):
        FitOptions(shape="one")
    with pytest.raises(InputError, match="solver"):
        FitOptions(solver=SolverOption("sgd"))
    with pytest.raises(InputError, match="samples"):
        FitOptions(samples=0)
    assert split_names("all") is None and split_names(" a, b ") == ["a", "b"]


def test_flags_and_their_values_pass_through() -> None:
    assert _words("--cfg", "job", "-m") == ["--cfg", "job", "-m"]
    assert _words("--cfg", "job", "frames=1,2") == ["--cfg", "job", "frames='1,2'"]
    assert _words("-m", "samples=1,2", "frames=3") == ["-m", "samples=1,2", "frames=3"]


def test_readable_end(capsys) -> None:
    def wrong() -> None:
        raise InputError("a rig", "nothing", "write rig=DIR")

    with pytest.raises(SystemExit) as stop:
        run_readably(wrong)
    assert stop.value.code == 2
    assert capsys.readouterr().err == "error: expected a rig\n  found nothing\n  fix: write rig=DIR\n"


@pytest.mark.parametrize(("config", "schema"), [("fit", FitOptions), ("evaluate", EvaluateOptions)])
def test_help_lists_every_option_in_one_line(config: str, schema: type) -> None:
    from omegaconf import OmegaConf

    text = OmegaConf.to_container(OmegaConf.load(CONF / f"{config}.yaml"))["hydra"]["help"]["template"]
    first = [line.strip().split("=")[0] for line in text.splitlines() if "=" in line]
    shorthand = {leaf.split(".")[0] for leaf in option_types(schema)}
    for name in option_types(schema):
        listed = name in first or any(n.startswith(name) for n in first) or f"({name})" in text
        assert listed or (name.split(".")[0] in first and name == "rig.path"), name
    assert max(len(line) for line in text.splitlines()) <= 110 and shorthand


def test_command_line_end_to_end(tmp_path) -> None:
    """One real process: exit code 2, no traceback, no files left behind."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "fit.py"), "rig=nosuch"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr and "synthetic" in done.stderr
    assert list(tmp_path.iterdir()) == []
