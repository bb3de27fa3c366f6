"""`check_rig`: does this calibration describe a rig that can exist? Text, warnings, errors, a picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from diffproxy.cameras.extrinsics_conventions import CONVENTIONS, upright_deg
from diffproxy.cameras.formats.rig_json import UNITS
from diffproxy.cameras.rig import Rig, guess_up_axis
from diffproxy.cameras.rig_measures import (
    axis_angles_deg,
    baseline_lengths,
    camera_spread,
    describe_rig,
    field_of_view_deg,
    implausibility_deg,
    subject_distance,
)
from diffproxy.cameras.views import without
from diffproxy.utils.checked import checked
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
            found, _, typed = self.errors[0].partition(" Type: ")
            where = self.rig.root if self.rig.root is not None else "RIG"
            typed = f"type: {typed}" if typed else f"type: python -m diffproxy.cameras check {where}"
            raise InputError("a calibration of a rig that can exist", found, typed)


@checked
def check_rig(rig: Rig) -> RigReport:
    """Measure the rig and look for the usual mistakes: inverted extrinsics, millimetres, wrong up axis, odd lenses."""
    warnings = [f"every body fitted with this calibration is doubtful: {doubt}" for doubt in rig.doubts]
    errors: list[str] = []
    where = rig.root if rig.root is not None else "RIG"
    command = CONVERT.format(root=where)
    right = _convention(rig, command, errors, warnings)
    _units(right or rig, command, errors, warnings)
    _one_place(right or rig, errors)
    if right is None:  # directions of inverted cameras mean nothing
        _directions(rig, command, warnings)
    _lenses(rig, warnings)
    return RigReport(rig, describe_rig(rig, warnings, errors), warnings, errors)


NEAR, FAR = 0.7, 15.0
"""Metres from a camera to the subject: nearer the body does not fit into the image, farther it is too small."""
USUAL = 3.5


def _units(rig: Rig, command: str, errors: list[str], warnings: list[str]) -> None:
    baselines = baseline_lengths(rig)
    if not len(baselines):
        return
    typical = float(np.median(baselines))
    if typical >= 50:
        reach = max(subject_distance(rig), typical / 2)  # parallel axes meet nowhere
        units = {
            unit: factor for unit, factor in UNITS.items() if NEAR <= reach * factor <= FAR and unit != "m"
        }
        order = sorted(units or {"mm": 1e-3}, key=lambda unit: abs(np.log(reach * UNITS[unit] / USUAL)))
        each = " or ".join(
            f"{unit} (then {typical * UNITS[unit]:.2f} m apart, {reach * UNITS[unit]:.2f} m from the subject)"
            for unit in order
        )
        errors.append(
            f"lengths are not in metres: the cameras stand {typical:.0f} apart (median). They look like {each}. "
            + f"Type: {command} "
            + f" ; or: {command} ".join(f"units={unit}" for unit in order)
        )
        return
    if typical > 20:
        warnings.append(f"cameras stand {typical:.1f} m apart (median): are the lengths really metres?")
    if typical < 0.05:
        factors = [f for f in (10, 100, 1000) if NEAR <= subject_distance(rig) * f <= FAR]
        warnings.append(
            f"cameras stand {typical * 1000:.1f} mm apart (median): was the board's square size given in another unit? "
            + f"Type: {command} "
            + f" ; or: {command} ".join(f"scale={factor:g}" for factor in factors or [1000])
        )


ALIKE_DEG = 8.0
"""Conventions that fit worse than the best by less than this are named as well."""


def _convention(rig: Rig, command: str, errors: list[str], warnings: list[str]) -> Rig | None:
    """The rig as another convention reads it, if the present one cannot be true (then there is an error)."""
    if len(rig.cameras) < 2:
        return None
    read = [(c, c.apply(rig)) for c in CONVENTIONS]
    now = implausibility_deg(rig)
    scores = [implausibility_deg(other) for _, other in read]
    ranks = [score + upright_deg(other) for score, (_, other) in zip(scores, read, strict=True)]
    order = np.argsort(ranks, kind="stable")
    best = int(order[0])
    alike = [int(i) for i in order if ranks[i] < ranks[best] + ALIKE_DEG and scores[i] < now - ALIKE_DEG]
    if not alike:
        return None
    text = (
        f"extrinsics look {' or '.join(read[i][0].name for i in alike)}: the optical axes miss a common point by "
        f"{axis_angles_deg(rig).mean():.0f} degrees and the cameras spread {camera_spread(rig):.2f}; corrected it is "
        f"{axis_angles_deg(read[best][1]).mean():.0f} degrees and {camera_spread(read[best][1]):.2f}. "
        + f"Type: {command} "
        + f" ; or: {command} ".join(read[i][0].options for i in alike)
    )
    if now > 25 and now > scores[best] + 20:
        errors.append(text)
        return read[best][1]
    warnings.append("perhaps " + text)
    return None


def _one_place(rig: Rig, errors: list[str]) -> None:
    baselines = baseline_lengths(rig)
    if len(baselines) and baselines.max() < 1e-3:
        errors.append(
            "all cameras stand in one place: depth cannot be measured. Calibrate their positions (extrinsics), "
            "not only their directions"
        )


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
    names = [c.name for c in rig.cameras]
    stray = {name: a for name, a in zip(names, axis_angles_deg(rig), strict=True) if a > 25}
    leave = without(stray, names) if 2 * len(stray) < len(names) else ""
    for name, angle in stray.items():
        text = f"{name} looks {angle:.0f} degrees past the point where the others look"
        warnings.append(f"{text}. If its calibration is wrong, {leave}" if leave else text)
    if np.min(baselines := baseline_lengths(rig)) < 1e-3:
        pair = [names[i[np.argmin(baselines)]] for i in np.triu_indices(len(names), 1)]
        leave = without(pair, names, "calibrate one of them again")
        warnings.append(
            f"{' and '.join(pair)} stand at the same place: is one calibration copied? If so, {leave}"
        )


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
