"""Commands made of an options dataclass: their `--help` page, and the dispatch to one of several."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Any, get_type_hints

from diffproxy.utils.errors import InputError
from diffproxy.utils.options import parse_options

SECTIONS = ("Input", "Cameras", "Models", "People", "Views", "Method", "Output", "Jobs")
WIDTH, COLUMN = 100, 30  # of a help page, and of its column of names
HELP_WORDS = {"-h", "--help", "help"}
VALUES = {bool: "BOOL", int: "N", float: "X"}


@dataclass(frozen=True)
class Subcommand:
    """A command whose options are a flat dataclass.

    Args:
        schema: Options dataclass.
        intro: Usage, what the command does, exit status; `--help` begins with it.
        task: Called with the options; returns the exit status, None for 0.
        required: Options that need a value.
        positional: Options that words without `name=` fill, in this order.
        closing: What `--help` ends with.
    """

    schema: type
    intro: str
    task: Callable[[Any], int | None]
    required: tuple[str, ...] = ()
    positional: tuple[str, ...] = ()
    closing: str = ""

    def run(self, words: Sequence[str]) -> int:
        """Print the help page, or run the task; returns the exit status. Raises InputError."""
        if HELP_WORDS & set(words):
            sys.stdout.write(help_text(self.schema, self.intro, self.closing))
            return 0
        return self.task(parse_options(self.schema, words, self.required, self.positional)) or 0


def run_subcommand(intro: str, commands: Mapping[str, Subcommand], words: Sequence[str]) -> int:
    """Run the command that `words` begin with; `intro` without words or for `--help`. Raises InputError."""
    if not words or words[0] in HELP_WORDS:
        sys.stdout.write(intro)
        return 0
    if words[0] not in commands:
        raise InputError(f"one of {', '.join(commands)}", words[0], "--help lists the commands")
    return commands[words[0]].run(words[1:])


def help_text(schema: type, intro: str, closing: str = "") -> str:
    """The `--help` page of a command: `intro`, every option with its help and default, `closing`."""
    lines = [intro.rstrip(), "", *option_lines(schema)]
    return "\n".join([*lines, *(["", closing.rstrip()] if closing else [])]) + "\n"


def option_lines(schema: type) -> list[str]:
    """Every option with its help and default, under the headings of SECTIONS."""
    rows = [
        (f.metadata.get("section", "Method"), line) for f in fields(schema) for line in _lines(schema, f, "")
    ]
    lines = []
    for section in SECTIONS:
        listed = [line for where, line in rows if where == section]
        lines += [section, *listed] if listed else []
    return lines


def _lines(schema: type, f: Field, prefix: str) -> list[str]:
    """The lines of one option, and of its nested options."""
    kind, text = get_type_hints(schema)[f.name], f.metadata["help"]
    nested = isinstance(kind, type) and is_dataclass(kind)
    value = f.metadata["value"] or VALUES.get(kind, "TEXT")
    out = []
    if not nested or f.metadata["value"]:
        shown = "" if nested else _shown(f.default)
        out += textwrap.wrap(
            f"{text} ({shown})" if shown else text,
            WIDTH,
            initial_indent=f"  {prefix}{f.name}={value}".ljust(COLUMN - 1) + " ",
            subsequent_indent=" " * COLUMN,
        )
    if nested:
        out += [line for inner in fields(kind) for line in _lines(kind, inner, f"{prefix}{f.name}.")]
    return out


def _shown(default: Any) -> str:
    """A default as it would be typed; nothing where it is empty or made by a function."""
    if default is MISSING or default is None:
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)
