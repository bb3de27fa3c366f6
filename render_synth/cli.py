"""`python -m render_synth`: the command line."""

from __future__ import annotations

import sys
import textwrap
from dataclasses import fields

from diffproxy.utils.errors import InputError
from diffproxy.utils.extras import require_extra
from render_synth.config import RenderConfig

INTRO = """\
Render people with exact SMPL-X proxies into WebDataset shards.

  python -m render_synth subjects=1000 out=shards/train seed=0 workers=2
  python -m render_synth inspect shards/train
  python -m render_synth validate shards/train

inspect draws a contact sheet of what was rendered; validate computes the proxies again
from the stored parameters and cameras and compares (inspect --help, validate --help).
Sample k depends on seed, k and the options only, not on workers or interruptions:
run the same command again to resume, or with more subjects to add some.
launch=slurm|ray|local jobs=N [partition=NAME minutes=N] splits the run into N jobs.
"""
INSPECT = """\
Draw a contact sheet of shards, to see whether pictures, labels and cameras agree.

  python -m render_synth inspect SHARDS [key=value ...]

SHARDS is a folder, a quoted pattern or one .tar file. A block per subject, a column per view; from top
to bottom: picture with the projected skeleton (left blue, right red), part labels, UV, mask (white: the
subject; a colour each: other people), and depth, normals, visibility where they are stored.
Suspicious views are also listed as text.
"""
INSPECT_OPTIONS = {
    "picture": ("contact_sheet.png", "file to write (.png or .jpg)"),
    "count": ("8", "number of subjects"),
    "first": ("0", "number of the first subject"),
    "kinds": ("", "views to show, with commas: body, full, hands (empty: all)"),
    "views": ("0", "at most so many views of each subject (0: all)"),
    "size": ("160", "long side of each picture in pixels"),
    "body": ("anny", "the body that was rendered: name or path of an SMPL-X npz"),
}
VALIDATE = """\
Compute proxies again from the stored parameters and cameras and compare; exit code 1 if they disagree.

  python -m render_synth validate SHARDS [key=value ...]

SHARDS is a folder, a quoted pattern or one .tar file. Prints a table, then one line of JSON. Fails where more
than 0.1 % of the labelled pixels have another label, a UV more than 2 mm off, no label though nothing covers
the body, or a label outside the mask.
"""
VALIDATE_OPTIONS = {
    "count": ("0", "number of subjects, spread over the set (0: all)"),
    "body": ("anny", "the body that was rendered: name or path of an SMPL-X npz"),
}
HELP = {"-h", "--help", "help"}


def option_lines(options: list[tuple[str, str, str]]) -> list[str]:
    """`name=default`, then what it means, in two columns."""
    width = max(len(f"{name}={default}") for name, default, _ in options) + 4
    return ["Options, as key=value (shown with their defaults):"] + [
        textwrap.fill(
            text, 100, initial_indent=f"  {name}={default}".ljust(width), subsequent_indent=" " * width
        )
        for name, default, text in options
    ]


def help_text() -> str:
    options = [(f.name, str(f.default), f.metadata["help"]) for f in fields(RenderConfig)]
    return "\n".join([INTRO, *option_lines(options)])


def command_help(intro: str, options: dict[str, tuple[str, str]]) -> str:
    return "\n".join([intro, *option_lines([(k, *v) for k, v in options.items()])])


def parse(
    command: str, args: list[str], options: dict[str, tuple[str, str]], places: list[str]
) -> dict[str, str]:
    """`COMMAND SHARDS [key=value ...]`; words without a key fill `places` in turn."""
    values = {k: default for k, (default, _) in options.items()}
    left = list(places)
    for arg in args:
        key, sep, text = arg.partition("=")
        if sep and key in options:
            values[key] = text
        elif left and not (sep and key.isidentifier()):
            values[left.pop(0)] = arg
        else:
            known = ", ".join(options)
            raise InputError(f"options as key=value, key one of {known}", repr(arg), f"see {command} --help")
    if "shards" not in values:
        raise InputError(f"{command} SHARDS", "no shards", "name a folder of shards or one .tar file")
    return values


def inspect_command(args: list[str]) -> tuple[str, int]:
    """`inspect SHARDS [key=value ...]`; also takes the picture and the count by place."""
    from render_synth.inspect_shards import inspect

    values = parse("inspect", args, INSPECT_OPTIONS, ["shards", "picture", "count"])
    numbers = {
        k: whole(k, values[k], least) for k, least in (("count", 1), ("first", 0), ("views", 0), ("size", 32))
    }
    text = inspect(values["shards"], values["picture"], body=values["body"], kinds=values["kinds"], **numbers)
    return text, 0


def validate_command(args: list[str]) -> tuple[str, int]:
    """`validate SHARDS [key=value ...]`: the table, JSON, and whether the shards agree."""
    import json

    from render_synth.validate import LIMIT, table, validate

    values = parse("validate", args, VALIDATE_OPTIONS, ["shards"])
    tallies = validate(values["shards"], values["body"], whole("count", values["count"], 0))
    numbers = json.dumps({kind: tally.summary() for kind, tally in tallies.items()})
    return f"{table(tallies)}\n{numbers}", int(tallies["all"].wrong > LIMIT or not tallies["all"].labelled)


RELABEL = """\
Rewrite shards for the present charts of a body, without rendering.

  python -m render_synth relabel SHARDS out=FOLDER [key=value ...]

Labels and UV come from rays at the stored cameras, where a label is stored; pictures, masks and cameras are copied.
Finished shards are kept: run the same command again to resume. Refuses shards whose labels the body does not give.
"""
RELABEL_OPTIONS = {
    "out": ("relabelled", "folder to write"),
    "body": ("anny", "the body: name or path; of the same shape and parts as the one rendered"),
    "workers": ("1", "processes"),
}


def relabel_command(args: list[str]) -> tuple[str, int]:
    """`relabel SHARDS OUT [key=value ...]`."""
    from render_synth.relabel import relabel

    values = parse("relabel", args, RELABEL_OPTIONS, ["shards", "out"])
    views = relabel(values["shards"], values["out"], values["body"], whole("workers", values["workers"], 1))
    return f"{views} views written to {values['out']}", 0


COMMANDS = {
    "relabel": (relabel_command, RELABEL, RELABEL_OPTIONS),
    "inspect": (inspect_command, INSPECT, INSPECT_OPTIONS),
    "validate": (validate_command, VALIDATE, VALIDATE_OPTIONS),
}


def whole(name: str, text: str, least: int) -> int:
    """A whole number of at least `least`; InputError else."""
    if not text.isdigit() or int(text) < least:
        raise InputError(
            f"{name}: a whole number from {least}", repr(text), f"for example {name}={max(least, 8)}"
        )
    return int(text)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if all went well, 1 if shards are wrong, 2 on bad input, 130 when interrupted."""
    args = sys.argv[1:] if arguments is None else arguments
    wants_help = bool(HELP & set(args))
    try:
        if args and args[0] in COMMANDS:
            command, intro, options = COMMANDS[args[0]]
            text, code = (command_help(intro, options), 0) if wants_help else command(args[1:])
            sys.stdout.write(text + "\n")
            return code
        if wants_help or not args:
            sys.stdout.write(help_text() + "\n")
        else:
            from render_synth.launch import Launch, launch
            from render_synth.run import run

            require_extra("mitsuba", "synthesis")
            how, words = Launch.take(args)
            config = RenderConfig.parse(words)
            launch(config, how) if how else run(config)
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted: run the same command again to resume\n")
        return 130
    return 0
