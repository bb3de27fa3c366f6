"""`python -m diffproxy.conversion`: renders of others with SMPL-X parameters as shards."""

from __future__ import annotations

import sys

from diffproxy.conversion.convert import convert
from diffproxy.conversion.options import ConversionOptions
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.subcommand import Subcommand

INTRO = """\
usage: python -m diffproxy.conversion format=FORMAT path=DIR models=DIR body=FILE out=DIR [name=value ...]

Images with SMPL-X parameters in the layout of BEDLAM or SynBody, as shards of crops with proxies.

  python -m diffproxy.conversion format=bedlam path=bedlam models=models body=SMPLX_NEUTRAL.npz out=shards/bedlam

Proxies are rendered from the parameters; other people of the same image hide what lies behind them, objects and
clothes do not, since their meshes are not known. Exit status: 0 fine, 2 wrong input.
"""


def _run(options: ConversionOptions) -> int:
    count = convert(options)
    sys.stdout.write(f"{count} subjects in {options.out}\n")
    return 0


CONVERT = Subcommand(ConversionOptions, INTRO, _run, required=("format", "path", "models", "out"))


def main(words: list[str]) -> int:
    """Returns the exit status."""
    return exit_status(lambda: CONVERT.run(words or ["--help"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
