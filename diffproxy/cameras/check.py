"""`check_rig`: does this calibration describe a rig that can exist? Text, warnings, errors, a picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from diffproxy.cameras.rig import Rig, guess_up_axis, meeting_point
from diffproxy.utils.errors import InputError

CONVERT = "python -m diffproxy.cameras convert {root}"


@dataclass(frozen=True)
class RigReport:
    """What `check_rig` found. `errors` make results meaningless, `warnings` deserve a look; each says what to do."""

    rig: Rig
    text: str
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def write_layout(self, path: Path | str) -> Path:
        """Write the layout seen from above and from the side as a PNG; returns the file."""
        from diffproxy.cameras.layout import write_layout

        return write_layout(self.rig, Path(path))

    def raise_errors(self) -> None:
        """Raise InputError with the first error, if any."""
        if self.errors:
            raise InputError("a plausible rig", self.errors[0], "see `python -m diffproxy.cameras check`")


def check_rig(rig: Rig) -> RigReport:
    """Measure the rig and look for the usual mistakes: inverted extrinsics, millimetres, wrong up axis, odd lenses."""
    warnings: list[str] = []
    errors: list[str] = []
    where = rig.root if rig.root is not None else "RIG"
    command = CONVERT.format(root=where)
    inverted = _inversion(rig, command, errors, warnings)
    _units(_baselines(rig.inverted() if inverted else rig), command, errors, warnings)
    if not inverted:  # directions of inverted cameras mean nothing
        _directions(rig, command, warnings)
    _lenses(rig, warnings)
    return RigReport(rig, _describe(rig, warnings, errors), warnings, errors)


def axis_angles_deg(rig: Rig) -> Float[np.ndarray, " V"]:
    """Angle of each optical axis to the point where the axes meet best (degrees; over 90: it lies behind)."""
    to_point = meeting_point(rig.cameras) - rig.centers_world
    axes = np.stack([c.direction_world for c in rig.cameras])
    length = np.maximum(np.linalg.norm(to_point, axis=1), 1e-12)
    return np.degrees(np.arccos(np.clip((to_point * axes).sum(1) / length, -1.0, 1.0)))


def implausibility_deg(rig: Rig) -> float:
    """Mean axis angle, plus up to 60 degrees where the cameras stand in nearly one spot for their distance.

    Over 3,000 random rigs (2-8 cameras, arcs of 60-360 degrees) it was under 12 for 99 % of true rigs, and larger for
    the inverted rig than for the true one in 99.5 %.
    """
    centers = rig.centers_world
    spread = np.linalg.norm(centers - centers.mean(0), axis=1).mean()
    reach = np.linalg.norm(meeting_point(rig.cameras) - centers, axis=1).mean()
    crowding = np.clip(1.0 - spread / max(0.3 * reach, 1e-12), 0.0, 1.0)
    return float(axis_angles_deg(rig).mean() + 60.0 * crowding)


def _baselines(rig: Rig) -> Float[np.ndarray, " N"]:
    centers = rig.centers_world
    i, j = np.triu_indices(len(centers), 1)
    return np.linalg.norm(centers[i] - centers[j], axis=1)


def _units(baselines, command: str, errors: list[str], warnings: list[str]) -> None:
    if not len(baselines):
        return
    typical = float(np.median(baselines))
    if typical >= 50:
        unit, factor = ("mm", 1e-3) if typical >= 300 else ("cm", 1e-2)
        also = ", or cm" if 300 <= typical < 800 else ""
        errors.append(
            f"lengths are not in metres: the cameras stand {typical:.0f} apart (median). They look like {unit}{also} "
            f"({typical * factor:.2f} m). Type: {command} units={unit}"
        )
        return
    if typical > 20:
        warnings.append(f"cameras stand {typical:.1f} m apart (median): are the lengths really metres?")
    if typical < 0.05:
        warnings.append(
            f"cameras stand {typical * 1000:.1f} mm apart (median): was the board's square size given in another unit? "
            f"Type {command} --scale FACTOR to multiply all lengths"
        )


def _inversion(rig: Rig, command: str, errors: list[str], warnings: list[str]) -> bool:
    if len(rig.cameras) < 2:
        return False
    flipped = rig.inverted()
    now, then = implausibility_deg(rig), implausibility_deg(flipped)
    text = (
        "extrinsics look inverted (world-from-camera where camera-from-world is expected): the optical axes miss a "
        f"common point by {axis_angles_deg(rig).mean():.0f} degrees and the cameras spread {_spread(rig):.2f}; "
        f"inverted it is {axis_angles_deg(flipped).mean():.0f} degrees and {_spread(flipped):.2f}. "
        f"Type: {command} invert=true"
    )
    if now > 25 and now > then + 20:
        errors.append(text)
        return True
    if now > then + 8:
        warnings.append("perhaps " + text)
    return False


def _spread(rig: Rig) -> float:
    centers = rig.centers_world
    return float(np.linalg.norm(centers - centers.mean(0), axis=1).mean())


def _directions(rig: Rig, command: str, warnings: list[str]) -> None:
    image_up = -np.mean([c.R_cam_world[1] for c in rig.cameras], axis=0)
    if np.linalg.norm(image_up) > 0.6 and image_up @ rig.up < 0.5 * np.linalg.norm(image_up):
        guess = guess_up_axis(rig.cameras)
        warnings.append(
            f"up_axis is {rig.up_axis}, but up in the pictures is nearest to {guess}. If the pictures are upright, "
            f"type: {command} up={guess}"
        )
    if len(rig.cameras) < 2:
        warnings.append("one camera only: depth cannot be measured")
        return
    for camera, angle in zip(rig.cameras, axis_angles_deg(rig), strict=True):
        if angle > 25:
            warnings.append(f"{camera.name} looks {angle:.0f} degrees past the point where the others look")
    if np.min(_baselines(rig)) < 1e-3:
        warnings.append("two cameras stand at the same place: is one calibration copied?")


def _lenses(rig: Rig, warnings: list[str]) -> None:
    for c in rig.cameras:
        fov = field_of_view_deg(c)
        if not 4 < fov[0] < 170:
            warnings.append(f"{c.name}: horizontal field of view {fov[0]:.1f} degrees; is K in pixels?")
        shift = np.abs(c.K[:2, 2] / (c.width, c.height) - 0.5)
        if shift.max() > 0.2:
            warnings.append(
                f"{c.name}: principal point ({c.K[0, 2]:.0f}, {c.K[1, 2]:.0f}) is far from the middle of "
                f"{c.width}x{c.height}; is the image size right (portrait and landscape exchanged)?"
            )
        if not 0.95 < c.K[0, 0] / c.K[1, 1] < 1.05:
            warnings.append(f"{c.name}: fx and fy differ by {abs(c.K[0, 0] / c.K[1, 1] - 1) * 100:.0f} %")


def field_of_view_deg(c) -> tuple[float, float]:
    """Horizontal and vertical field of view without distortion, degrees."""
    w = np.arctan2(c.K[0, 2], c.K[0, 0]) + np.arctan2(c.width - c.K[0, 2], c.K[0, 0])
    h = np.arctan2(c.K[1, 2], c.K[1, 1]) + np.arctan2(c.height - c.K[1, 2], c.K[1, 1])
    return float(np.degrees(w)), float(np.degrees(h))


def _describe(rig: Rig, warnings: list[str], errors: list[str]) -> str:
    middle, angles, baselines = meeting_point(rig.cameras), axis_angles_deg(rig), _baselines(rig)
    lines = [f"rig {rig.name}: {len(rig.cameras)} cameras, up {rig.up_axis}, metres"]
    if len(baselines):
        lines.append(
            f"baselines {baselines.min():.2f} .. {baselines.max():.2f} m, median {np.median(baselines):.2f}"
        )
    lines.append(
        f"optical axes meet near ({', '.join(f'{v:.2f}' for v in middle)}), height {middle @ rig.up:.2f}"
    )
    width = max(6, *(len(c.name) for c in rig.cameras))
    lines.append(
        f"{'camera':<{width}}  {'picture':>11}  {'height':>7}  {'distance':>8}  {'pitch':>6}  {'off axis':>8}  "
        f"{'view':>9}  lens"
    )
    for c, angle in zip(rig.cameras, angles, strict=True):
        pitch = np.degrees(np.arcsin(np.clip(c.direction_world @ rig.up, -1, 1)))
        fov = field_of_view_deg(c)
        lens = "pinhole" if c.is_pinhole else f"{c.lens} ({c.distortion.size} numbers)"
        lines.append(
            f"{c.name:<{width}}  {f'{c.width}x{c.height}':>11}  {c.center_world @ rig.up:>5.2f} m  "
            f"{np.linalg.norm(middle - c.center_world):>6.2f} m  {pitch:>5.0f}°  {angle:>7.1f}°  "
            f"{f'{fov[0]:.0f}°x{fov[1]:.0f}°':>9}  {lens}"
        )
    lines += [f"note: {text}" for text in rig.notes]
    lines += [f"warning: {text}" for text in warnings] + [f"ERROR: {text}" for text in errors]
    if not warnings and not errors:
        lines.append("no fault found")
    return "\n".join(lines)
