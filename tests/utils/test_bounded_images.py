import struct
import zlib

import cv2
import numpy as np
import pytest

from diffproxy.utils.bounded_images import decode_image, image_size
from diffproxy.utils.errors import InputError


def png_header(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


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
