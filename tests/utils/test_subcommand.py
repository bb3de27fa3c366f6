"""Commands made of an options dataclass: help page, dispatch, and names that do not exist."""

from dataclasses import dataclass

import pytest

from diffproxy.utils.errors import InputError
from diffproxy.utils.options import option
from diffproxy.utils.subcommand import Subcommand, run_subcommand


@dataclass
class Options:
    folder: str = option("", "a folder", "DIR", "Input")
    count: int = option(3, "a number")


def test_a_subcommand_prints_help_or_runs(capsys):
    ran = []
    commands = {"go": Subcommand(Options, "usage: go", ran.append, positional=("folder",), closing="the end")}
    assert run_subcommand("usage: all", commands, []) == 0 and capsys.readouterr().out == "usage: all"
    assert run_subcommand("usage: all", commands, ["go", "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: go") and "  count=N " in text and text.endswith("the end\n") and not ran
    assert run_subcommand("", commands, ["go", "x", "count=1"]) == 0 and ran == [Options("x", 1)]
    with pytest.raises(InputError, match="one of go"):
        run_subcommand("", commands, ["stop"])
