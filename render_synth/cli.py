"""`python -m render_synth`: the command line."""

from __future__ import annotations

import difflib
import json
import sys

from diffproxy.utils.errors import InputError
from diffproxy.utils.exit_status import RESUMES, exit_status
from diffproxy.utils.extras import require_extra
from diffproxy.utils.options import parse_options
from diffproxy.utils.subcommand import HELP_WORDS, Subcommand, help_text, option_lines
from render_synth.config import InspectOptions, RelabelOptions, RenderConfig, ValidateOptions
from render_synth.launch import LaunchOptions

USAGE = """\
Render people with exact SMPL-X proxies into WebDataset shards.

  python -m render_synth subjects=1000 out=shards/train seed=0 workers=2
  python -m render_synth inspect shards/train       a contact sheet
  python -m render_synth validate shards/train      compute the proxies again and compare
  python -m render_synth relabel shards/train       new labels and UV without rendering

`python -m render_synth COMMAND --help` lists the options of inspect, validate and relabel.
Sample k depends on seed, k and the options only, not on workers or interruptions:
run the same command again to resume, or with more subjects to add some.
"""
INSPECT = """\
usage: python -m render_synth inspect SHARDS [name=value ...]

Draws a contact sheet of shards, to see whether images, labels and cameras agree. A block per subject, a column
per view; from top to bottom: image with the projected skeletons (the subject's left blue and right red, others in
the colours of their masks), part labels, UV, mask
(white: the subject; a colour each: other people), and depth, normals, visibility where they are stored.
Suspicious views are also listed as text.
"""
VALIDATE = """\
usage: python -m render_synth validate SHARDS [name=value ...]

Computes proxies again from the stored parameters and cameras and compares. Prints a table, then one line of JSON.
Exit status 1 where more than 0.1 % of the labelled pixels have another label, a UV more than 2 mm off, no label
though nothing covers the body, or a label outside the mask; or where more than 1 % of the pixels of other people
are farther than 0.3 m from their body or seen through somebody else's, or a whole frame says wrongly who is seen.
"""
RELABEL = """\
usage: python -m render_synth relabel SHARDS out=DIR [name=value ...]

Rewrites shards for the present charts of a body, without rendering. Labels and UV come from rays at the stored
cameras, where a label is stored; images, masks and cameras are copied. Finished shards are kept: the same command
resumes. Shards whose labels the body does not give are an error.
"""


def _inspect(options: InspectOptions) -> None:
    from render_synth.inspect_shards import inspect

    sys.stdout.write(inspect(options) + "\n")


def _validate(options: ValidateOptions) -> int:
    from render_synth.validate import LIMIT, table, validate

    tallies, others = validate(options.shards, options.body, options.count)
    numbers = {kind: tally.summary() for kind, tally in tallies.items()}
    sys.stdout.write(f"{table(tallies)}\n{others.line()}\n")
    sys.stdout.write(json.dumps(numbers | {"others": others.summary()}) + "\n")
    return int(tallies["all"].wrong > LIMIT or not tallies["all"].labelled or not others.agrees)


def _relabel(options: RelabelOptions) -> None:
    from render_synth.relabel import relabel

    views = relabel(options.shards, options.out, options.body, options.workers)
    sys.stdout.write(f"{views} views written to {options.out}\n")


COMMANDS = {
    "relabel": Subcommand(RelabelOptions, RELABEL, _relabel, ("shards",), ("shards", "out")),
    "inspect": Subcommand(InspectOptions, INSPECT, _inspect, ("shards",), ("shards", "out", "count")),
    "validate": Subcommand(ValidateOptions, VALIDATE, _validate, ("shards",), ("shards",)),
}


def render(words: list[str]) -> None:
    """Render, in this process or as jobs. Raises InputError for wrong words."""
    from render_synth.launch import launch
    from render_synth.run import run

    require_extra("mitsuba", "synthesis")
    how, words = LaunchOptions.take(words)
    config = parse_options(RenderConfig, words)
    launch(config, how) if how else run(config)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if all went well, 1 if shards are wrong, 2 on bad input, 130 and 143 when interrupted."""
    args = sys.argv[1:] if arguments is None else arguments
    return exit_status(lambda: _run(list(args)), RESUMES)


def _run(words: list[str]) -> int:
    if words and words[0] in COMMANDS:
        return COMMANDS[words[0]].run(words[1:])
    if not words or HELP_WORDS & set(words):
        sys.stdout.write(help_text(RenderConfig, USAGE, "\n".join(option_lines(LaunchOptions))))
    elif near := difflib.get_close_matches(words[0], COMMANDS, n=1):
        raise InputError(f"one of {', '.join(COMMANDS)}", words[0], f"did you mean {near[0]}?")
    else:
        render(words)
    return 0
