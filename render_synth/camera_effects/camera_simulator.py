"""Simulated cameras of one sample: settings and exposure of a camera are shared by all crops of its frame."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, UInt8

from diffproxy.cameras import Camera
from render_synth.camera_effects.camera_settings import (
    CameraSettings,
    CropGeometry,
    sample_camera_settings,
    simulate_camera,
)
from render_synth.camera_effects.sensor import grey_world, meter
from render_synth.cameras import Box
from render_synth.views import PlannedView

Number = float | int


class CameraSimulator:
    """Turns linear renders into camera images.

    `draw` gives the random generator of a name, `strength` in [0, 1] scales all effects, `place` is the middle of the
    subject in the world (metres).
    """

    def __init__(
        self, draw: Callable[[str], np.random.Generator], strength: Number, place: Float[np.ndarray, "3"]
    ):
        self.draw, self.strength, self.place = draw, strength, np.asarray(place, float)
        rng = draw("motion")
        speed = abs(rng.normal(0, 1.2)) if rng.random() < 0.6 else 0.0
        direction = rng.normal(0, 1, 3) * [1, 0.4, 1]
        self.velocity = speed * direction / np.linalg.norm(direction)  # metres/s of the whole subject
        self.cameras: dict[str, tuple[CameraSettings, float, np.ndarray]] = {}

    def capture(
        self,
        rng: np.random.Generator,
        view: PlannedView,
        light: Float[np.ndarray, "H W 3"],
        mask: UInt8[np.ndarray, "H W"],
        depth: Float[np.ndarray, "H W"],
    ) -> UInt8[np.ndarray, "H W 3"]:
        """The camera image of a view; `mask` is 1 on the subject, `depth` in metres, inf where nothing is hit."""
        source = view.source
        if source.name not in self.cameras:
            rng_settings = self.draw(f"photo-{source.name}")
            settings = sample_camera_settings(rng_settings, self.strength)
            balance = grey_world(light, float(rng_settings.uniform(0.3, 0.95)))
            gain = meter(light * balance, settings.metering_key, float(rng_settings.uniform(0.9, 1.4)))
            self.cameras[source.name] = settings, gain, balance
        settings, gain, balance = self.cameras[source.name]
        light = (light * balance).astype(np.float32)
        if view.kind not in ("body", "full"):  # half-way to the exposure of the hand itself
            gain *= float(np.clip(meter(light, settings.metering_key) / max(gain, 1e-9), 0.25, 4.0)) ** 0.5
        geometry = self._geometry(view.camera, source, view.crop)
        far = np.where(np.isfinite(depth), depth, 0.0).astype(np.float32)
        image = simulate_camera(rng, light, settings, geometry, gain, mask == 1, far)
        return np.round(image * 255).astype(np.uint8)

    def _geometry(self, camera: Camera, source: Camera, crop: Box) -> CropGeometry:
        scale = camera.width / (crop[2] - crop[0])
        step = 1e-3
        here, there = camera.project(np.stack([self.place, self.place + step * self.velocity]))
        drift = (there - here) / step if np.isfinite([here, there]).all() else np.zeros(2)
        z = float((camera.R_cam_world @ self.place + camera.t_cam_world)[2])
        return CropGeometry(
            scale=scale,
            center=(scale * (source.width / 2 - crop[0]), scale * (source.height / 2 - crop[1])),
            half_diagonal=scale * float(np.hypot(source.width, source.height)) / 2,
            focal=float(camera.K[0, 0]),
            subject_velocity=(float(drift[0]), float(drift[1])),
            focus_distance=max(z, 0.2),
        )
