"""Contact sheets of shards: images, labels, UV, masks and projected skeletons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from diffproxy.body import BodyModel, BodyParams
from diffproxy.datasets.extras import EXTRAS
from diffproxy.datasets.shards import FULL, ShardIndex
from diffproxy.utils.bounded_files import Limits
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_atomic
from render_synth.config import InspectOptions
from render_synth.contact_sheet import column, stack

ALL_KINDS = ("body", FULL, "left_hand", "right_hand")
ROWS = 4  # of a view: image, labels, UV, mask
LABELLED = 0.02  # a view of the body with less than this fraction of its pixels labelled is odd


def inspect(options: InspectOptions) -> str:
    """Write a contact sheet: a block per subject, a column per view.

    Args:
        options: Shards, the image to write, and which subjects and views it shows.

    Returns:
        Text: a tally of subjects and views, and warnings about suspicious views.

    Raises:
        InputError: No such shards, subjects or kinds, or shards of another body.
    """
    import cv2

    from diffproxy.body import load_body

    wanted = _kinds(options.kinds)
    suffix = Path(options.out).suffix.lower()
    if suffix not in (".png", ".jpg", ".jpeg"):
        raise InputError("an image named .png or .jpg", options.out, "for example out=sheet.png")
    index = ShardIndex(options.shards)
    first = options.first
    if first >= len(index):
        raise InputError(f"first below {len(index)}, the number of subjects", f"{first}", "lower first")
    model = load_body(options.body)
    chosen = range(first, min(first + options.count, len(index)))
    numbers_of = {
        i: [j for j, kind in enumerate(index.kinds(i)) if kind in wanted][: options.views or None]
        for i in chosen
    }
    _check_size(sum(map(len, numbers_of.values())), options)
    blocks, warnings = [], []
    for i, numbers in numbers_of.items():
        joints = _joints(index, i, model)
        shown = {j: index.view(i, j, extras=EXTRAS) for j in numbers}
        colors = np.asarray(model.atlas.palette.colors)
        tiles = [column(v, colors, joints, options.size, f"{index.key(i)}.v{j}") for j, v in shown.items()]
        if tiles:
            blocks.append(stack(tiles, axis=1))
        warnings += [f"{index.key(i)}.v{j}: {text}" for j, view in shown.items() for text in odd(view)]
    if not blocks:
        raise InputError(
            f"views of kind {', '.join(wanted)}", f"none in {options.shards}", "render some, or other kinds="
        )
    sheet = arrange(blocks)
    write_atomic(Path(options.out), cv2.imencode(suffix, sheet[..., ::-1])[1].tobytes())
    stored = [k for i in range(len(index)) for k in index.kinds(i)]
    tally = ", ".join(f"{stored.count(k)} {k}" for k in ALL_KINDS)
    head = f"{len(index)} subjects, {len(stored)} views ({tally}); sheet of {len(blocks)} subjects in {options.out}"
    return "\n".join([head, *(warnings or ["nothing odd in the views shown"])])


def arrange(blocks: list[UInt8[np.ndarray, "_ _ 3"]]) -> UInt8[np.ndarray, "H W 3"]:
    """Subjects in rows, in as many columns as keep the sheet at most about 1.6 times as wide as high."""
    h, w = (max(b.shape[axis] for b in blocks) for axis in (0, 1))
    across = max(int(np.sqrt(1.6 * len(blocks) * h / w)), 1)
    same = [np.pad(b, ((0, h - b.shape[0]), (0, w - b.shape[1]), (0, 0))) for b in blocks]
    rows = [stack(same[i : i + across], axis=1, gap=6) for i in range(0, len(same), across)]
    return stack(rows, axis=0, gap=6)


def odd(view) -> list[str]:
    """Warnings about a suspicious view."""
    on, out = view.labels > 0, []
    outside = int((view.mask[on] != 1).sum())
    if outside:
        out.append(f"{outside} labels outside the mask of the subject")
    if view.kind == "body" and on.mean() < LABELLED:
        out.append(f"only {100 * on.mean():.1f} % of the pixels have a label")
    light = view.rgb[view.mask == 1].mean() if (view.mask == 1).any() else 128.0
    if light < 12 or light > 245:
        out.append(f"the subject is nearly {'black' if light < 12 else 'white'}")
    # Clothes are within centimetres of the body; a much larger mask is a failed cloth simulation.
    if view.kind == "body" and on.any() and (view.mask == 1).sum() > 4 * on.sum():
        out.append("the subject with clothes covers more than four times its labels")
    return out


def _check_size(views: int, options: InspectOptions) -> None:
    """InputError for a sheet that no program opens, before its pictures are drawn."""
    pixels = views * ROWS * options.size**2
    if pixels > Limits.IMAGE_PIXELS:
        found = f"about {pixels / 1e6:.0f} for {views} views of size={options.size}"
        fix = "lower count, views or size"
        raise InputError(f"a sheet of at most {Limits.IMAGE_PIXELS / 1e6:.0f} megapixels", found, fix)


def _kinds(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    names = tuple(k for n in names for k in (("left_hand", "right_hand") if n == "hands" else (n,)))
    unknown = sorted(set(names) - set(ALL_KINDS))
    if unknown:
        raise InputError(
            f"kinds among {', '.join(ALL_KINDS)}, hands", ", ".join(unknown), "for example kinds=body"
        )
    return names or ALL_KINDS


def _joints(index: ShardIndex, sample: int, model: BodyModel) -> Float[np.ndarray, "P 55 3"]:
    """Of everybody whose parameters are stored, the subject first."""
    import torch

    meta = index.meta(sample)
    if meta.get("topology", model.topology_id) != model.topology_id:
        found = f"{index.key(sample)} of body {meta.get('body')}, not {model.name}"
        raise InputError("shards of the body that was named", found, "give body=PATH of that body")
    with torch.no_grad():
        return model.joints(BodyParams.cat(index.people(sample))).numpy()
