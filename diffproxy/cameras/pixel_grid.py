"""Relation between the pixels of image files and of the calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError

LARGEST_SCALE = 100.0


@checked
@dataclass(frozen=True)
class PixelGrid:
    """`calibration pixel = scale * image pixel + shift`, both in pixels with centres at integer + 0.5.

    Needed when images were resized, cropped or letterboxed after (or before) the calibration.
    """

    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self):
        object.__setattr__(self, "scale", float(self.scale))
        numbers = np.array([self.scale, *self.shift], dtype=np.float64)
        known = numbers.shape == (3,) and np.isfinite(numbers).all()
        if not (known and 1 / LARGEST_SCALE <= self.scale <= LARGEST_SCALE):
            raise InputError(
                f'a pixel grid like {{"scale": 1.5, "shift": [0, -7.1]}}, scale up to {LARGEST_SCALE:g} or its inverse',
                f"scale {self.scale}, shift {self.shift}",
                "correct `pixel_grid` of this camera in rig.json",
            )

    def image_K(self, K: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "3 3"]:
        """Intrinsics for pixels of the image file, from those for pixels of the calibration."""
        s, (dx, dy) = 1.0 / self.scale, self.shift
        return np.array([[s, 0.0, -dx * s], [0.0, s, -dy * s], [0.0, 0.0, 1.0]]) @ K

    def overlaps(self, image: tuple[int, int], calibrated: tuple[int, int]) -> bool:
        """Whether an image of this (width, height) lies on the calibrated one at all."""
        low = np.array(self.shift)
        high = low + self.scale * np.array(image)
        return bool((high > 0).all() and (low < calibrated).all())

    @property
    def is_identity(self) -> bool:
        return self.scale == 1.0 and tuple(self.shift) == (0.0, 0.0)

    def to_json(self) -> dict:
        return {"scale": float(self.scale), "shift": [float(v) for v in self.shift]}

    @staticmethod
    def from_json(data: dict) -> PixelGrid:
        """From {"scale": s, "shift": [x, y]}; either may be left out."""
        if not isinstance(data, dict) or not set(data) <= {"scale", "shift"}:
            raise InputError(
                'pixel_grid {"scale": s, "shift": [x, y]}', f"{data!r}", "use these two keys only"
            )
        try:
            x, y = (float(v) for v in data.get("shift", (0.0, 0.0)))
            return PixelGrid(float(data.get("scale", 1.0)), (x, y))
        except (TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                'pixel_grid {"scale": s, "shift": [x, y]}', f"{data!r}", "use numbers"
            ) from error


CUT_AT_THE_SIDES = 0.95
"""Of the width: images of nearly the calibrated width were resized (1080 columns for 1088), narrower ones were cut."""


def guess_pixel_grid(calibrated: tuple[int, int], image: tuple[int, int]) -> tuple[PixelGrid, str]:
    """Relate images to a calibration of another size.

    Same aspect: resized. Same height, narrower: cut off in equal parts at the sides. Otherwise the width is taken as
    common, and the difference in height as cut off or added in equal parts above and below.

    Args:
        calibrated: (width, height) of the calibration, pixels.
        image: (width, height) of the image files, pixels.

    Returns:
        The relation, and a sentence about it for the user.

    Raises:
        InputError: images that seem to be rotated by 90 degrees.
    """
    (cw, ch), (pw, ph) = calibrated, image
    if (pw, ph) == (cw, ch):
        return PixelGrid(), ""
    if (pw > ph) != (cw > ch) and pw != ph and cw != ch:
        raise InputError(
            f"images of {cw}x{ch}, as calibrated",
            f"images of {pw}x{ph}: portrait and landscape are exchanged",
            "turn the images as they were when calibrating: rig.rotate=CAMERA:90 clockwise, or 270",
        )
    scale = cw / pw
    if abs(scale * ph - ch) <= scale:  # less than one image pixel of height: rounding of the sizes
        return PixelGrid(scale), f"image {pw}x{ph}, calibration {cw}x{ch}: resized, scale {scale:.5g}"
    if ph == ch and pw <= CUT_AT_THE_SIDES * cw:
        side = (cw - pw) / 2
        return PixelGrid(1.0, (side, 0.0)), (
            f"image {pw}x{ph}, calibration {cw}x{ch}: the aspect differs; taken as cut off by {side:.1f} columns "
            f"at each side (pixel_grid scale 1, shift {side:.4g}, 0). If they were made otherwise, "
            "set pixel_grid of this camera in rig.json"
        )
    shift = (ch - scale * ph) / 2
    how = "cut off" if shift > 0 else "added"
    text = (
        f"image {pw}x{ph}, calibration {cw}x{ch}: the aspect differs; taken as scale {scale:.5g} by width, "
        f"{abs(shift) / scale:.1f} image rows {how} above and below (pixel_grid scale {scale:.6g}, "
        f"shift 0, {shift:.4g}). If they were made otherwise, set pixel_grid of this camera in rig.json"
    )
    return PixelGrid(scale, (0.0, shift)), text
