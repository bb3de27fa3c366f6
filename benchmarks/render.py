"""Cost of rendering: CPU seconds per view against paths, size, variant and extras. Prints JSON.

    python benchmarks/render.py [samples=3] [samples_per_pixel=4,8,12,32] [sizes=128,256,512] [variants=llvm_ad_rgb]
        [name=value ...]

Each row is measured in a process of its own, on one thread, after one sample of warm-up. Other options: the render's.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
MINE = {"samples": "3", "samples_per_pixel": "4,8,12,32", "sizes": "128,256,512", "variants": "llvm_ad_rgb"}


def measure(samples: int, words: list[str]) -> dict[str, float]:
    """CPU seconds per view (this process), views, and the largest memory, over samples 1 to `samples`."""
    sys.path.insert(0, str(ROOT))
    from diffproxy.utils.options import parse_options
    from render_synth.config import RenderConfig
    from render_synth.run import load_tools
    from render_synth.sample import render_sample

    tools = load_tools(parse_options(RenderConfig, words))
    loaded = time.process_time()
    render_sample(tools, 0)
    begin, views = time.process_time(), 0
    for k in range(1, samples + 1):
        views += len(render_sample(tools, k)[0])
    used = time.process_time() - begin
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "cpu_s_per_view": round(used / max(views, 1), 3),
        "views": views,
        "memory_gb": round(memory, 2),
        "cpu_s_to_start": round(loaded, 1),
    }


def main(words: list[str]) -> None:
    if words[:1] == ["--row"]:
        print(json.dumps(measure(int(words[1]), words[2:])))
        return
    given = dict(word.partition("=")[::2] for word in words)
    mine = MINE | {k: v for k, v in given.items() if k in MINE}
    rest = [f"{k}={v}" for k, v in given.items() if k not in MINE]
    paths, sizes = mine["samples_per_pixel"].split(","), mine["sizes"].split(",")
    rows = []
    for variant in mine["variants"].split(","):
        cases = [[f"samples_per_pixel={n}"] for n in paths] + [[f"size={n}"] for n in sizes]
        for case in [*cases, ["extras=depth,normals,visibility"]]:
            options = [f"variant={variant}", *case, *rest]
            command = [sys.executable, __file__, "--row", mine["samples"], *options]
            out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            rows.append({"options": " ".join(options)} | json.loads(out.strip().splitlines()[-1]))
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    print(json.dumps({"benchmark": "render", "samples": int(mine["samples"]), "rows": rows}))


if __name__ == "__main__":
    main(sys.argv[1:])
