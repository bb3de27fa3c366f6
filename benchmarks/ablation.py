"""Ablation of the network (the paper's Table 2): every variant is trained for the same budget. JSON out.

    python benchmarks/ablation.py shards=shards/train val_shards=shards/test out=runs/ablation steps=3000
    python benchmarks/ablation.py ... generator=runs/warmup/model fresh_unet=true freeze_conditioning=true
    python benchmarks/ablation.py ... variants=full,no_views lr=5e-4 batch=8

Options beside `variants` are those of train_generator.py, the same for all variants. no_image is the paper's "w/o
DINOv2", no_adapter its "w/o T2I-Adapter": the UNet sees the images through its image attention alone (of `nano` also
without the dense head's draft; the head itself stays). Of `nano`, `full` has `view_layers=2` view attentions in the
dense head: no_head_views removes them, no_epipolar the UNet's branch, no_views both, so that views are independent.
With `freeze_conditioning=true` (one head for all) only what belongs to the UNet can be removed. `generator=sd21` has
the paper's rows.
Each variant is trained in out/VARIANT by `train`. The same command again continues: finished variants
are read from their scores.json, an interrupted one resumes from its last checkpoint. The table goes to out/table.md.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from diffproxy.generator import GeneratorConfig
from diffproxy.generator.presets import PRESETS, preset
from diffproxy.training.cli import read_config
from diffproxy.training.config import TrainConfig
from diffproxy.training.trainer import train
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import to_json, write_atomic

HEAD_VIEWS: dict[str, Any] = {"adapter_args": {"view_layers": 2}}
VARIANTS: dict[str, dict[str, Any]] = {
    "full": {},
    "no_epipolar": {"attention": {"epipolar_grids": ()}},
    "no_cross_modality": {"attention": {"cross_modality": False}},
    "no_image": {"attention": {"image": False}},
    "no_text": {"attention": {"text": False}},
    "no_adapter": {},  # depends on the adapter: `without_adapter`
    "no_head_views": {"adapter_args": {"view_layers": 0}},
    "no_views": {"attention": {"epipolar": False}},
}
OF_THE_HEAD = ("no_head_views", "no_views")
COLUMNS = {
    "dense_part_iou": "direct: part IoU", "dense_surface_median_mm": "median mm", "dense_mpvpe": "MPVPE mm",
    "sample_loss": "sampled: loss", "sample_part_iou": "part IoU",
    "sample_surface_median_mm": "median mm", "sample_mpvpe": "MPVPE mm",
}  # fmt: skip


def read_options(words: list[str]) -> tuple[TrainConfig, list[str]]:
    """The training options that all variants share, and the variants. InputError for unknown ones."""
    names = [w.removeprefix("variants=").split(",") for w in words if w.startswith("variants=")]
    given = [w for w in words if not w.startswith("variants=")]
    out = [] if any(w.startswith("out=") for w in given) else ["out=runs/ablation"]
    config = read_config([*out, *given])
    headless = config.freeze_conditioning or start_config(config).adapter != "pyramid"
    possible = [v for v in VARIANTS if not (headless and v in OF_THE_HEAD)]
    chosen = names[-1] if names else possible
    if unknown := sorted(set(chosen) - set(possible)):
        raise InputError(f"variants among {possible}", str(unknown), "variants=full,no_text")
    if not config.val_shards:
        raise InputError("held-out shards", "none", "add val_shards=DIR")
    return config, chosen


def start_config(base: TrainConfig) -> GeneratorConfig:
    """The configuration of the generator that all variants start from."""
    if base.generator in PRESETS:
        return preset(base.generator)
    return GeneratorConfig.load(Path(base.generator) / "config.json")


def without_adapter(start: GeneratorConfig) -> dict[str, Any]:
    """The change that leaves the UNet no map of the adapter."""
    if start.adapter != "pyramid":
        return {"adapter": "none"}
    return {
        "adapter_args": {"residuals": False, "draft": False},
        "unet": {"in_channels": start.latent_channels},
    }


def variant_config(base: TrainConfig, name: str) -> TrainConfig:
    """The run of one variant: the shared options, its own folder and network."""
    network, start = dict(base.network), start_config(base)
    changes = [
        HEAD_VIEWS if start.adapter == "pyramid" else {},
        without_adapter(start) if name == "no_adapter" else VARIANTS[name],
    ]
    for change in changes:
        for part, values in change.items():
            network[part] = {**network.get(part, {}), **values} if isinstance(values, dict) else values
    return replace(base, out=f"{base.out}/{name}", network=network)


def scores_of(config: TrainConfig) -> dict[str, float]:
    """Held-out scores after the last step; trains unless a run of the same options has finished."""
    path, options = Path(config.out) / "scores.json", json.loads(json.dumps(asdict(config)))
    if path.is_file():
        stored = json.loads(path.read_text())
        if changed := sorted(k for k in options if stored["options"].get(k) != options[k]):
            raise InputError(
                f"the options that {path} was made with", f"another {', '.join(changed)}", "use another out="
            )
        return stored["scores"]
    train(config)
    rows = [json.loads(line) for line in (path.parent / "curves.jsonl").read_text().splitlines()]
    last = [r for r in rows if "val" in r][-1]
    if last["step"] < config.steps:  # time_limit_min: the next call goes on
        return last["val"]
    write_atomic(path, to_json({"options": options, "scores": last["val"]}))
    return last["val"]


def table(rows: dict[str, dict[str, float]]) -> str:
    """Markdown; columns that no variant has are left out."""
    keys = [k for k in COLUMNS if any(k in scores for scores in rows.values())]
    lines = [["", *(COLUMNS[k] for k in keys)], ["---"] * (1 + len(keys))]
    lines += [[name, *(f"{s[k]:g}" if k in s else "" for k in keys)] for name, s in rows.items()]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def main(words: list[str]) -> dict[str, dict[str, float]]:
    base, names = read_options(words)
    rows = {n: scores_of(variant_config(base, n)) for n in tqdm(names, desc="variants")}
    out = Path(base.out)
    (out / "table.md").write_text(table(rows) + "\n")
    (out / "ablation.json").write_text(json.dumps({"steps": base.steps, "scores": rows}, indent=1))
    return rows


if __name__ == "__main__":
    found = main(sys.argv[1:])
    print(table(found))
    print(json.dumps(found, indent=1))
