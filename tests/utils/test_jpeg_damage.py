import cv2
import numpy as np
import pytest

from diffproxy.cameras.image_files import read_checked
from diffproxy.utils.jpeg_damage import zeroed_block


@pytest.mark.parametrize("optimize", [0, 1])
@pytest.mark.parametrize("flat", [False, True])
def test_intact_files_are_intact(optimize, flat):
    image = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    image = np.zeros_like(image) if flat else image
    for more in ([], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]):
        data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_OPTIMIZE, optimize, *more])[1].tobytes()
        assert not zeroed_block(data)


def test_zeros_in_the_middle_are_named(tmp_path):
    """A block that the decoder passes over in silence at some places of the file."""
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8), (320, 240))
    good = cv2.imencode(".jpg", image)[1].tobytes()
    for place in range(len(good) // 3, len(good) - 400, 501):
        data = bytearray(good)
        data[place : place + 200] = bytes(200)
        (tmp_path / "a.jpg").write_bytes(data)
        assert "zero bytes" in read_checked(tmp_path / "a.jpg")[1]


def test_other_and_cut_files():
    assert not zeroed_block(b"") and not zeroed_block(b"\x89PNG" + bytes(200))
    assert not zeroed_block(b"\xff\xd8\xff\xc4\x00\x03\x10" + bytes(100))
