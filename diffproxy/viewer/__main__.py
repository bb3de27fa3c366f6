"""`diffproxy view RUN`: a finished run in the browser, as one offline file or live by viser."""

from __future__ import annotations

import logging
import sys
import webbrowser
from dataclasses import dataclass

import numpy as np

from diffproxy.cameras import RigFrames
from diffproxy.export.open_runs import open_runs
from diffproxy.export.run import Run, take_folder
from diffproxy.export.run_images import images_or_none, say_changed_pictures
from diffproxy.utils.errors import InputError
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.io import output_file
from diffproxy.utils.options import option, refuse_unread
from diffproxy.utils.shared_options import MOVED_BODY, RUN
from diffproxy.utils.subcommand import Subcommand
from diffproxy.viewer.frame_pictures import frame_pictures
from diffproxy.viewer.live import LivePage, start_server
from diffproxy.viewer.run_viewer import scene_of_runs, write_run_viewer

log = logging.getLogger(__name__)
LAST_PORT = 65535
USAGE = """\
usage: diffproxy view RUN [name=value ...]

Shows a run in the browser: the skinned body over time, the cameras with pictures and proxies, parts that no pixel
supports in grey, and the status of each frame. RUN is the folder that `diffproxy fit` was given as out; of a take with
several people, all are shown.

Writes RUN/viewer.html and opens it, one file with small pictures that needs no network and no server. page=live
(pip install 'diffproxy[view]') serves a page by viser with whole pictures and proxies until it is interrupted.
"""


@dataclass
class ViewOptions:
    """Options of `view`."""

    run: str = RUN()
    body: str = MOVED_BODY()
    pictures: bool = option(True, "pictures of the cameras, if the rig is still there", section="Output")
    page: str = option(
        "file", "file: one offline HTML file; live: a server (needs viser)", "file|live", "Output"
    )
    host: str = option(
        "127.0.0.1", "address of the live page; 0.0.0.0: other computers may look", section="Output"
    )
    port: int = option(8080, "port of the live page; the next free one where it is taken", section="Output")
    open: bool = option(True, "open the page in the browser", section="Output")
    out: str = option("", "page=file: file to write; default: viewer.html in the run", "FILE", "Output")

    def __post_init__(self) -> None:
        if self.page not in ("live", "file"):
            raise InputError("page=live or page=file", f"page={self.page}", "write page=file")
        if not 1 <= self.port <= LAST_PORT:
            raise InputError(f"a port from 1 to {LAST_PORT}", f"port={self.port}", "leave port out")
        other, names = ("live", ("host", "port")) if self.page == "file" else ("file", ("out",))
        refuse_unread(self, names, f"page={other}")


def _view(options: ViewOptions) -> None:
    if options.page == "live":
        page = open_live(options)
        address = f"http://{options.host}:{page.server.get_port()}"
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()
        if options.open:
            webbrowser.open(address)
        try:
            page.run()
        except KeyboardInterrupt:
            page.server.stop()
        return
    given = output_file(options.out, ".html", ".htm") if options.out else None
    runs, frames = _open_runs(options)
    path = given or take_folder(options.run) / "viewer.html"
    write_run_viewer(path, runs, frames)
    sys.stdout.write(f"{path}\n")
    if options.open:
        webbrowser.open(path.resolve().as_uri())


def open_live(options: ViewOptions) -> LivePage:
    """Start the server and fill its page."""
    runs, frames = _open_runs(options)
    server = start_server(options.host, options.port)

    def pictures(frame_id: int, proxies: bool) -> dict[str, np.ndarray]:
        return {} if frames is None else frame_pictures(frames, runs, frame_id, proxies)

    return LivePage(server, scene_of_runs(runs, frames), pictures)


def _open_runs(options: ViewOptions) -> tuple[list[Run], RigFrames | None]:
    from diffproxy.cli import SHIPPED

    runs = open_runs(options.run, options.body)
    frames = images_or_none(runs[0], SHIPPED) if options.pictures else None
    if frames is not None:
        for run in runs[1:]:
            say_changed_pictures(run, frames)
    return runs, frames


COMMAND = Subcommand(ViewOptions, USAGE, _view, ("run",), ("run",))


def main(words: list[str] | None = None) -> int:
    """Returns the exit status: 0 fine, 2 wrong input."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    return exit_status(lambda: COMMAND.run(sys.argv[1:] if words is None else words))


if __name__ == "__main__":
    sys.exit(main())
