"""Training of the person detector: `python -m diffproxy.training.detector shards=DIR out=DIR`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm

from diffproxy.detector.model import Locator, LocatorMaps, decode_boxes, save_locator
from diffproxy.geometry.boxes import box_iou
from diffproxy.training.detector_data import LocatorSamples
from diffproxy.training.parameters import FROZEN_BLOCKS
from diffproxy.utils.ema import EMA
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.options import Subcommand, option
from diffproxy.utils.shared_options import LEARNING_RATE, SEED, SHARDS, TRAINING_STEPS, VAL_SHARDS


def locator_loss(maps: LocatorMaps, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """CenterNet's focal loss on centres, L1 on log-size and offset near centres, cross-entropy on the mask."""
    heat, p = batch["heat"], maps.heat.sigmoid().clamp(1e-5, 1 - 1e-5)
    positive = (heat == 1).float()
    focal = -(positive * (1 - p) ** 2 * p.log() + (1 - positive) * (1 - heat) ** 4 * p**2 * (1 - p).log())
    count = positive.sum().clamp(min=1)
    valid = batch["valid"][:, None]
    size = ((maps.size.log() - batch["size"].clamp(min=1e-3).log()).abs() * valid).sum() / valid.sum().clamp(
        min=1
    )
    offset = ((maps.offset - batch["offset"]).abs() * valid).sum() / valid.sum().clamp(min=1)
    mask = F.binary_cross_entropy_with_logits(maps.mask, batch["mask"])
    losses = {"heat": focal.sum() / count, "size": size, "offset": offset, "mask": mask}
    losses["total"] = losses["heat"] + losses["size"] + 5 * offset + mask
    return losses


@torch.no_grad()
def validate_locator(model: Locator, data: LocatorSamples, limit: int = 200) -> dict[str, float]:
    """Share of people detected (IoU > 0.5 among the top 5), mean IoU of these, mask IoU."""
    model.eval()
    found, total, ious, inter, union = 0, 0, [], 0.0, 0.0
    for i in range(min(limit, len(data))):
        item = data[i]
        maps = model(item["image"][None])
        predicted, truth = maps.mask[0].sigmoid() > 0.5, item["mask"] > 0.5
        inter, union = inter + (predicted & truth).sum().item(), union + (predicted | truth).sum().item()
        exact = LocatorMaps(
            (item["heat"][None] == 1).float() * 20 - 10, maps.mask, item["size"][None], item["offset"][None]
        )
        people = decode_boxes(exact, 0, 1.0, 9, 0.5)
        boxes = decode_boxes(maps, 0, 1.0, 5, 0.1)
        for person in people:
            best = max((box_iou(person.box, b.box) for b in boxes), default=0.0)
            total, found = total + 1, found + (best > 0.5)
            ious += [best] if best > 0.5 else []
    model.train()
    return {
        "recall_iou50": found / max(total, 1),
        "mean_iou": sum(ious) / max(len(ious), 1),
        "mask_iou": inter / max(union, 1),
    }


def train_locator(
    shards: str, val_shards: str | None, out: Path, steps: int, batch: int, lr: float, seed: int
) -> Path:
    """Train from ImageNet weights; writes curves and the averaged weights to `out`."""
    torch.manual_seed(seed)
    model = Locator()
    model.encoder.load_imagenet()
    for block in (model.encoder.stem, *model.encoder.blocks[:FROZEN_BLOCKS]):
        block.requires_grad_(False)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
    tail = [p for p in model.encoder.parameters() if p.requires_grad]
    head = [p for n, p in model.named_parameters() if not n.startswith("encoder")]
    optimizer = torch.optim.AdamW(
        [{"params": head, "lr": lr}, {"params": tail, "lr": lr * 0.3}], weight_decay=0.01
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [lr, lr * 0.3], total_steps=steps, pct_start=0.1
    )
    ema = EMA(model, 0.998)
    loader = DataLoader(LocatorSamples(shards, seed), batch, sampler=range(steps * batch), num_workers=1)
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    for step, items in enumerate(tqdm(loader, desc="locator", unit="step", total=steps), start=1):
        images = items["image"].to(memory_format=torch.channels_last)
        losses = locator_loss(model(images), items)
        losses["total"].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        schedule.step()
        ema.update(model)
        if step % 50 == 0 or step == steps:
            row = {k: round(v.item(), 4) for k, v in losses.items()}
            row |= {"step": step, "minutes": round((time.monotonic() - began) / 60, 2)}
            with (out / "curves.jsonl").open("a") as f:
                f.write(json.dumps(row) + "\n")
    with ema.applied(model):
        if val_shards:
            scores = validate_locator(model, LocatorSamples(val_shards, augment=False))
            with (out / "curves.jsonl").open("a") as f:
                f.write(json.dumps({"step": steps, "val": scores}) + "\n")
        save_locator(model, out)
    return out


@dataclass
class DetectorOptions:
    """Options of `python -m diffproxy.training.detector`."""

    shards: str = SHARDS("")
    val_shards: str = VAL_SHARDS("")
    steps: int = TRAINING_STEPS(3000)
    batch: int = option(16, "images per step")
    lr: float = LEARNING_RATE(1e-3)
    seed: int = SEED()
    out: str = option("runs/locator", "curves and weights", "DIR", "Output")


def _train(o: DetectorOptions) -> None:
    train_locator(o.shards, o.val_shards or None, Path(o.out), o.steps, o.batch, o.lr, o.seed)


USAGE = """\
usage: python -m diffproxy.training.detector shards=DIR [name=value ...]

Trains the person detector on shards with whole frames.
"""
TRAIN = Subcommand(DetectorOptions, USAGE, _train, required=("shards",))


def main(words: Sequence[str]) -> int:
    """Run the command; returns the exit status. Raises InputError for wrong words."""
    return TRAIN.run(words or ["--help"])


if __name__ == "__main__":
    sys.exit(exit_status(lambda: main(sys.argv[1:])))
