"""Image files of more than 8 bits, and HEIC."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from diffproxy.cameras import Rig, open_frames, save_rig
from diffproxy.cameras.image_files import bit_depth, read_image
from diffproxy.utils import extras
from diffproxy.utils.errors import InputError

SIZE = (64, 48)


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("ending", ["png", "tif"])
def test_values_of_deep_images_are_exact(tmp_path, bits, ending):
    values = np.arange(2**bits, dtype=np.uint16)[-1024:].reshape(32, 32)
    path = tmp_path / f"0.{ending}"
    cv2.imwrite(str(path), values)
    assert bit_depth([path]) == bits
    assert (read_image(path) == (values >> (bits - 8))[..., None]).all()


def test_all_images_of_a_camera_are_scaled_alike(make_ring, tmp_path):
    """A dark image of a 12-bit camera uses 10 bits only, and must not become brighter than its neighbours."""
    K = np.array([[60.0, 0, 32], [0, 60, 24], [0, 0, 1]])
    camera = replace(make_ring(1)[0], width=SIZE[0], height=SIZE[1], K=K)
    save_rig(Rig("deep", (camera,)), tmp_path)
    folder = tmp_path / "images" / camera.name
    folder.mkdir(parents=True)
    for n, value in enumerate((3200, 800, 400)):
        cv2.imwrite(str(folder / f"{n}.png"), np.full((*SIZE[::-1], 3), value, np.uint16))
    frames = open_frames(tmp_path)
    assert [int(frames.read(n)[0][0, 0, 0]) for n in range(3)] == [200, 50, 25]


def test_brighter_than_the_other_images_is_saturated_and_said(tmp_path):
    from diffproxy.cameras.image_files import read_checked

    cv2.imwrite(str(tmp_path / "0.png"), np.full((4, 4), 3000, np.uint16))
    image, said = read_checked(tmp_path / "0.png", lambda: 10)
    assert (image == 255).all() and "saturated" in said


def test_heic(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    from PIL import Image

    colors = np.zeros((*SIZE[::-1], 3), np.uint8)
    colors[:24], colors[24:] = (200, 30, 60), (20, 90, 220)
    pillow_heif.from_pillow(Image.fromarray(colors)).save(tmp_path / "0.heic", quality=95)
    image = read_image(tmp_path / "0.heic")
    assert image.shape == colors.shape and np.abs(image.astype(int) - colors)[8:16].max() < 12
    turned = Image.fromarray(colors)
    turned.getexif()[0x0112] = 6  # as phones write: the decoder turns the image, EXIF says so once more
    exif = turned.getexif().tobytes()
    pillow_heif.from_pillow(Image.fromarray(colors)).save(tmp_path / "1.heic", quality=95, exif=exif)
    assert read_image(tmp_path / "1.heic").shape == (SIZE[0], SIZE[1], 3)
    for damaged in ((tmp_path / "0.heic").read_bytes()[:300], b"not an image"):
        (tmp_path / "2.heic").write_bytes(damaged)
        with pytest.raises(InputError, match=r"2\.heic"):
            read_image(tmp_path / "2.heic")


def test_heic_without_the_extra(tmp_path, monkeypatch):
    (tmp_path / "0.heic").write_bytes(b"anything")
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"diffproxy\[heic\]"):
        read_image(tmp_path / "0.heic")
