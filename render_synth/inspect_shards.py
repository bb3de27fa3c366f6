"""Contact sheets: see at a glance whether pictures, labels, UV, masks and cameras agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from diffproxy.data.shards import FULL, ShardIndex, ShardView
from diffproxy.errors import InputError
from diffproxy.proxies.files import write_atomic


def tile(
    view: ShardView, palette: Float[np.ndarray, "L 3"], joints: Float[np.ndarray, "J 3"], size: int
) -> UInt8[np.ndarray, "H W 3"]:
    """One view as a column: picture with joints, label overlay, UV, mask."""
    import cv2

    rgb = view.rgb.copy()
    marked = rgb.copy()
    for x, y in view.camera.project(joints):
        if np.isfinite(x) and 0 <= x < view.camera.width and 0 <= y < view.camera.height:
            cv2.circle(marked, (int(x), int(y)), 1, (0, 255, 0), -1)
    color = (palette[view.labels] * 255).astype(np.uint8)
    on = view.labels > 0
    overlay = np.where(on[..., None], (0.35 * rgb + 0.65 * color).astype(np.uint8), rgb)
    uv = np.zeros_like(rgb)
    uv[on, :2] = (view.uv[on] * 255).astype(np.uint8)
    uv[on, 2] = 255
    mask = np.array([[0, 0, 0], [255, 255, 255], [200, 60, 60]], np.uint8)[view.mask]
    out = [
        cv2.resize(p, None, fx=size / max(p.shape[:2]), fy=size / max(p.shape[:2]))
        for p in (marked, overlay, uv, mask)
    ]
    return np.concatenate(
        [np.pad(p, ((0, size - p.shape[0]), (0, size - p.shape[1]), (0, 0))) for p in out], 0
    )


def inspect(
    where: str | Path, picture: str | Path, count: int = 8, size: int = 160, body: str = "anny"
) -> str:
    """Write a contact sheet of the first `count` subjects; returns a line of text about the shards.

    `body` is the body that was rendered; shards of another topology raise InputError.
    """
    import cv2
    import torch

    from diffproxy.body import load_body

    index = ShardIndex(where)
    model = load_body(body)
    palette = np.asarray(model.atlas.palette.colors)
    rows = []
    for i in range(min(count, len(index))):
        meta = index.meta(i)
        if meta.get("topology", model.topology_id) != model.topology_id:
            found = f"{index.key(i)} of body {meta['body']}, not {model.name}"
            raise InputError("shards of the body that was named", found, "give body=PATH of that body")
        with torch.no_grad():
            joints = model.joints(index.params(i))[0].numpy()
        tiles = [tile(index.view(i, j), palette, joints, size) for j in range(len(index.kinds(i)))]
        if tiles:
            rows.append(np.concatenate(tiles, 1))
    kinds = [k for i in range(len(index)) for k in index.kinds(i)]
    if not rows:
        raise InputError(
            "subjects with views", f"{len(index)} subjects without any in {where}", "render some"
        )
    width = max(r.shape[1] for r in rows)
    sheet = np.concatenate([np.pad(r, ((0, 6), (0, width - r.shape[1]), (0, 0))) for r in rows])
    suffix = Path(picture).suffix.lower()
    if suffix not in (".png", ".jpg", ".jpeg"):
        raise InputError(
            "a picture named .png or .jpg", str(picture), "for example picture=contact_sheet.png"
        )
    write_atomic(Path(picture), cv2.imencode(suffix, sheet[..., ::-1])[1].tobytes())
    tally = ", ".join(f"{kinds.count(k)} {k}" for k in ("body", FULL, "left_hand", "right_hand"))
    return f"{len(index)} subjects, {len(kinds)} views ({tally}); sheet of {len(rows)} subjects in {picture}"
