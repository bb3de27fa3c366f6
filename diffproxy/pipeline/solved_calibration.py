"""`rig.json` and its report in the folder of a run: cameras that `fit.py cameras=predicted|none` has solved."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


def report_path(rig_file: Path) -> Path:
    """`rig.report.json` for `rig.json`."""
    return rig_file.with_suffix(".report.json")


@dataclass(frozen=True)
class SolvedCalibration:
    """The solved cameras in the folder `out`, if there are any."""

    out: Path

    @property
    def rig(self) -> Path:
        """The calibration itself."""
        return self.out / "rig.json"

    def stamp(self) -> str | None:
        """Fingerprint of the options and images it was solved from; None where `fit.py` did not write the report."""
        try:
            found = json.loads(report_path(self.rig).read_text())
        except (OSError, ValueError, RecursionError):
            return None
        stamp = found.get("stamp") if isinstance(found, dict) else None
        return stamp if isinstance(stamp, str) else None

    def left_over(self, inputs: Sequence[Path]) -> bool:
        """Whether an earlier run has solved these cameras, and a run that reads `inputs` does not use them."""
        used = self.rig.resolve() in [path.resolve() for path in inputs]
        return self.rig.exists() and not used and self.stamp() is not None

    def remove(self) -> None:
        """Remove the calibration, then its report."""
        for path in (self.rig, report_path(self.rig)):
            path.unlink(missing_ok=True)


def is_solved(calibration: str) -> bool:
    """Whether `fit.py` has solved the cameras of a file from the body, in a world of their own."""
    path = Path(calibration).expanduser()
    solved = SolvedCalibration(path.parent)
    return bool(calibration) and path == solved.rig and solved.stamp() is not None
