"""Draw the image at the top of the README: input crops, proxies and the fitted body of each view.

make demo                                                 # fits the synthetic rig into out/demo
python docs/make_pictures.py                              # writes docs/images/teaser.png
python docs/make_pictures.py --run out/fit --rig /data/take1 --frame 40 --out take1.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from diffproxy.body import load_body
from diffproxy.cameras import Camera, load_rig, open_frames
from diffproxy.proxies import load_proxies
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_atomic
from diffproxy.visualization import contact_sheet, draw_labels, draw_uv

CAPTIONS = ("input views", "proxies: part labels", "proxies: surface coordinates", "fitted SMPL-X body")
ASPECT = 0.7  # width over height of a tile: the middle of the square crop


def make_teaser(rig_folder: Path, run: Path, frame_id: int, height: int) -> np.ndarray:
    """Four blocks side by side, each with one tile per body view. Tiles are `height` pixels high."""
    frames = open_frames(rig_folder, load_rig(rig_folder))
    body = load_body("anny")
    maps, _ = load_proxies(run / "proxies" / f"{frame_id:06d}", body)
    full = dict(zip([c.name for c in frames.cameras], frames.cameras, strict=True))
    images = dict(zip(full, frames.read(frame_id), strict=True))
    blocks: list[list[np.ndarray]] = [[] for _ in CAPTIONS]
    for v, camera in enumerate(maps.cameras):
        if maps.kind[v] != "body" or camera.name not in full:
            continue
        box = crop_box(full[camera.name], camera)
        overlay = cv2.imread(str(run / "overlay" / camera.name / f"{frame_id:06d}.jpg"))
        if overlay is None:
            raise InputError(
                f"an overlay of {camera.name}", f"none in {run / 'overlay'}", "fit with save.overlay=true"
            )
        tiles = (
            cut(images[camera.name], box, height),
            draw_labels(maps.labels[v], body.atlas.palette),
            draw_uv(maps.labels[v], maps.uv[v]),
            cut(overlay[..., ::-1], box, height),
        )
        for block, tile in zip(blocks, tiles, strict=True):
            block.append(middle(tile, height))
    rows = [contact_sheet(block, columns=2, max_side=height, gap=2) for block in blocks]
    return contact_sheet(rows, CAPTIONS, columns=len(rows), max_side=max(rows[0].shape), gap=4)


def crop_box(full: Camera, crop: Camera) -> tuple[float, float, float, float]:
    """The region (x0, y0, x1, y1) of the full image that `crop` shows; both cameras share pose and lens."""
    scale = crop.K[0, 0] / full.K[0, 0]
    x0, y0 = full.K[:2, 2] - crop.K[:2, 2] / scale
    return x0, y0, x0 + crop.width / scale, y0 + crop.height / scale


def cut(image: np.ndarray, box: tuple[float, float, float, float], size: int) -> np.ndarray:
    """The region of the image, resampled to `size` x `size` pixels; black outside of the image."""
    x0, y0, x1, y1 = box
    sx, sy = (x1 - x0) / size, (y1 - y0) / size
    # From tile pixels to image pixels; OpenCV counts pixel centres from 0, the cameras from 0.5.
    to_image = np.array([[sx, 0, x0 + 0.5 * sx - 0.5], [0, sy, y0 + 0.5 * sy - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(np.ascontiguousarray(image), to_image, (size, size), flags=flags)


def middle(tile: np.ndarray, height: int) -> np.ndarray:
    """The upright middle of a square tile at `height` pixels; small maps are enlarged without smoothing."""
    large = cv2.resize(tile, (height, height), interpolation=cv2.INTER_NEAREST)
    width = round(ASPECT * height)
    left = (height - width) // 2
    return large[:, left : left + width]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rig", type=Path, default=Path("examples/synthetic_rig"), help="rig folder")
    parser.add_argument("--run", type=Path, default=Path("out/demo"), help="output folder of fit.py")
    parser.add_argument("--frame", type=int, default=0, help="number of the frame (0)")
    parser.add_argument("--height", type=int, default=192, help="height of a tile in pixels (192)")
    parser.add_argument("--out", type=Path, default=Path("docs/images/teaser.png"), help="PNG to write")
    options = parser.parse_args(arguments)
    sheet = make_teaser(options.rig, options.run, options.frame, options.height)
    png = cv2.imencode(".png", sheet[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
    write_atomic(options.out, png.tobytes())


if __name__ == "__main__":
    main()
