"""Every command of docs/reproduction.md at toy size, from rendering to the tables, with the seconds of each.

    python benchmarks/reproduce_toy.py out=toy

One training and one held-out subject at 64 pixels, two training steps of the dense head of `nano` and one of each
variant of its UNet, rehearsal data in the place of the data sets. It shows that the commands fit together; errors of
such networks mean nothing. Finished steps are not repeated. Writes out/toy.json with the seconds of each step, as the
clock shows them and of the CPU, and prints it.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from diffproxy.utils.exit_status import RESUMES, exit_status
from diffproxy.utils.options import option
from diffproxy.utils.subcommand import Subcommand

RENDER = (
    "size=64 samples_per_pixel=1 max_depth=2 views=4 hand_crops=2 full_frames=0 workers=1 variant=scalar_rgb"
)
TRAIN = "batch=1 views=2 precision=no workers=0 val_samples=1 tensorboard=false"


@dataclass
class ToyOptions:
    out: str = option("", "folder for everything", "DIR", "Output")


def steps(out: Path) -> dict[str, list[str]]:
    """The words of each command, after `python`."""
    shards = f"shards={out}/train val_shards={out}/test"
    tables = f"path={out}/rehearsal models={out}/rehearsal/models limit=1 tta_flip=false tta_rotation=false"
    commands = {
        "render": f"-m render_synth subjects=1 seed=1 split=train out={out}/train {RENDER}",
        "render held-out": f"-m render_synth subjects=1 seed=2 split=test out={out}/test {RENDER}",
        "train head": f"train_generator.py {shards} out={out}/head steps=2 diffusion_weight=0 {TRAIN}",
        "train variants": f"benchmarks/ablation.py {shards} out={out}/ablation generator={out}/head/model steps=1"
        f" fresh_unet=true freeze_conditioning=true dense_weight=0 {TRAIN}",
        "rehearsal": f"-m diffproxy.evaluation.rehearsal shards={out}/test out={out}/rehearsal limit=1",
        "table 1": f"-m diffproxy.evaluation.table1 out={out}/table1 {tables} generator={out}/ablation/full/model"
        " generator.steps=1",
        "table 2": f"-m diffproxy.evaluation.table2 out={out}/table2 {tables} variants={out}/ablation"
        " predictions=simulated generator.steps=1",
        "table 3": f"-m diffproxy.evaluation.table3 out={out}/table3 {tables} weights={out}/ablation/full/model",
    }
    return {name: text.split() for name, text in commands.items()}


def cpu_seconds() -> float:
    """Of the commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(options: ToyOptions) -> int:
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    record = out / "toy.json"
    costs: dict[str, dict[str, float]] = json.loads(record.read_text()) if record.is_file() else {}
    for name, words in steps(out).items():
        if name not in costs:
            begin, cpu = time.perf_counter(), cpu_seconds()
            if status := subprocess.run([sys.executable, *words]).returncode:
                return status
            spent = {"seconds": time.perf_counter() - begin, "cpu_seconds": cpu_seconds() - cpu}
            costs[name] = {key: round(value, 1) for key, value in spent.items()}
            record.write_text(json.dumps(costs, indent=1) + "\n")
    print(record.read_text())
    return 0


def main(words: list[str]) -> int:
    command = Subcommand(ToyOptions, __doc__ or "", run, required=("out",))
    return exit_status(lambda: command.run(words), RESUMES)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
