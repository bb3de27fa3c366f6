"""Pages of the viewer in a real browser, where there is one and slow tests are wanted."""

import json
import os
import re
import shutil
import subprocess

import numpy as np

CHROMIUM = next((p for name in ("chromium", "google-chrome", "chrome") if (p := shutil.which(name))), None)
WANTED = bool(CHROMIUM and os.environ.get("RUN_SLOW"))


def joints_in_browser(page):
    """(frames, people, 55, 3): what the script of a page computes offline, metres, y up; the page shows no failure."""
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
               "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=2000", "--dump-dom",
               f"file://{page}#joints"]  # fmt: skip
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert '<div id="fail" class="panel">' in dom and 'style="display: block' not in dom
    return np.array(json.loads(re.search(r'<pre id="joints">(.*?)</pre>', dom)[1]))
