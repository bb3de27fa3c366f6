"""Hours and disk of a reproduction of the paper on 1, 8 and 64 GPUs, from costs that were measured or published.

    python benchmarks/reproduction_costs.py [gpus=1,8,64] [cores_per_gpu=16] [subjects=105487] [views=8] [hands=16]
        [instants=2504] [out=costs.json]

Prints JSON: the costs with their sources, and for each number of GPUs the hours of every step. Everything is linear in
subjects, views and instants, and divides evenly among GPUs and cores: no communication, no waiting for disks. What
nobody measured or published is null. `instants`: frames of four views to evaluate in each of the three configurations
of Table 1, by default subject 8 of MPI-INF-3DHP (6,468 and 6,054 frames) at every fifth.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.options import at_least, option
from diffproxy.utils.subcommand import Subcommand

HERE = "two shared CPU cores (AMD EPYC)"
COSTS: dict[str, dict[str, Any]] = {
    "render_cpu_s_per_view_1024": {
        "value": 7.3, "where": f"{HERE}, both free, LLVM, two subjects",
        "source": "python benchmarks/render.py --row 2 variant=llvm_ad_rgb size=1024 views=4 hand_crops=8 split=train "
        "assets=A/train env=H/train furniture=F",
    },
    "disk_mb_per_view_1024": {
        "value": 0.567, "where": HERE,
        "source": "python -m render_synth size=1024 views=8 hand_crops=2 subjects=1: 5.67 MB for ten views",
    },
    "render_cpu_s_per_view_256": {
        "value": 0.48, "where": f"{HERE}, idle, LLVM", "source": "python -m render_synth subjects=56 seed=9 workers=2",
    },
    "disk_mb_per_view_256": {
        "value": 0.059, "where": "30 subjects of seven views",
        "source": "python -m render_synth seed=778 split=test samples_per_pixel=8 subjects=30",
    },
    "train_gpu_hours_30_epochs": {
        "value": 144.0, "where": "four RTX 5090", "source": "published: section 4.1, about 36 hours on four",
    },
    "decoder_gpu_hours": {"value": None, "where": "", "source": "neither published nor measured"},
    "proxies_gpu_s_per_sample": {
        "value": 3.0, "where": "one GPU", "source": "published: section 5, one pass without hands",
    },
    "fit_paper_cpu_s": {
        "value": 46.0, "where": HERE, "source": "python benchmarks/fit.py methods=lm,paper cases=exact:4 subjects=3",
    },
    "fit_default_cpu_s": {"value": 0.67, "where": HERE, "source": "the same"},
}  # fmt: skip
PASSES = 1 + 2 + 2 * 3
"""Passes of the generator in Table 1's configurations: one; with hands two; with hands and three samples six."""
CONFIGURATIONS = 3


@dataclass
class CostOptions:
    gpus: str = option("1,8,64", "numbers of GPUs", "N,N,...", "Input")
    cores_per_gpu: int = option(16, "CPU cores beside each GPU, for rendering and fitting", section="Input")
    subjects: int = option(105487, "subjects of the training set", section="Input")
    views: int = option(8, "body views of a subject", section="Input")
    hands: int = option(16, "hand crops of a subject: both hands of each camera", section="Input")
    instants: int = option(2504, "instants to evaluate in each configuration", section="Input")
    out: str = option("", "also write the JSON here", "FILE", "Output")

    def __post_init__(self) -> None:
        for name in ("cores_per_gpu", "subjects", "views", "instants"):
            at_least(name, getattr(self, name), 1)
        at_least("hands", self.hands, 0)


def value(name: str) -> float:
    return float(COSTS[name]["value"])


def hours(options: CostOptions, gpus: int) -> dict[str, float | None]:
    """Hours of each step on `gpus` GPUs."""
    cores = gpus * options.cores_per_gpu
    views = options.subjects * (options.views + options.hands)
    fits = CONFIGURATIONS * options.instants
    return {
        "render_1024": views * value("render_cpu_s_per_view_1024") / cores / 3600,
        "render_256": views * value("render_cpu_s_per_view_256") / cores / 3600,
        "train": value("train_gpu_hours_30_epochs") / gpus,
        "decoder": None,
        "evaluate_proxies": PASSES * options.instants * value("proxies_gpu_s_per_sample") / gpus / 3600,
        "evaluate_paper_fit": fits * value("fit_paper_cpu_s") / cores / 3600,
        "evaluate_default_fit": fits * value("fit_default_cpu_s") / cores / 3600,
    }


def costs(options: CostOptions) -> dict[str, Any]:
    """What the command prints."""
    views = options.subjects * (options.views + options.hands)
    disk = {f"shards_{s}_tb": round(views * value(f"disk_mb_per_view_{s}") / 1e6, 2) for s in (256, 1024)}
    table = {
        str(n): {k: None if h is None else round(h, 2) for k, h in hours(options, n).items()}
        for n in (int(word) for word in options.gpus.split(","))
    }
    return {"options": vars(options), "costs": COSTS, "disk": disk, "hours": table}


def run(options: CostOptions) -> int:
    text = json.dumps(costs(options), indent=1)
    if options.out:
        Path(options.out).write_text(text + "\n")
    print(text)
    return 0


def main(words: list[str]) -> int:
    return exit_status(lambda: Subcommand(CostOptions, __doc__ or "", run).run(words))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
