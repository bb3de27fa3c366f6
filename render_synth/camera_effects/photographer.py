"""Takes the pictures of one sample: a camera keeps its habits and its exposure over all crops of its frame."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, UInt8

from diffproxy.cameras import Camera
from render_synth.camera_effects.develop import Frame, Photo, draw_photo, shoot
from render_synth.camera_effects.sensor import grey_world, meter
from render_synth.cameras import Box
from render_synth.views import Shot

Number = float | int


class Photographer:
    """`draw`: gives the sample's random streams by name; `place`: the middle of the subject (metres)."""

    def __init__(
        self, draw: Callable[[str], np.random.Generator], photo: Number, place: Float[np.ndarray, "3"]
    ):
        self.draw, self.photo, self.place = draw, photo, np.asarray(place, float)
        rng = draw("motion")
        speed = abs(rng.normal(0, 1.2)) if rng.random() < 0.6 else 0.0
        way = rng.normal(0, 1, 3) * [1, 0.4, 1]
        self.velocity = speed * way / np.linalg.norm(way)  # metres/s of the whole subject
        self.cameras: dict[str, tuple[Photo, float, np.ndarray]] = {}

    def take(
        self,
        rng: np.random.Generator,
        shot: Shot,
        light: Float[np.ndarray, "H W 3"],
        mask: UInt8[np.ndarray, "H W"],
        depth: Float[np.ndarray, "H W"],
    ) -> UInt8[np.ndarray, "H W 3"]:
        """The picture of a shot; mask 1 is the subject, depth in metres, inf: infinitely far."""
        source = shot.source
        if source.name not in self.cameras:
            habits = self.draw(f"photo-{source.name}")
            photo = draw_photo(habits, self.photo)
            balance = grey_world(light, float(habits.uniform(0.3, 0.95)))
            gain = meter(light * balance, photo.key, float(habits.uniform(0.9, 1.4)))
            self.cameras[source.name] = photo, gain, balance
        photo, gain, balance = self.cameras[source.name]
        light = (light * balance).astype(np.float32)
        if shot.kind not in ("body", "full"):  # people turn up the light to see a hand: meet half-way
            gain *= float(np.clip(meter(light, photo.key) / max(gain, 1e-9), 0.25, 4.0)) ** 0.5
        frame = self._frame(shot.camera, source, shot.crop)
        far = np.where(np.isfinite(depth), depth, 0.0).astype(np.float32)
        picture = shoot(rng, light, photo, frame, gain, mask == 1, far)
        return np.round(picture * 255).astype(np.uint8)

    def _frame(self, camera: Camera, source: Camera, crop: Box) -> Frame:
        scale = camera.width / (crop[2] - crop[0])
        step = 1e-3
        here, there = camera.project(np.stack([self.place, self.place + step * self.velocity]))
        drift = (there - here) / step if np.isfinite([here, there]).all() else np.zeros(2)
        z = float((camera.R_cam_world @ self.place + camera.t_cam_world)[2])
        return Frame(
            scale=scale,
            centre=(scale * (source.width / 2 - crop[0]), scale * (source.height / 2 - crop[1])),
            half=scale * float(np.hypot(source.width, source.height)) / 2,
            focal=float(camera.K[0, 0]),
            drift=(float(drift[0]), float(drift[1])),
            focus=max(z, 0.2),
        )
