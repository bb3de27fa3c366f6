"""`docs/images/viewer.png`: the viewer of a run in headless Chromium.

python docs/make_viewer_picture.py [run=out/demo] [view=yaw=2.6&distance=7] [out=docs/images/viewer.png] [chromium=PATH]
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from diffproxy.utils.errors import InputError

DEFAULTS = {"run": "out/demo", "view": "yaw=2.6&distance=7", "out": "docs/images/viewer.png", "chromium": ""}
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SOFTWARE_GL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND"


def main(words: list[str]) -> Path:
    given = DEFAULTS | dict(word.partition("=")[::2] for word in words)
    browser = given["chromium"] or next((p for name in NAMES if (p := shutil.which(name))), None)
    if browser is None:
        raise InputError("Chromium", f"none of {', '.join(NAMES)}", "install it, or write chromium=PATH")
    page, out = Path(given["run"]) / "viewer.html", Path(given["out"]).resolve()
    if not page.is_file():
        raise InputError("a run with viewer.html", f"no {page}", "diffproxy view RUN open=false")
    out.unlink(missing_ok=True)
    command = [browser, "--headless=new", "--no-sandbox", *SOFTWARE_GL, OFFLINE, "--hide-scrollbars"]
    command += ["--window-size=1280,720", "--virtual-time-budget=4000", f"--screenshot={out}"]
    subprocess.run([*command, f"{page.resolve().as_uri()}#{given['view']}"], check=True, capture_output=True)
    return out


if __name__ == "__main__":
    main(sys.argv[1:])
