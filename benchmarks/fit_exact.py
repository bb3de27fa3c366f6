"""The exact rows of `benchmarks/fit.py` under their old name.

python benchmarks/fit_exact.py subjects=50 views=4 size=256 solver=lm noise=none hands=0
"""

from __future__ import annotations

import sys

from fit_scenes import corrupt, look_at, random_params, ring

from fit import main as table

__all__ = ["corrupt", "look_at", "random_params", "ring"]

if __name__ == "__main__":
    options = dict(a.split("=", 1) for a in sys.argv[1:])
    noise, views = options.pop("noise", "none"), options.pop("views", "4")
    defaults = {"subjects": "50", "methods": options.pop("solver", "lm"), "cases": f"{noise}:{views}"}
    table(defaults | options)
