"""`diffproxy view RUN`: the viewer of a finished run, written and opened in the browser."""

from __future__ import annotations

import logging
import sys
import webbrowser
from dataclasses import dataclass
from pathlib import Path

from diffproxy.export.run import open_run, run_folders
from diffproxy.utils.errors import InputError
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.options import Subcommand, option
from diffproxy.utils.shared_options import MOVED_BODY, RUN

log = logging.getLogger(__name__)
USAGE = """\
usage: diffproxy view RUN [name=value ...]

Writes RUN/viewer.html, one file without any network access, and opens it in the browser: the skinned body over time,
the cameras with small pictures, parts that no pixel supports in grey, and the status of each frame. RUN is the folder
that `diffproxy fit` was given as out; of a take with several people, all are shown.
"""


@dataclass
class ViewOptions:
    """Options of `view`."""

    run: str = RUN()
    body: str = MOVED_BODY()
    pictures: bool = option(
        True, "small pictures of the cameras, if the rig is still there", section="Output"
    )
    open: bool = option(True, "open the page in the browser", section="Output")
    out: str = option("", "file to write; default: viewer.html in the run", "FILE", "Output")


def _view(options: ViewOptions) -> None:
    from diffproxy.cli import SHIPPED
    from diffproxy.viewer.run_viewer import write_run_viewer

    runs = [open_run(folder, options.body) for folder in run_folders(options.run)]
    folder = runs[0].folder if len(runs) == 1 else runs[0].folder.parent
    path = Path(options.out).expanduser() if options.out else folder / "viewer.html"
    frames = None
    if options.pictures:
        try:
            frames = runs[0].open_images(SHIPPED)
        except InputError as error:
            log.warning("without cameras and pictures: expected %s, found %s", error.expected, error.found)
    write_run_viewer(path, runs, frames)
    sys.stdout.write(f"{path}\n")
    if options.open:
        webbrowser.open(path.resolve().as_uri())


COMMAND = Subcommand(ViewOptions, USAGE, _view, ("run",), ("run",))


def main(words: list[str] | None = None) -> int:
    """Returns the exit status: 0 fine, 2 wrong input."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    return exit_status(lambda: COMMAND.run(sys.argv[1:] if words is None else words))


if __name__ == "__main__":
    sys.exit(main())
