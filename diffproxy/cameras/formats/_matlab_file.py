"""Content of a MATLAB .mat file of unknown origin: limited, and first read in a process that may crash."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from diffproxy.utils.bounded_files import Limits, read_bytes
from diffproxy.utils.errors import InputError
from diffproxy.utils.matlab_trial import refuse_crashing

COMPRESSED, LARGEST = 15, 256 << 20  # miCOMPRESSED of the file format; bytes, unpacked
TO_STRUCT = "in MATLAB: s = toStruct(stereoParams); save('calibration.mat', 's', '-v7')"


def load(path: Path) -> dict:
    """The variables of a file, or the fields of its only structure. InputError for any other content."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatlabOpaque

    _limit_size(path)
    refuse_crashing(path)
    try:
        data = loadmat(path, simplify_cells=True)
    except NotImplementedError as error:
        raise InputError(
            f"a .mat file of version 7 or older: {path}", "version 7.3 (HDF5)", TO_STRUCT
        ) from error
    except Exception as error:  # scipy raises many kinds for damaged files
        raise InputError(f"a MATLAB file in {path}", f"{error}", "save it again") from error
    kept = {k: v for k, v in data.items() if not k.startswith("__") and k != "None"}
    opaque = any(isinstance(v, MatlabOpaque) for v in data.values()) or "None" in data
    if (opaque and not kept) or any(isinstance(v, MatlabOpaque) for v in kept.values()):
        raise InputError(
            f"numbers and structures in {path}", "an object, whose layout only MATLAB knows", TO_STRUCT
        )
    while len(kept) == 1 and isinstance(next(iter(kept.values())), dict):
        kept = next(iter(kept.values()))  # the structure itself, under whatever name
    return kept


def _limit_size(path: Path) -> None:
    """InputError for a file whose compressed elements are larger than `LARGEST`, counted without keeping them."""
    data = read_bytes(path, "a MATLAB file", Limits.CALIBRATION_BYTES)
    place, total, order = 128, 0, ">" if data[126:128] == b"MI" else "<"
    while place + 8 <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, place)
        inflate, part = zlib.decompressobj(), data[place + 8 : place + 8 + size]
        while kind == COMPRESSED and part and total <= LARGEST and not inflate.eof:
            try:
                total += len(inflate.decompress(part, 1 << 20))
            except zlib.error:
                break  # the reader says what is wrong
            part = inflate.unconsumed_tail
        if total > LARGEST:
            raise InputError(
                f"a MATLAB file of at most {LARGEST >> 20} MiB in {path}", "more, unpacked", "save it again"
            )
        place += 8 + size
