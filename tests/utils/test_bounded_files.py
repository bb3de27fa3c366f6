import io
import os
import struct
import zipfile
import zlib

import cv2
import numpy as np
import pytest

from diffproxy.utils.bounded_files import (
    Limits,
    decode_image,
    image_size,
    parse_json,
    parse_yaml,
    read_bytes,
    read_json,
    read_npz,
    read_safetensors,
)
from diffproxy.utils.errors import InputError


def png_header(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def test_pipes_folders_and_missing_files_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in ("pipe", "folder", "missing", "loop", "a\0b", "x" * 300):
        with pytest.raises(InputError):
            read_bytes(tmp_path / name, "JSON")


def test_large_files_are_refused_unread(tmp_path):
    with (tmp_path / "a.json").open("wb") as file:
        file.truncate(Limits.TEXT_BYTES + 1)
    with pytest.raises(InputError, match="at most 64 MiB"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_byte_order_marks_are_read(tmp_path, encoding):
    (tmp_path / "a.json").write_text('{"name": "Käthe"}', encoding=encoding)
    assert read_json(tmp_path / "a.json") == {"name": "Käthe"}


@pytest.mark.parametrize(
    "text",
    ["", "{", "NaN", "[Infinity]", "1e999", "-1e400", "9" * 5000, "[" * 200_000, "[" * 80 + "]" * 80,
     '{"a":' * 70 + "1" + "}" * 70, "\xff"],
)  # fmt: skip
def test_json_that_is_refused(text):
    with pytest.raises(InputError):
        parse_json(text.encode("latin-1"), "JSON in a.json")


def test_json_numbers_stay_exact():
    assert parse_json("[1, 0.1, 12345678901234567890]", "") == [1, 0.1, 12345678901234567890]
    assert np.isnan(parse_json("[NaN]", "", finite=False)[0])


def test_yaml_aliases_are_counted_written_out():
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
    bomb += "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9))
    with pytest.raises(InputError, match="aliases"):
        parse_yaml(bomb, "YAML")
    assert parse_yaml("a: &k [1, 2]\nb: *k\n", "YAML") == {"a": ["1", "2"], "b": ["1", "2"]}


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "- " * 5000, "a: &a [*a]", "a: *b", "a: [", "\0", "? [a]\n: b", "x" * (5 << 20)]
)
def test_yaml_that_is_refused(text):
    with pytest.raises(InputError):
        parse_yaml(text, "YAML")


def test_yaml_makes_no_objects():
    assert parse_yaml("a: !!python/object/apply:os.getcwd []", "YAML") == {"a": []}


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


@pytest.mark.parametrize("size", [(20000, 20000), (40000, 40000), (2**31 - 1, 1), (100_000, 100)])
def test_image_bombs_are_refused_by_their_header(size):
    with pytest.raises(InputError):
        image_size(png_header(*size), "an image")


def test_images_decode_and_damage_is_named():
    image = np.full((4, 6, 3), 7, np.uint8)
    data = cv2.imencode(".png", image)[1].tobytes()
    assert np.array_equal(decode_image(data, "an image", cv2.IMREAD_COLOR), image)
    assert image_size(data, "an image") == (6, 4)
    for bad in (b"", data[:20], b"GIF89a", data[:40] + b"\0" * 30):
        with pytest.raises(InputError):
            decode_image(bad, "an image", cv2.IMREAD_COLOR)
