"""Random camera settings, and the image formation they control: lens, sensor, tone curve and JPEG."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from render_synth.camera_effects import lens, sensor
from render_synth.colors import srgb

Number = float | int


@dataclass(frozen=True)
class CameraSettings:
    """Settings of one camera of a sample; the same for all crops of its frame."""

    exposure_error: float  # of the automatic exposure, in stops
    metering_key: float  # log-average brightness that the exposure aims at
    warmth: float  # white balance error: red against blue
    tint: float  # white balance error: green
    vignetting: float  # loss of light at the corner of the frame
    aberration: float  # magnification of red, and reduction of blue
    exposure_time: float  # seconds
    shake_speed: tuple[float, float]  # rotation of a hand-held camera, radians/s
    defocus: float  # circle of confusion at infinity per focal length; 0: none
    shot_noise: float  # variance per signal
    read_noise: float  # standard deviation
    noise_reduction: float  # strength
    shoulder: float  # brightness from which highlights are compressed
    contrast: float
    saturation: float
    black_level: float
    gamma: float
    sharpening: float
    jpeg_quality: int  # 0: no JPEG
    resolution: float  # true pixels along a side over calibrated ones


def sample_camera_settings(rng: np.random.Generator, strength: Number) -> CameraSettings:
    """Random settings. All errors grow with `strength` in [0, 1]; at 0 images are well exposed, sharp, noise-free."""
    n, u = rng.normal, rng.uniform
    wild = 1.0 if rng.random() < 0.1 else 0.0  # badly exposed or lit by coloured light
    iso = np.exp(n(0, 0.9))
    slow = rng.random() < 0.25  # long exposure
    cheap = rng.random() < 0.15
    return CameraSettings(
        exposure_error=strength * float(np.clip(n(0, 0.4 + 0.5 * wild), -1.6, 1.3)),
        metering_key=0.18 * float(np.exp(strength * n(0, 0.25))),
        warmth=strength * n(0, 0.08 + 0.12 * wild),
        tint=strength * n(0, 0.035 + 0.04 * wild),
        vignetting=strength * max(0.0, n(0.08, 0.1)),
        aberration=strength * n(0, 0.0006),
        exposure_time=strength * (1 / u(20, 60) if slow else 1 / u(80, 1000)),
        shake_speed=(n(0, 0.05), n(0, 0.05)) if rng.random() < 0.2 else (0.0, 0.0),
        defocus=strength * (u(0.003, 0.012) if rng.random() < 0.1 else 0.0),
        shot_noise=strength * 0.0004 * iso,
        read_noise=strength * 0.004 * iso,
        noise_reduction=strength * (u(0.1, 0.6) if rng.random() < 0.35 else 0.0),
        shoulder=u(0.6, 1.0),
        contrast=strength * n(0.15, 0.25),
        saturation=float(np.clip(np.exp(strength * n(0.05, 0.2)), 0.3, 1.8)) if rng.random() > 0.02 * strength else 0.0,
        black_level=strength * max(0.0, n(0, 0.03)),
        gamma=float(np.exp(strength * n(0, 0.08))),
        sharpening=strength * max(0.0, n(0.3, 0.5)),
        jpeg_quality=int(u(45, 80) if cheap else u(70, 97)) if strength > 0 else 0,
        resolution=1 - strength * (u(0.3, 0.7) if cheap else u(0, 0.3)),
    )  # fmt: skip


@dataclass(frozen=True)
class CropGeometry:
    """Position of a crop in the frame it is cut from, and motion of the subject; in pixels of the crop."""

    scale: float  # pixels of the crop per calibrated pixel of the frame
    center: tuple[float, float]  # of the frame
    half_diagonal: float  # of the frame
    focal: float
    subject_velocity: tuple[float, float] = (0.0, 0.0)  # pixels/s
    focus_distance: float = 0.0  # metres to the plane of focus


def simulate_camera(
    rng: np.random.Generator,
    light: Float[np.ndarray, "H W 3"],
    settings: CameraSettings,
    geometry: CropGeometry,
    gain: Number,
    subject: Bool[np.ndarray, "H W"] | None = None,
    depth: Float[np.ndarray, "H W"] | None = None,
) -> Float[np.ndarray, "H W 3"]:
    """Linear light to the sRGB image in [0, 1] of a camera with these settings; `gain` from `sensor.meter`.

    The `subject` mask and `depth` (metres) belong to the middle of the exposure. Noise, sharpening and JPEG act on the
    camera's own pixels, so that the crop of a far hand is as coarse as a real one.
    """
    h, w = light.shape[:2]
    center, image = np.array(geometry.center), light.astype(np.float32)
    if depth is not None and settings.defocus > 0 and geometry.focus_distance > 0:
        image = lens.depth_of_field(image, depth, geometry.focus_distance, settings.defocus * geometry.focal)
    limit = 0.04 * max(h, w)
    if subject is not None:
        step = np.array(geometry.subject_velocity) * settings.exposure_time
        image = lens.subject_motion(image, subject, _limited(step, limit))
    image = lens.shake(
        image, _limited(np.array(settings.shake_speed) * settings.exposure_time * geometry.focal, limit)
    )
    image = lens.vignette(image, center, geometry.half_diagonal, settings.vignetting)
    image = lens.chromatic_aberration(image, center, settings.aberration)
    # Down to the camera's own pixels, where those are coarser than the crop's.
    ratio = max(settings.resolution / geometry.scale, 0.3) if settings.jpeg_quality else 1.0
    size = (w, h) if ratio >= 0.95 else (max(round(w * ratio), 12), max(round(h * ratio), 12))
    image = sensor.resample(image, *size)
    finer = max(ratio, 1.0)  # several of the camera's pixels are averaged to one of the crop
    image = sensor.white_balance(
        sensor.expose(image, gain, settings.exposure_error), settings.warmth, settings.tint
    )
    image = sensor.noise(rng, image, settings.shot_noise / finer, settings.read_noise / np.sqrt(finer))
    image = srgb(sensor.soft_clip(image, settings.shoulder))
    image = sensor.smooth_noise(image, settings.noise_reduction / finer)
    image = sensor.tone(image, settings.contrast, settings.saturation, settings.black_level, settings.gamma)
    image = sensor.sharpen(image, settings.sharpening)
    if settings.jpeg_quality:
        image = sensor.jpeg(image, min(round(settings.jpeg_quality + 8 * np.log2(finer)), 98))
    return np.clip(sensor.resample(image, w, h), 0, 1)


def _limited(step: Float[np.ndarray, "2"], limit: float) -> Float[np.ndarray, "2"]:
    return step * min(1.0, limit / max(float(np.linalg.norm(step)), 1e-9))
