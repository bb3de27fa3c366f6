import io
import struct
import zipfile

import numpy as np
import pytest

from diffproxy.utils.bounded_arrays import read_npz, read_safetensors
from diffproxy.utils.errors import InputError


def test_npz_sizes_are_read_from_the_headers(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|i1", "fortran_order": False, "shape": (10**12,)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue())
    with pytest.raises(InputError, match="MiB"):
        read_npz(tmp_path / "a.npz", "a body")


def test_npz_damaged_or_pickled(tmp_path):
    np.savez(tmp_path / "p.npz", x=np.array([{}], dtype=object))
    np.savez_compressed(tmp_path / "g.npz", x=np.arange(1000))
    assert np.array_equal(read_npz(tmp_path / "g.npz", "")["x"], np.arange(1000))
    good = (tmp_path / "g.npz").read_bytes()
    (tmp_path / "c.npz").write_bytes(good[:-30])
    (tmp_path / "d.npz").write_bytes(good[:60] + b"\xff" * 40 + good[100:])
    (tmp_path / "e.npz").write_bytes(b"")
    for name in "pcde":
        with pytest.raises(InputError):
            read_npz(tmp_path / f"{name}.npz", "a body")


@pytest.mark.parametrize("data", [b"", b"\xff" * 100, struct.pack("<Q", 10) + b"{}", b"\0" * 8])
def test_safetensors_damaged(tmp_path, data):
    (tmp_path / "a.safetensors").write_bytes(data)
    with pytest.raises(InputError):
        read_safetensors(tmp_path / "a.safetensors", "weights")
