"""Sensor and image signal processor (ISP): exposure, white balance, noise, tone curve, sharpening, JPEG.

Each step is a pure function; `camera_settings.py` samples their parameters and applies them in this order.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from render_synth.colors import srgb

Number = float | int


def meter(light: Float[np.ndarray, "H W 3"], key: Number = 0.18, highlights: Number = 1.2) -> float:
    """The gain of an automatic exposure: the log-average becomes `key`, the 93 % quantile at most `highlights`."""
    grey = np.maximum(light.mean(-1), 1e-6)
    average = np.exp(np.mean(np.log(grey + 0.02 * grey.mean())))
    return float(min(key / average, highlights / max(float(np.quantile(grey, 0.93)), 1e-6)))


def grey_world(light: Float[np.ndarray, "H W 3"], strength: Number) -> Float[np.ndarray, "3"]:
    """Gains of an automatic white balance: at strength 1 the three channels get one mean; bright pixels count as 1."""
    mean = np.minimum(light, 3 * max(float(light.mean()), 1e-6)).mean((0, 1)) + 1e-6
    return (mean.mean() / mean) ** float(strength)


def expose(light: Float[np.ndarray, "H W 3"], gain: Number, stops: Number) -> Float[np.ndarray, "H W 3"]:
    """Light times gain, over-exposed by `stops` (negative: under-exposed)."""
    return (light * (gain * 2.0**stops)).astype(np.float32)


def white_balance(
    image: Float[np.ndarray, "H W 3"], warm: Number, tint: Number
) -> Float[np.ndarray, "H W 3"]:
    """Red times exp(warm), blue times exp(-warm), green times exp(-tint)."""
    return (image * np.exp([warm, -tint, -warm])).astype(np.float32)


def noise(
    rng: np.random.Generator, image: Float[np.ndarray, "H W 3"], shot: Number, read: Number
) -> Float[np.ndarray, "H W 3"]:
    """Gaussian noise of variance shot * signal + read ** 2, independent per pixel and channel; linear light."""
    sigma = np.sqrt(shot * np.maximum(image, 0) + float(read) ** 2)
    return (image + sigma * rng.standard_normal(image.shape, np.float32)).astype(np.float32)


def smooth_noise(image: Float[np.ndarray, "H W 3"], strength: Number) -> Float[np.ndarray, "H W 3"]:
    """Noise reduction of a camera: bilateral filter, colour smoothed more than brightness. `image` is sRGB."""
    import cv2

    if strength <= 0:
        return image
    calm = cv2.bilateralFilter(np.ascontiguousarray(image, np.float32), 5, 0.25 * strength, 2.0)
    grey = calm.mean(-1, keepdims=True)
    return (grey + cv2.GaussianBlur(calm - grey, (0, 0), 0.3 + 1.5 * strength)).astype(np.float32)


def soft_clip(image: Float[np.ndarray, "H W 3"], shoulder: Number) -> Float[np.ndarray, "H W 3"]:
    """Values above `shoulder` approach 1 instead of being cut; in [0, 1]."""
    image = np.maximum(image, 0)
    over = np.maximum(image - shoulder, 0)
    soft = shoulder + (1 - shoulder) * over / (over + 1 - shoulder + 1e-3)
    return np.where(image > shoulder, soft, image).astype(np.float32)


def tone(
    image: Float[np.ndarray, "H W 3"],
    contrast: Number = 0.0,
    saturation: Number = 1.0,
    lift: Number = 0.0,
    gamma: Number = 1.0,
) -> Float[np.ndarray, "H W 3"]:
    """Tone curve of an sRGB image: S-curve (-1 flat to 1 steep), saturation, black level, gamma; in [0, 1]."""
    x = np.clip(image, 0, 1) ** gamma
    x = x + contrast * (x * x * (3 - 2 * x) - x)
    grey = x @ np.array([0.299, 0.587, 0.114], np.float32)
    x = grey[..., None] + saturation * (x - grey[..., None])
    return np.clip(lift + (1 - lift) * x, 0, 1).astype(np.float32)


def sharpen(image: Float[np.ndarray, "H W 3"], amount: Number) -> Float[np.ndarray, "H W 3"]:
    """Unsharp mask: the image plus `amount` times its difference from itself blurred by one pixel."""
    import cv2

    if amount <= 0:
        return image
    blurred = cv2.GaussianBlur(image, (0, 0), 1.0)
    return np.clip(image + amount * (image - blurred), 0, 1).astype(np.float32)


def resample(image: Float[np.ndarray, "H W 3"], width: int, height: int) -> Float[np.ndarray, "h w 3"]:
    """Another size: averaged when smaller, bilinear when larger."""
    import cv2

    if (height, width) == image.shape[:2]:
        return image
    smaller = width * height < image.shape[0] * image.shape[1]
    return cv2.resize(
        np.ascontiguousarray(image, np.float32),
        (width, height),
        interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR,
    )


def jpeg(image: Float[np.ndarray, "H W 3"], quality: int) -> Float[np.ndarray, "H W 3"]:
    """Encode and decode as JPEG of that quality (1 to 100)."""
    import cv2

    eight = np.ascontiguousarray(np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)[..., ::-1])
    data = cv2.imencode(".jpg", eight, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))[..., ::-1].astype(np.float32) / 255


__all__ = [
    "expose", "jpeg", "meter", "noise", "resample", "sharpen", "smooth_noise", "soft_clip", "srgb", "tone",
    "white_balance",
]  # fmt: skip
