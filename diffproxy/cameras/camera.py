"""One calibrated camera: OpenCV axes (x right, y down, z forward), metres, pixel centres at integer + 0.5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from diffproxy.cameras.lens import (
    LENSES,
    Lens,
    clean_coefficients,
    distort,
    is_one_to_one,
    undistort,
)
from diffproxy.cameras.pinhole import pinhole_K
from diffproxy.cameras.pixel_grid import PixelGrid
from diffproxy.cameras.validation import array_of, check_camera, whole_number
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.short_repr import short_repr

Number = float | int  # beartype, used in the tests, does not accept an int for a float


@checked
@dataclass(frozen=True)
class Camera:
    """One calibrated camera: `x_cam = R_cam_world @ x_world + t_cam_world`.

    Axes are OpenCV's (x right, y down, z forward), lengths metres, pixel centres at integer + 0.5.

    Args:
        name: Name, unique in its rig.
        width: Width of the image in pixels.
        height: Height of the image in pixels.
        K: (3, 3) intrinsics in pixels.
        R_cam_world: (3, 3) rotation from world to camera.
        t_cam_world: (3,) translation from world to camera, metres.
        distortion: Coefficients in OpenCV's order, k1 k2 p1 p2 [k3 ...]; empty for a pinhole camera.
        lens: "opencv", or "fisheye" for OpenCV's fisheye model with k1..k4.
        pixel_grid: Relation between the pixels of image files and of the calibration, if they differ (see `for_image`).

    Raises:
        InputError: numbers that are not finite, R not a rotation, focal length or size not above 0.
    """

    name: str
    width: int
    height: int
    K: Float[np.ndarray, "3 3"]
    R_cam_world: Float[np.ndarray, "3 3"]
    t_cam_world: Float[np.ndarray, " 3"]
    distortion: Float[np.ndarray, " D"] = field(default_factory=lambda: np.zeros(0))
    lens: Lens = "opencv"
    pixel_grid: PixelGrid | None = None

    __repr__ = short_repr

    def __post_init__(self):
        if self.lens not in LENSES:
            raise InputError(
                f"lens of camera {self.name} one of {LENSES}", f"{self.lens!r}", "use one of these"
            )
        for key, shape in (("K", (3, 3)), ("R_cam_world", (3, 3)), ("t_cam_world", (3,))):
            object.__setattr__(self, key, array_of(getattr(self, key), shape, f"{key} of camera {self.name}"))
        object.__setattr__(self, "distortion", clean_coefficients(self.distortion, self.lens))
        object.__setattr__(self, "width", int(self.width))
        object.__setattr__(self, "height", int(self.height))
        check_camera(self.name, (self.width, self.height), self.K, self.R_cam_world, self.t_cam_world)

    @property
    def center_world(self) -> Float[np.ndarray, " 3"]:
        return -self.R_cam_world.T @ self.t_cam_world

    @property
    def direction_world(self) -> Float[np.ndarray, " 3"]:
        """Unit vector of the optical axis, out of the lens."""
        return self.R_cam_world[2].copy()

    @property
    def is_pinhole(self) -> bool:
        return self.lens == "opencv" and self.distortion.size == 0

    def project(self, x_world: Float[np.ndarray, "*N 3"]) -> Float[np.ndarray, "*N 2"]:
        """Project world points.

        Args:
            x_world: (..., 3) points, metres.

        Returns:
            (..., 2) pixels, with lens distortion. NaN for points behind the camera, and beyond the angle where the lens
            polynomial turns back, since they would be projected into the image.
        """
        x_cam = np.asarray(x_world) @ self.R_cam_world.T + self.t_cam_world
        z = np.where(x_cam[..., 2:] > 1e-9, x_cam[..., 2:], np.nan)
        xy = x_cam[..., :2] / z
        if not self.is_pinhole:
            seen = is_one_to_one(xy, self.distortion, self.lens)  # false for NaN as well
            safe = np.where(seen[..., None], xy, 0.0)
            xy = np.where(seen[..., None], distort(safe, self.distortion, self.lens)[0], np.nan)
        return xy @ self.K[:2, :2].T + self.K[:2, 2]

    def normalized(self, pixels: Float[np.ndarray, "*N 2"]) -> Float[np.ndarray, "*N 2"]:
        """Remove intrinsics and distortion from pixels.

        Args:
            pixels: (..., 2) pixels.

        Returns:
            (..., 2) ideal coordinates X/Z, Y/Z without unit; NaN where the lens model does not reach the pixel.
        """
        xy = (np.asarray(pixels, dtype=np.float64) - self.K[:2, 2]) @ np.linalg.inv(self.K[:2, :2]).T
        return xy if self.is_pinhole else undistort(xy, self.distortion, self.lens)

    def unproject(
        self, pixels: Float[np.ndarray, "*N 2"], depth: Float[np.ndarray, "*N"] | Number
    ) -> Float[np.ndarray, "*N 3"]:
        """World points seen at given pixels and depths.

        Args:
            pixels: (..., 2) pixels.
            depth: z-depth along the optical axis, metres.

        Returns:
            (..., 3) points, metres, world frame.
        """
        xy = self.normalized(pixels)
        x_cam = np.concatenate([xy, np.ones_like(xy[..., :1])], axis=-1) * np.asarray(depth)[..., None]
        return (x_cam - self.t_cam_world) @ self.R_cam_world

    def rays_world(
        self, pixels: Float[np.ndarray, "*N 2"]
    ) -> tuple[Float[np.ndarray, " 3"], Float[np.ndarray, "*N 3"]]:
        """Viewing rays through pixels.

        Args:
            pixels: (..., 2) pixels.

        Returns:
            The camera centre (3,) in metres and unit directions (..., 3), world frame.
        """
        xy = self.normalized(pixels)
        ray = np.concatenate([xy, np.ones_like(xy[..., :1])], axis=-1) @ self.R_cam_world
        return self.center_world, ray / np.linalg.norm(ray, axis=-1, keepdims=True)

    def crop(
        self, box: tuple[Number, Number, Number, Number], size: tuple[int, int], name: str | None = None
    ) -> Camera:
        """The camera of a resampled region of the image. Only K changes: distortion acts before K.

        Args:
            box: (x0, y0, x1, y1) in pixels; it may reach beyond the image.
            size: (width, height) of the crop in pixels.
            name: Name of the new camera; by default the same.

        Returns:
            The camera of the crop.

        Raises:
            InputError: an empty box.
        """
        x0, y0, x1, y1 = box
        if not (x1 > x0 and y1 > y0):
            raise InputError("a box (x0, y0, x1, y1) with x1 > x0 and y1 > y0", f"{box}", "swap or widen it")
        sx, sy = size[0] / (x1 - x0), size[1] / (y1 - y0)
        K_new = np.array([[sx, 0.0, -x0 * sx], [0.0, sy, -y0 * sy], [0.0, 0.0, 1.0]]) @ self.K
        return replace(self, K=K_new, width=size[0], height=size[1], name=name or self.name, pixel_grid=None)

    def resize(self, width: int, height: int) -> Camera:
        """The camera of the whole image resampled to `width` x `height` pixels."""
        return self.crop((0.0, 0.0, float(self.width), float(self.height)), (width, height))

    def for_image(self, width: int, height: int) -> Camera:
        """The camera of an image file of `width` x `height` pixels, related to the calibration by `pixel_grid`."""
        grid = self.pixel_grid or PixelGrid()
        return replace(self, K=grid.image_K(self.K), width=width, height=height, pixel_grid=None)

    def undistorted(self, alpha: Number = 0.0) -> Camera:
        """A pinhole camera of the same size, pose and pixel aspect.

        Args:
            alpha: 0: every pixel of the result lies inside the source image, whose borders are cut; 1: the whole source
                image is kept, and borders may be black. Focal length and principal point change accordingly.

        Returns:
            The pinhole camera.

        Raises:
            InputError: the lens model has no inverse at the border.
        """
        if self.is_pinhole:
            return replace(self, pixel_grid=None)
        K = pinhole_K(self.K, (self.width, self.height), self.distortion, self.lens, alpha, self.name)
        return replace(self, K=K, distortion=np.zeros(0), lens="opencv", pixel_grid=None)

    def to_json(self) -> dict:
        """Plain JSON types; `from_json` gives the same camera back bit for bit."""
        data = {
            "name": self.name,
            "width": self.width,
            "height": self.height,
            "K": self.K.tolist(),
            "R_cam_world": self.R_cam_world.tolist(),
            "t_cam_world": self.t_cam_world.tolist(),
        }
        if not self.is_pinhole:
            data |= {"distortion": self.distortion.tolist(), "lens": self.lens}
        if self.pixel_grid is not None:
            data["pixel_grid"] = self.pixel_grid.to_json()
        return data

    @staticmethod
    def from_json(data: dict) -> Camera:
        """From `to_json`'s dictionary; raises InputError naming what is missing or unknown."""
        needed = {"name", "width", "height", "K", "R_cam_world", "t_cam_world"}
        known = needed | {"distortion", "lens", "pixel_grid"}
        if not isinstance(data, dict) or needed - set(data) or set(data) - known:
            keys = sorted(map(str, data)) if isinstance(data, dict) else data
            raise InputError(
                f"a camera with {sorted(needed)} and perhaps {sorted(known - needed)}",
                f"{keys}",
                "see docs/rigs.md for an example",
            )
        grid, lens = data.get("pixel_grid"), data.get("lens", "opencv")
        name = str(data["name"])
        if lens not in LENSES:
            raise InputError(f"lens of camera {name} one of {LENSES}", f"{lens!r}", "use one of these")
        return Camera(
            name=name,
            width=whole_number(data["width"], f"width of camera {name}"),
            height=whole_number(data["height"], f"height of camera {name}"),
            K=array_of(data["K"], (3, 3), f"K of camera {name}"),
            R_cam_world=array_of(data["R_cam_world"], (3, 3), f"R_cam_world of camera {name}"),
            t_cam_world=array_of(data["t_cam_world"], (3,), f"t_cam_world of camera {name}"),
            distortion=array_of(data.get("distortion", []), None, f"distortion of camera {name}"),
            lens=lens,
            pixel_grid=None if grid is None else PixelGrid.from_json(grid),
        )


@checked
def stack_cameras(
    cameras: Sequence[Camera],
) -> tuple[Float[np.ndarray, "V 3 3"], Float[np.ndarray, "V 3 3"], Float[np.ndarray, "V 3"]]:
    """Parameters of pinhole cameras as arrays.

    Args:
        cameras: V pinhole cameras.

    Returns:
        K (V, 3, 3), R_cam_world (V, 3, 3) and t_cam_world (V, 3), float64.

    Raises:
        InputError: a camera with distortion.
    """
    if not cameras:
        raise InputError("at least one camera", "none", "pass the cameras of the views")
    bent = [c.name for c in cameras if not c.is_pinhole]
    if bent:
        raise InputError("pinhole cameras", f"lens distortion in {bent}", "use camera.undistorted()")
    return (
        np.stack([c.K for c in cameras]),
        np.stack([c.R_cam_world for c in cameras]),
        np.stack([c.t_cam_world for c in cameras]),
    )
