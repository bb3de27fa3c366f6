"""Textures of garments, hair and skin in new colours, linear RGB."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from render_synth import colors
from render_synth.humans.garments.fabric_patterns import paint
from render_synth.humans.makehuman.asset_garments import TEXELS, AssetGarment

LINEAR = colors.linear(np.repeat(np.arange(256)[:, None] / 255.0, 3, 1))[:, 0]
GREY = np.array([0.2126, 0.7152, 0.0722], np.float32)


def linear(
    image: UInt8[np.ndarray, "S T 3"], tint: Float[np.ndarray, "3"] | None = None
) -> Float[np.ndarray, "S T 3"]:
    """sRGB bytes to linear RGB, times `tint`, kept within [0.003, 0.95]."""
    out = np.empty(image.shape, np.float32)
    for c in range(3):
        table = LINEAR * (1.0 if tint is None else tint[c])
        out[..., c] = np.clip(table, 0.003, 0.95).astype(np.float32)[image[..., c]]
    return out


def garment_texture(
    rng: np.random.Generator, garment: AssetGarment, pixels: int
) -> Float[np.ndarray, "S T 3"]:
    """The garment as it came, in other hues, in one colour, or with a pattern; its seams and creases stay."""
    u = rng.random()
    image = garment.image
    if image is not None and len(image) > pixels:
        image = image[:: len(image) // pixels, :: len(image) // pixels]
    if image is None or u < 0.35:
        return pattern_texture(rng, garment, min(pixels, 384))
    if u < 0.5:
        out = linear(image)
    elif u < 0.8:
        out = shifted(rng, image)
    else:
        grey = linear(image) @ GREY
        out = (grey / max(float(np.median(grey)), 0.02)).clip(0.2, 3.0)[..., None] * colors.cloth(rng)
    return np.clip(out * rng.uniform(0.75, 1.25), 0.003, 0.92).astype(np.float32)


def shifted(rng: np.random.Generator, image: UInt8[np.ndarray, "S T 3"]) -> Float[np.ndarray, "S T 3"]:
    """Hue, saturation and brightness moved at random."""
    import cv2

    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hue = (np.arange(256) + rng.uniform(0, 180)) % 180
    power, gain = np.exp(rng.normal(0, 0.35)), rng.uniform(0.3, 1.5)
    value = 255 * (np.arange(256) / 255) ** power
    for channel, table in enumerate((hue, gain * np.arange(256), value)):
        hsv[..., channel] = cv2.LUT(hsv[..., channel], np.clip(table, 0, 255).astype(np.uint8))
    return linear(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))


def pattern_texture(
    rng: np.random.Generator, garment: AssetGarment, pixels: int
) -> Float[np.ndarray, "S T 3"]:
    """A procedural pattern over the whole garment, continuous across its seams."""
    import cv2

    on, places, front = garment.texels
    step = max(TEXELS // pixels, 1)
    if step > 1:
        rows, columns = np.nonzero(on)
        some = (rows % step == 0) & (columns % step == 0)
        on, places, front = on[::step, ::step], places[some], front[some]
    image = np.zeros((*on.shape, 3), np.float32)
    if len(places):
        image[on] = paint(rng, places, front)
    known = on.astype(np.float32)
    for _ in range(3):  # grow over the islands' edges, where bilinear sampling reaches
        spread, weight = cv2.blur(image * known[..., None], (3, 3)), cv2.blur(known, (3, 3))
        fill = (known == 0) & (weight > 0)
        image[fill] = spread[fill] / weight[fill][:, None]
        known[fill] = 1
    size = (pixels, pixels)
    detail = cv2.resize(garment.detail[..., 0], size, interpolation=cv2.INTER_AREA)
    out = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR) * detail[..., None]
    return np.clip(out, 0.003, 0.92).astype(np.float32)


def hair_texture(
    rng: np.random.Generator, garment: AssetGarment, tint: Float[np.ndarray, "3"], pixels: int = 256
) -> Float[np.ndarray, "S T 3"]:
    """Strands of the image in another colour, or strands made up where the asset has no image."""
    if garment.image is not None:
        step = max(len(garment.image) // pixels, 1)
        image = garment.image[::step, ::step]
        grey = linear(image) @ GREY
        seen = grey[grey > 0.002]
        shade = (grey / max(float(np.median(seen)) if seen.size else 0.1, 0.005)).clip(0.25, 2.5)
    else:
        strands = rng.normal(1, 0.35, (1, 256)) + rng.normal(0, 0.12, (256, 256))
        shade = strands.clip(0.3, 2.0)
    return np.clip(shade[..., None] * tint, 0.003, 0.9).astype(np.float32)
