"""The folder of a run: its settings in `run.json`, which files runs have written, and what may be removed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from diffproxy.pipeline.solved_calibration import SolvedCalibration
from diffproxy.utils.begun_options import require_same
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.digests import fingerprint
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import make_folder, remove_leftovers, write_atomic
from diffproxy.utils.one_writer import OneWriter

NOTE = "run.json"
NOTE_BYTES = 1 << 30  # it lists every file of a run
CLAIMS = "frames_claims"  # frames of a person without the pixels that others' bodies explain
CONTACT = "frames_contact"  # frames of a person moved out of other people
FOLDERS = ("frames", "frames_shared", CLAIMS, CONTACT, "mesh", "proxies", "video")
# What a run.json may have removed: a file from elsewhere must not be able to name other files.
WRITTEN = re.compile(
    r"(frames|frames_shared|frames_claims|frames_contact)/\d+\.npz|mesh/\d+\.(glb|ply|obj)|overlay/(?!\.\.?/)[^/]+/\d+\.jpg|video/(?!\.)[^/]+\.mp4|proxies/\d+/"
    r"|result\.npz|run\.json|metrics\.json|sequence\.json|drawn\.json|report\.html|viewer\.html|config\.yaml"
    r"|people\.json|detections\.json"
)
PROXY_FILE = re.compile(r"v\d+\.\w+\.\w+\.png|proxies\.json|capture\.json|encoder_keypoints\.npy")


class RunFolder:
    """The folder of a run, with `run.json`: its settings, and all files that runs have written here.

    Args:
        out: The folder.
        settings: Everything that changes a frame's result, as plain JSON.
    """

    def __init__(self, out: Path, settings: dict[str, Any]):
        self.out, self.settings, self.note = out, settings, out / NOTE
        self.stamp = fingerprint(settings)
        self._writer: OneWriter | None = None
        self._content = b""

    def check(self, files: Sequence[str], overwrite: bool, inputs: Sequence[Path] = ()) -> None:
        """Whether `open` with the same arguments will do; nothing is changed."""
        if self.out.exists() and not self.out.is_dir():
            raise InputError("a folder to write to", f"{self.out}, a file", "choose another out=DIR")
        if self.out.is_symlink() and not self.out.exists():
            found = f"{self.out}, a link that leads nowhere or to itself"
            raise InputError("a folder to write to", found, "choose another out=DIR")
        earlier, written = self._earlier()
        if earlier is not None and not overwrite and fingerprint(earlier["settings"]) != self.stamp:
            what = f"the settings and inputs that the results in {self.out} were computed with"
            fix = "add overwrite=true to start again, or choose another out=DIR"
            require_same(earlier["settings"], self.settings, what, fix)
        foreign = sorted(f for f in {*files} - written if (self.out / f).exists())
        if foreign:
            raise InputError(
                f"in {self.out} no files of others under the names of this run's results",
                f"{', '.join(foreign[:5])}, which no run.json lists",
                "move them, or choose another out=DIR",
            )
        cameras = SolvedCalibration(self.out)
        if cameras.left_over(inputs) and not overwrite:
            raise InputError(
                f"in {self.out} no cameras of another run",
                f"{cameras.rig}, solved by a run with cameras=none or predicted",
                "add overwrite=true to remove them, choose another out=DIR, or fit with them:"
                f" rig.calibration={cameras.rig}",
            )
        if overwrite:
            self._protect(written, inputs)

    def open(
        self, files: Sequence[str], overwrite: bool, inputs: Sequence[Path] = (), alone: bool = True
    ) -> None:
        """Make the folder ready to write `files`, names relative to it. Call it after all inputs are checked.

        `overwrite` removes what earlier runs have written, as their run.json lists it, and nothing else. InputError,
        before anything is changed, where the folder has results of other settings (without `overwrite`), where a file
        that no run has written is in the way, and where one of `inputs` would be removed. `alone`: no other run writes
        here at the same time, so that temporary files are leftovers; one that does is an InputError, until `release`.
        """
        self.check(files, overwrite, inputs)
        if self._writer is None:
            self._writer = OneWriter(make_folder(self.out), shared=not alone)
            self.check(files, overwrite, inputs)  # what another run has written in the meantime
        earlier, written = self._earlier()
        if overwrite:
            if (cameras := SolvedCalibration(self.out)).left_over(inputs):
                cameras.remove()
            remove_files(self.out, written - {NOTE})  # last: a killed removal can be finished
            written = set()
        for folder in (
            () if not alone else (self.out, *(self.out / f for f in FOLDERS), *self.out.glob("overlay/*"))
        ):
            remove_leftovers(folder)
        note = {
            "fingerprint": self.stamp,
            "settings": self.settings,
            "files": sorted(written | {*files, NOTE}),
        }
        self._content = (json.dumps(note, indent=1) + "\n").encode()
        if note != earlier:
            write_atomic(self.note, self._content)

    def release(self) -> None:
        """Everything is written: other processes may write here.

        Where somebody has removed the folder meanwhile, the files written since are listed again: a run without its
        list would be a stranger's to the next one.
        """
        if self._writer is not None:
            if self.out.is_dir() and not self.note.exists():
                write_atomic(self.note, self._content)
            self._writer.release()
            self._writer = None

    def clear(self, inputs: Sequence[Path] = ()) -> None:
        """Remove what runs have written here, and the folder if nothing else is in it; InputError as for `open`."""
        earlier, written = self._earlier()
        if earlier is None:
            return
        self._protect(written, inputs)
        remove_files(self.out, written - {NOTE})
        self.note.unlink(missing_ok=True)
        if self.out.is_dir() and not any(self.out.iterdir()):
            self.out.rmdir()

    def _earlier(self) -> tuple[dict[str, Any] | None, set[str]]:
        """Content of run.json, and the files that it lists."""
        earlier = self._read_note()
        return earlier, set() if earlier is None else {f for f in earlier["files"] if WRITTEN.fullmatch(f)}

    def _read_note(self) -> dict[str, Any] | None:
        if not self.note.exists():
            return None
        try:
            found = read_json(self.note, "a run", NOTE_BYTES, finite=False)
            if not isinstance(found["settings"], dict) or not all(isinstance(f, str) for f in found["files"]):
                raise TypeError("settings and files of other types")
            return {k: found[k] for k in ("fingerprint", "settings", "files")}
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            found = error.found if isinstance(error, InputError) else f"{error!r}"[:200]
            expected = f"{self.note} as a run of fit.py writes it"
            raise InputError(expected, found, "choose another out=DIR") from error

    def _protect(self, written: set[str], inputs: Sequence[Path]) -> None:
        doomed = {(self.out / f).resolve() for f in written}
        for path in (p.resolve() for p in inputs):
            if any(path == d or path in d.parents or d in path.parents for d in doomed):
                raise InputError(
                    "inputs outside of what overwrite=true removes",
                    f"{path}, which holds results of the run in {self.out}",
                    "choose another out=DIR",
                )


def remove_files(out: Path, names: Iterable[str]) -> None:
    """Remove these files below `out` (of a folder of proxies its own files), and the folders that are empty then."""
    for name in names:
        path = out / name
        for file in proxy_files(path) if name.endswith("/") else [path]:
            file.unlink(missing_ok=True)
        for folder in (path, *path.parents):
            if out in folder.parents and folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def proxy_files(folder: Path) -> list[Path]:
    """The files of one frame's proxies."""
    return [p for p in folder.glob("*") if PROXY_FILE.fullmatch(p.name) and p.is_file()]
