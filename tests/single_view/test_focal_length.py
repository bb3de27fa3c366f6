"""What is known of a focal length beforehand."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from diffproxy.single_view.focal_length import EXIF_IFD, FOCAL_LENGTH_IN_35MM, exif_focal_35mm, focal_prior
from diffproxy.single_view.picture_camera import picture_camera, with_focal
from diffproxy.utils.errors import InputError


@pytest.fixture
def photo(tmp_path):
    """A JPEG file whose EXIF data state a focal length of 26 mm (35 mm equivalent)."""
    exif = Image.Exif()
    exif.get_ifd(EXIF_IFD)[FOCAL_LENGTH_IN_35MM] = 26
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (36, 24)).save(path, exif=exif)
    return path


def test_a_given_focal_length_is_kept(photo):
    prior = focal_prior(640, 480, 500.0, photo)
    assert (prior.focal, prior.log_std, prior.source) == (500.0, 0.0, "given")


def test_exif_states_the_focal_length(photo):
    prior = focal_prior(3600, 2400, path=photo)
    assert prior.focal == pytest.approx(2600)
    assert prior.source == "exif"


def test_without_it_the_lens_is_a_usual_one(tmp_path):
    path = tmp_path / "plain.png"
    Image.new("RGB", (4, 4)).save(path)
    assert exif_focal_35mm(path) is None
    prior = focal_prior(3600, 2400, path=path)
    assert prior.focal == pytest.approx(2800)
    assert prior.source == "usual lenses"
    assert prior.log_std > 0.2


def test_damaged_exif_is_no_focal_length(tmp_path):
    path = tmp_path / "damaged.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe1\x00\x10Exif\x00\x00II*\x00nonsense")
    assert exif_focal_35mm(path) is None


def test_the_principal_point_stays_in_crops():
    crop = picture_camera(640, 480, 500.0).crop((100, 50, 300, 250), (64, 64))
    wide = picture_camera(640, 480, 250.0).crop((100, 50, 300, 250), (64, 64))
    np.testing.assert_allclose(with_focal(crop, 0.5).K, wide.K)


@pytest.mark.parametrize("focal", [35.0, 0.001, 1e6, -1.0])
def test_a_focal_length_that_no_lens_has_is_refused(focal):
    """35 of a picture of 1920 pixels are millimetres: its field of view would be 176 degrees."""
    with pytest.raises(InputError, match=r"(?s)focal in pixels, 384 to 192000.*write focal="):
        focal_prior(1080, 1920, focal)


def test_millimetres_are_told_in_pixels():
    with pytest.raises(InputError, match="write focal=1867 if it is in millimetres"):
        focal_prior(1920, 1080, 35.0)
