"""`docs/images/viewer.png` and `live.jpg`: the viewer of a run, as a file or live, in headless Chromium.

python docs/make_viewer_picture.py [run=out/demo] [view=yaw=2.6&distance=7] [out=docs/images/viewer.png] [chromium=PATH]
python docs/make_viewer_picture.py page=live [run=out/demo] [view=cam0] [out=docs/images/live.jpg] [chromium=PATH]
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from diffproxy.utils.errors import InputError
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.options import one_of, option
from diffproxy.utils.subcommand import Subcommand

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SOFTWARE_GL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
WIDTH, HEIGHT = 1280, 720
SIZE = f"--window-size={WIDTH},{HEIGHT}"
LOOK = ("--headless=new", "--no-sandbox", *SOFTWARE_GL, OFFLINE, "--hide-scrollbars", SIZE)
PATIENCE = 300  # seconds until a page must be there; software rendering on a busy machine is slow
STILL = 3  # pictures in a row that are the same: everything that is on its way has arrived
REMOVE_WARNING = "document.querySelectorAll('.mantine-Notification-root').forEach(e => e.remove())"


@dataclass
class Options:
    """Options of the script."""

    run: str = option("out/demo", "folder of a run", "DIR", "Input")
    page: str = option("file", "the page in the run's folder, or the live one", "file|live", "Input")
    view: str = option(
        "", "of the file: what stands behind # in its address; of the live page: camera to look from", section="Output"
    )  # fmt: skip
    out: str = option("", "picture to write", "FILE", "Output")
    chromium: str = option("", "the browser, where it is not on the PATH", "FILE", "Method")

    def __post_init__(self) -> None:
        one_of("page", self.page, ("file", "live"))
        view, out = ("cam0", "live.jpg") if self.page == "live" else ("yaw=2.6&distance=7", "viewer.png")
        self.view, self.out = self.view or view, self.out or f"docs/images/{out}"


def make_picture(given: Options) -> None:
    browser = given.chromium or next((p for name in NAMES if (p := shutil.which(name))), None)
    if browser is None:
        raise InputError("Chromium", f"none of {', '.join(NAMES)}", "install it, or write chromium=PATH")
    out = Path(given.out).resolve()
    if given.page == "live":
        out.write_bytes(picture_of_run(browser, given.run, given.view))
    else:
        picture_of_file(browser, Path(given.run) / "viewer.html", given.view, out)


def main(words: list[str]) -> int:
    return Subcommand(Options, __doc__ or "", make_picture).run(words)


def picture_of_file(browser: str, page: Path, view: str, out: Path) -> None:
    """Write the picture of a page without a server."""
    if not page.is_file():
        raise InputError("a run with viewer.html", f"no {page}", "diffproxy view RUN open=false")
    out.unlink(missing_ok=True)
    command = [browser, *LOOK, "--virtual-time-budget=4000", f"--screenshot={out}"]
    subprocess.run([*command, f"{page.resolve().as_uri()}#{view}"], check=True, capture_output=True)


def picture_of_run(browser: str, run: str, view: str) -> bytes:
    """JPEG of the live page of a run."""
    from diffproxy.viewer.__main__ import ViewOptions, open_live

    page = open_live(ViewOptions(run=run, open=False))
    try:
        return picture_of_live(browser, page, view)
    finally:
        page.server.stop()


def picture_of_live(browser: str, page: Any, view: str) -> bytes:
    """JPEG of a `LivePage` once it no longer changes: pictures arrive and are decoded some time after the page."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        address = f"http://127.0.0.1:{page.server.get_port()}"
        command = [browser, *LOOK, "--remote-debugging-port=0", f"--user-data-dir={profile}", address]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, **quiet) as process:
            try:
                wait_for(page.server.get_clients)
                page.view.value = view
                for client in page.server.get_clients().values():
                    page.look(client)
                return _still_picture(Path(profile) / "DevToolsActivePort")
            finally:
                process.terminate()


def wait_for(what: Any) -> Any:
    """What `what()` gives as soon as it gives anything."""
    end = time.monotonic() + PATIENCE
    while not (found := what()):
        if time.monotonic() > end:
            raise TimeoutError(f"no page after {PATIENCE} s")
        time.sleep(0.2)
    return found


def _still_picture(port_file: Path) -> bytes:
    from websockets.sync.client import connect

    port = int(wait_for(lambda: port_file.exists() and port_file.read_text().split())[0])
    with urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
        target = next(t for t in json.load(answer) if t["type"] == "page")
    with connect(target["webSocketDebuggerUrl"], max_size=None) as socket:

        def ask(method: str, **params: Any) -> Any:
            socket.send(json.dumps({"id": 1, "method": method, "params": params}))
            return json.loads(socket.recv(PATIENCE))["result"]

        screen = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        ask("Emulation.setDeviceMetricsOverride", **screen)
        seen: list[str] = []

        def still() -> str:
            time.sleep(1)
            ask("Runtime.evaluate", expression=REMOVE_WARNING)
            seen.append(ask("Page.captureScreenshot", format="jpeg", quality=85)["data"])
            return seen[-1] if len(seen) >= STILL and len(set(seen[-STILL:])) == 1 else ""

        return base64.b64decode(wait_for(still))


if __name__ == "__main__":
    sys.exit(exit_status(lambda: main(sys.argv[1:])))
