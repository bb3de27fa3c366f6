"""The script that draws the README's image, on a run folder with exact proxies and plain overlays."""

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest

from diffproxy.body import BodyParams
from diffproxy.cameras import load_rig, open_frames
from diffproxy.proxies import render_proxies, save_proxies
from diffproxy.utils.errors import InputError
from diffproxy.visualization import save_image

ROOT = Path(__file__).parents[2]
RIG = ROOT / "examples" / "synthetic_rig"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_pictures", ROOT / "docs" / "make_pictures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_image_holds_all_views_of_a_run(script, body, tmp_path):
    cameras = open_frames(RIG, load_rig(RIG)).cameras
    vertices = body(BodyParams.rest()).vertices[0].double().numpy()
    crops = [c.crop((300.0, 100.0, 700.0, 500.0), (24, 24)) for c in cameras]
    save_proxies(render_proxies(body, vertices, crops), tmp_path / "proxies" / "000000", body)
    out = ["--rig", str(RIG), "--run", str(tmp_path), "--height", "40", "--out", str(tmp_path / "a.png")]
    with pytest.raises(InputError, match=r"overlay"):
        script.main(out)
    for camera in cameras:
        green = np.full((camera.height, camera.width, 3), (0, 200, 0), dtype=np.uint8)
        save_image(tmp_path / "overlay" / camera.name / "000000.jpg", green)
    script.main(out)
    image = cv2.imread(str(tmp_path / "a.png"))
    blocks = 4 * (2 * (28 + 2) + 2 + 4) + 4  # tiles of 28 x 40, two columns a block
    assert image.shape[1] == blocks
    assert (image == (0, 200, 0)).all(axis=-1).sum() == 4 * 28 * 40


def test_the_crop_of_a_camera_is_found_again(script):
    camera = load_rig(RIG).cameras[0]
    box = (30.0, 20.0, 130.0, 120.0)
    np.testing.assert_allclose(script.crop_box(camera, camera.crop(box, (48, 48))), box)
    image = np.arange(100 * 100, dtype=np.float32).reshape(100, 100)
    np.testing.assert_array_equal(script.cut(image, (10.0, 20.0, 30.0, 40.0), 20), image[20:40, 10:30])
