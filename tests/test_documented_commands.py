"""Every command in the documents is parsed by the command that it starts: options exist, values have the right type."""

import re
import shlex
import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from diffproxy.__main__ import COMMANDS, main
from diffproxy.cli import Command
from diffproxy.utils.options import parse_options
from diffproxy.utils.subcommand import HELP_WORDS, Subcommand

ROOT = Path(__file__).parents[1]
PAGES = [p for pattern in ("*.md", "docs/**/*.md", "diffproxy/**/*.md") for p in sorted(ROOT.glob(pattern))]
SCRIPTS = {"fit.py": "fit", "evaluate.py": "evaluate", "train_generator.py": "train"}
START = re.compile(r"^(?:python|diffproxy|torchrun)\s")
OTHERS = ("venv", "pip", "pytest")  # programs that are not ours


def commands(text: str) -> list[str]:
    """The commands in code blocks and code spans, without comments and placeholders."""
    text = re.sub(r"\\\n\s*", " ", text)
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ") or START.match(line)]
    lines += [span for span in re.findall(r"`([^`\n]+)`", text) if "=" in span]  # others name a command only
    return [part.strip() for line in lines for part in line.split("&&") if START.match(part.strip())]


def documented() -> list[tuple[str, str]]:
    found = {line: str(page.relative_to(ROOT)) for page in PAGES for line in commands(page.read_text())}
    return sorted((page, line) for line, page in found.items())


def words_of(line: str) -> list[str]:
    line = re.sub(r"\[[a-z_.]+=[^\]]*\]|\((?:the same|same)[^)]*\)", "", line)  # optional words, "(the same)"
    return [w for w in shlex.split(line, comments=True) if "..." not in w and w not in ("…", "...")]


def parse(line: str, load_benchmark) -> None:
    """Parse the command of this line; InputError, or an assertion where no such command exists."""
    words = words_of(line)
    while words and (words[0] in ("python", "torchrun", "-m") or words[0].startswith("--nproc")):
        words = words[2:] if words[0] == "--nproc_per_node" else words[1:]
    if not words or words[0] in OTHERS:
        return
    program, rest = words[0], words[1:]
    if program in SCRIPTS:
        assert main([SCRIPTS[program], *rest]) == 0
    elif program == "diffproxy":
        assert main(rest or ["--help"]) == 0
    elif program.endswith(".py"):
        assert (ROOT / program).is_file(), f"no file {program}"
        if program.startswith("benchmarks/"):
            script = load_benchmark(Path(program).stem)
            if hasattr(script, "read_words"):  # the others hand words on to commands
                names = script.WORDS if hasattr(script, "WORDS") else script.MINE
                script.read_words([w for w in rest if "=" in w], names)
    elif program.startswith(("diffproxy.", "render_synth")):
        spec = find_spec(program)
        assert spec is not None, f"no module {program}"
        module = import_module(program if spec.submodule_search_locations is None else f"{program}.__main__")
        assert module.main(rest) in (0, None)
    else:
        assert program.startswith("tools.") and import_module(program), program


def outcome(line: str, load_benchmark) -> str:
    try:
        parse(line, load_benchmark)
    except (Exception, SystemExit) as error:
        return " ".join(str(error).split()) or type(error).__name__
    return ""


@pytest.fixture
def parsing_only(monkeypatch, tmp_path):
    """Commands stop when their options are read; the folders that documents use as examples exist."""
    named = "studio take project data session workspace DIR FOLDER A/train A/test H/train H/test F"
    for folder in named.split():
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)

    def subcommand(self, words):
        if not HELP_WORDS & set(words):
            parse_options(self.schema, words, self.required, self.positional)
        return 0

    def command(self, words, task):
        if not HELP_WORDS & set(words):
            self.overrides(words)
        return 0

    monkeypatch.setattr(Subcommand, "run", subcommand)
    monkeypatch.setattr(Command, "run", command)
    monkeypatch.setattr("render_synth.run.run", lambda config: None)
    monkeypatch.setattr("render_synth.launch.launch", lambda config, how: None)
    monkeypatch.setattr(sys, "argv", ["diffproxy"])


def test_every_documented_command_is_parsed(parsing_only, capsys, load_benchmark):
    found = documented()
    assert len(found) > 80
    load = cache(load_benchmark)
    wrong = [f"{page}: {line}\n    {text}" for page, line in found if (text := outcome(line, load))]
    errors = capsys.readouterr().err
    assert not wrong, "\n".join(wrong) + "\n" + errors


def test_a_wrong_option_is_found(parsing_only, load_benchmark):
    for line in (
        "python fit.py rig=synthetic frams=3",
        "diffproxy fits",
        "python -m diffproxy.cameras convert x format=pose2sim unit=mm",
        "python benchmarks/sync.py take=5",
    ):
        assert outcome(line, load_benchmark)
    assert not outcome("python -m diffproxy.cameras convert x format=pose2sim", load_benchmark)
    assert not outcome("python benchmarks/sync.py takes=5", load_benchmark)
    assert set(SCRIPTS.values()) <= set(COMMANDS)
