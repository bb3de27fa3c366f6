"""A random camera, and the picture it takes of linear light. Strengths grow with `photo` in [0, 1]; 0: clean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from render_synth.camera_effects import lens, sensor
from render_synth.colors import srgb

Number = float | int


@dataclass(frozen=True)
class Photo:
    """How one camera of a sample takes pictures; the same for all crops of its frame."""

    stops: float  # error of the automatic exposure
    key: float
    warm: float
    tint: float
    fall: float  # vignetting at the corner of the frame
    aberration: float
    exposure: float  # seconds
    turn: tuple[float, float]  # radians/s of a hand-held camera
    aperture: float  # circle of confusion at infinity per focal length (0: all is sharp)
    shot: float
    read: float
    calm: float  # strength of the camera's noise reduction
    shoulder: float
    contrast: float
    saturation: float
    lift: float
    gamma: float
    sharp: float
    quality: int  # JPEG; 0: none
    long_side: float  # pixels of the camera's true resolution, as a fraction of the calibrated one


def draw_photo(rng: np.random.Generator, photo: Number) -> Photo:
    """A camera's habits. `photo` 0: well exposed, sharp and without noise."""
    n, u = rng.normal, rng.uniform
    wild = 1.0 if rng.random() < 0.1 else 0.0  # badly exposed or lit by coloured light
    iso = np.exp(n(0, 0.9))
    slow = rng.random() < 0.25  # long exposure
    cheap = rng.random() < 0.15
    return Photo(
        stops=photo * float(np.clip(n(0, 0.4 + 0.5 * wild), -1.6, 1.3)),
        key=0.18 * float(np.exp(photo * n(0, 0.25))),
        warm=photo * n(0, 0.08 + 0.12 * wild),
        tint=photo * n(0, 0.035 + 0.04 * wild),
        fall=photo * max(0.0, n(0.08, 0.1)),
        aberration=photo * n(0, 0.0006),
        exposure=photo * (1 / u(20, 60) if slow else 1 / u(80, 1000)),
        turn=(n(0, 0.05), n(0, 0.05)) if rng.random() < 0.2 else (0.0, 0.0),
        aperture=photo * (u(0.003, 0.012) if rng.random() < 0.1 else 0.0),
        shot=photo * 0.0004 * iso,
        read=photo * 0.004 * iso,
        calm=photo * (u(0.1, 0.6) if rng.random() < 0.35 else 0.0),
        shoulder=u(0.6, 1.0),
        contrast=photo * n(0.15, 0.25),
        saturation=float(np.clip(np.exp(photo * n(0.05, 0.2)), 0.3, 1.8)) if rng.random() > 0.02 * photo else 0.0,
        lift=photo * max(0.0, n(0, 0.03)),
        gamma=float(np.exp(photo * n(0, 0.08))),
        sharp=photo * max(0.0, n(0.3, 0.5)),
        quality=int(u(45, 80) if cheap else u(70, 97)) if photo > 0 else 0,
        long_side=1 - photo * (u(0.3, 0.7) if cheap else u(0, 0.3)),
    )  # fmt: skip


@dataclass(frozen=True)
class Frame:
    """Where a crop lies in the picture it is cut from, and what moves in it; all in pixels of the crop."""

    scale: float  # pixels of the crop per calibrated pixel of the frame
    centre: tuple[float, float]  # of the frame
    half: float  # half the frame's diagonal
    focal: float
    drift: tuple[float, float] = (0.0, 0.0)  # speed of the subject, pixels/s
    focus: float = 0.0  # distance of the plane of focus, metres


def shoot(
    rng: np.random.Generator,
    light: Float[np.ndarray, "H W 3"],
    photo: Photo,
    frame: Frame,
    gain: Number,
    subject: Bool[np.ndarray, "H W"] | None = None,
    depth: Float[np.ndarray, "H W"] | None = None,
) -> Float[np.ndarray, "H W 3"]:
    """Linear light to the sRGB picture in [0, 1] that `photo` takes of it; `gain` from `sensor.meter`.

    The subject is where a sharp pinhole sees it at the middle of the exposure. Noise, sharpening and JPEG act on the
    pixels the camera really has: a crop of a far hand is as coarse as in life.
    """
    h, w = light.shape[:2]
    centre, image = np.array(frame.centre), light.astype(np.float32)
    if depth is not None and photo.aperture > 0 and frame.focus > 0:
        image = lens.depth_of_field(image, depth, frame.focus, photo.aperture * frame.focal)
    limit = 0.04 * max(h, w)
    if subject is not None:
        image = lens.subject_motion(image, subject, _at_most(np.array(frame.drift) * photo.exposure, limit))
    image = lens.shake(image, _at_most(np.array(photo.turn) * photo.exposure * frame.focal, limit))
    image = lens.vignette(image, centre, frame.half, photo.fall)
    image = lens.chromatic_aberration(image, centre, photo.aberration)
    # Down to the camera's own pixels, where those are coarser than the crop's.
    ratio = max(photo.long_side / frame.scale, 0.3) if photo.quality else 1.0
    size = (w, h) if ratio >= 0.95 else (max(round(w * ratio), 12), max(round(h * ratio), 12))
    image = sensor.resample(image, *size)
    finer = max(ratio, 1.0)  # several of the camera's pixels are averaged to one of the crop
    image = sensor.white_balance(sensor.expose(image, gain, photo.stops), photo.warm, photo.tint)
    image = sensor.noise(rng, image, photo.shot / finer, photo.read / np.sqrt(finer))
    image = srgb(sensor.soft_clip(image, photo.shoulder))
    image = sensor.smooth_noise(image, photo.calm / finer)
    image = sensor.tone(image, photo.contrast, photo.saturation, photo.lift, photo.gamma)
    image = sensor.sharpen(image, photo.sharp)
    if photo.quality:
        image = sensor.jpeg(image, min(round(photo.quality + 8 * np.log2(finer)), 98))
    return np.clip(sensor.resample(image, w, h), 0, 1)


def _at_most(step: Float[np.ndarray, "2"], limit: float) -> Float[np.ndarray, "2"]:
    return step * min(1.0, limit / max(float(np.linalg.norm(step)), 1e-9))
