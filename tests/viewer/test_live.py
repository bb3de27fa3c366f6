"""The live page: nodes of the scene, poses and colours of a frame, playback; a server without a browser."""

import os

import cv2
import numpy as np
import pytest
import torch

from diffproxy.viewer.live import LAYERS, LivePage, start_server
from diffproxy.viewer.scene import COLORINGS, Scene, ViewerBody
from tests.export.conftest import motion_of, result_of  # noqa: F401

pytest.importorskip("viser")

GREEN = (0, 255, 0)


@pytest.fixture
def page(motion_of, make_ring):  # noqa: F811
    motion = motion_of(3, up_axis="+Z")
    std = np.full((3, 55), 0.012)
    observed = np.where(np.arange(55) % 7 == 4, 0.02, 0.9)[None].repeat(3, 0)
    words = ["ok", "failed", "doubtful"]
    people = [ViewerBody(n, motion, words, ["", "", "<turned>"], std, observed) for n in ("a", "b")]
    asked = []

    def pictures(frame_id, proxies):
        asked.append((frame_id, proxies))
        return {"cam1": np.full((8, 8, 3), 7, np.uint8)}

    server = start_server("127.0.0.1", 18080)
    page = LivePage(server, Scene("take", people, [4, 5, 6], 30.0, make_ring(2), "+Z"), pictures)
    yield page, asked
    server.stop()


def placed(mesh):
    return np.stack([bone.position for bone in mesh.bones])


def test_the_page_shows_people_cameras_and_status(page):
    page, asked = page
    first = page.bodies[0]
    assert set(first.meshes) == {(217, 168, 138), (128, 128, 128)} and len(page.bodies) == 2
    assert sum(len(m.faces) for m in first.meshes.values()) == len(first.motion.body.faces)
    assert all(m.visible for m in first.meshes.values())
    camera = page.scene.upright_cameras[1]
    np.testing.assert_allclose(page.frustums["cam1"].position, camera.center_world, atol=1e-6)
    assert page.frustums["cam0"].image is None and page.frustums["cam1"].image.max() == 7
    page.frame.value = 2  # what the slider does
    expected = page.scene.bodies[0].motion.with_up_axis("+Y")
    for mesh in first.meshes.values():
        assert np.abs(placed(mesh) - expected.joints[2]).max() < 1e-5
    with torch.no_grad():
        R = expected.body.joint_transforms(expected.params[2])[0][0].numpy()
    w, x, y, z = next(iter(first.meshes.values())).bones[20].wxyz
    np.testing.assert_allclose([1 - 2 * (y * y + z * z), 2 * (x * y + z * w)], R[20, :2, 0], atol=1e-5)
    assert "frame 6" in page.status.content and "&lt;turned&gt;" in page.status.content
    page.frame.value = 1
    assert not any(m.visible for m in first.meshes.values()) and asked == [(4, False), (6, False), (5, False)]


def test_colours_and_layers_change_what_is_shown(page):
    page, asked = page
    page.coloring.value = COLORINGS[1]
    shown = [color for color, m in page.bodies[0].meshes.items() if m.visible]
    assert shown == [(135, 161, 181)]  # 12 mm: the step from 10 to 20 mm
    page.layer.value = LAYERS[1]
    assert asked[-1] == (4, True)
    page.layer.value = LAYERS[2]
    assert page.frustums["cam1"].image is None and asked[-1] == (4, True)


def test_playback_keeps_the_frame_rate_and_starts_again(page):
    page, _ = page
    page.advance(1.0)
    assert page.frame.value == 0
    page.playing.value = True
    page.advance(0.5 / 30)
    assert page.frame.value == 0
    page.advance(0.6 / 30)
    assert page.frame.value == 1
    page.advance(2 / 30)
    assert page.frame.value == 0


def test_the_picture_stands_behind_the_people_from_its_camera(page):
    page, _ = page
    small, thick = page.frustums["cam1"].scale, page.frustums["cam1"].thickness
    page.view.value = "cam1"
    assert page.frustums["cam1"].scale > 5 * small and page.frustums["cam0"].scale == pytest.approx(small)
    assert page.frustums["cam1"].thickness == 0 < thick  # edges that begin at the eye fill the screen
    page.view.value = "free view"
    assert (page.frustums["cam1"].scale, page.frustums["cam1"].thickness) == (small, thick)


@pytest.mark.skipif(not os.environ.get("RUN_SLOW"), reason="RUN_SLOW=1 and Chromium")
def test_a_browser_shows_bodies_and_pictures(page, picture_script):
    """The picture of docs/make_viewer_picture.py: a body in its colour, and the picture of a camera as it is."""
    page, _ = page
    browser = next(p for name in picture_script.NAMES if (p := picture_script.shutil.which(name)))
    page._pictures = lambda frame_id, proxies: {"cam1": np.full((40, 40, 3), GREEN, np.uint8)}
    page.show(0)
    data = np.frombuffer(picture_script.picture_of_live(browser, page, "cam1"), np.uint8)
    image = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB).astype(int)
    red, green, blue = (image[..., k] for k in range(3))
    assert ((green > 200) & (red < 60) & (blue < 60)).mean() > 0.1
    assert ((red > green + 15) & (green > blue + 10)).mean() > 0.005  # skin
