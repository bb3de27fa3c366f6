"""Choose and start a Mitsuba variant. Mitsuba is imported when a function is called."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import lru_cache

from diffproxy.utils.errors import InputError

PROBE = """
import mitsuba as mi
mi.set_variant("llvm_ad_rgb")
scene = mi.load_dict({"type": "scene", "integrator": {"type": "path", "max_depth": 3}, "e": {"type": "constant"},
    "s": {"type": "sphere", "bsdf": {"type": "principled"}}, "c": {"type": "perspective",
    "film": {"type": "hdrfilm", "width": 8, "height": 8}}})
assert abs(float(mi.render(scene, spp=1).array[0]) + 1) > 0
"""


@lru_cache(maxsize=1)
def best_variant() -> str:
    """`llvm_ad_rgb` (about 3.5 times as fast) where LLVM works, else `scalar_rgb`.

    Tried in a process of its own: an LLVM too old for Dr.Jit ends the process instead of raising.
    """
    try:
        tried = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, timeout=180, check=False)
    except subprocess.TimeoutExpired:
        return "scalar_rgb"
    return "llvm_ad_rgb" if tried.returncode == 0 else "scalar_rgb"


def start(variant: str) -> None:
    """Select the Mitsuba variant for this process, one thread."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import drjit
    import mitsuba as mi

    if variant not in mi.variants():
        raise InputError(
            "a Mitsuba variant: " + ", ".join(mi.variants()), variant, "variant=scalar_rgb always works"
        )
    try:
        mi.set_variant(variant)
    except ImportError as error:  # no LLVM or CUDA library
        fix = "variant=auto takes what works; variant=scalar_rgb always works"
        raise InputError(f"a machine that runs {variant}", str(error), fix) from error
    mi.set_log_level(mi.LogLevel.Error)
    drjit.set_thread_count(1)
