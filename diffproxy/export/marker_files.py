"""Virtual markers as TRC and C3D, for OpenSim, AddBiomechanics and motion-capture programs."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np

from diffproxy.export.markers import marker_positions
from diffproxy.export.motion import BodyMotion
from diffproxy.utils.extras import require_extra
from diffproxy.utils.io import atomic_path, write_atomic

MM = 1000.0
BLOCK = 512  # bytes of a C3D file


def write_trc(path: Path, motion: BodyMotion) -> None:
    """TRC: text, +Y up as OpenSim wants it, millimetres; a marker that is not known is an empty field."""
    names, points, _ = marker_positions(motion.with_up_axis("+Y"))
    frames, rate = len(motion), f"{motion.fps:g}"
    axes = "\t".join(f"X{m}\tY{m}\tZ{m}" for m in range(1, len(names) + 1))
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{rate}\t{rate}\t{frames}\t{len(names)}\tmm\t{rate}\t1\t{frames}",
        "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t",
        "\t\t" + axes,
        "",
    ]
    for row, numbers in enumerate((MM * points).reshape(frames, -1).tolist()):
        fields = ("" if x != x else f"{x:.3f}" for x in numbers)  # x != x: NaN
        lines.append("\t".join([str(row + 1), f"{row / motion.fps:.6f}", *fields]))
    write_atomic(path, ("\n".join(lines) + "\n").encode())


def write_c3d(path: Path, motion: BodyMotion) -> None:
    """C3D by ezc3d: +Z up, millimetres; a marker that is not known is invalid (residual -1)."""
    require_extra("ezc3d", "c3d")
    import ezc3d

    names, points, _ = marker_positions(motion.with_up_axis("+Z"))
    file = ezc3d.c3d()
    parameters = file["parameters"]["POINT"]
    parameters["UNITS"]["value"] = ["mm"]
    parameters["RATE"]["value"] = [motion.fps]
    parameters["LABELS"]["value"] = names
    file.add_parameter("POINT", "X_SCREEN", ["+X"])
    file.add_parameter("POINT", "Y_SCREEN", ["+Z"])
    rows = np.full((4, len(names), len(motion)), 1.0)
    rows[:3] = MM * points.transpose(2, 1, 0)
    file["data"]["points"] = rows
    with atomic_path(path, suffix=True) as temporary:  # ezc3d changes names that do not end with .c3d
        file.write(str(temporary))
        with temporary.open("rb") as written:  # it does not say what it could not write
            begin = BLOCK * (int.from_bytes(written.read(18)[16:], "little") - 1)
        if temporary.stat().st_size < begin + rows.size * 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
