"""`python -m render_synth`: the command line."""

from __future__ import annotations

import sys
import textwrap
from dataclasses import fields

from diffproxy.errors import InputError
from render_synth.config import RenderConfig

INTRO = """\
Render people with exact SMPL-X proxies into WebDataset shards.

  python -m render_synth subjects=1000 out=shards/train seed=0 workers=2
  python -m render_synth inspect shards/train [picture.png] [count]

The second form writes a contact sheet: picture, labels over it, UV, joints and mask.
Sample k depends on seed, k and the options only; run the command again to resume.
"""


def help_text() -> str:
    lines = [INTRO, "Options, as key=value:"]
    for f in fields(RenderConfig):
        shown = f"  {f.name}={f.default}"
        lines.append(
            textwrap.fill(f.metadata["help"], 108, initial_indent=f"{shown:<24} ", subsequent_indent=" " * 25)
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if all went well, 2 on bad input."""
    args = sys.argv[1:] if arguments is None else arguments
    if not args or {"-h", "--help", "help"} & set(args):
        sys.stdout.write(help_text() + "\n")
        return 0
    try:
        if args[0] == "inspect":
            from render_synth.inspect_shards import inspect

            if len(args) < 2:
                raise InputError(
                    "inspect SHARD [picture.png] [count]", "no shard", "name a shard file or a folder"
                )
            picture = args[2] if len(args) > 2 else "contact_sheet.png"
            sys.stdout.write(inspect(args[1], picture, int(args[3]) if len(args) > 3 else 8) + "\n")
            return 0
        from render_synth.run import run

        run(RenderConfig.parse(args))
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0
