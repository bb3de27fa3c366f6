"""An image through a bending lens shows every point where the camera says it is."""

import numpy as np
import pytest

from render_synth.camera_effects.distortion import distort_layout, render_distorted, with_lens
from render_synth.cameras import look_at, sample_layout

K = np.array([[110.0, 0, 90], [0, 110, 62], [0, 0, 1]])
CAMERA = look_at("c", np.array([0, 1.0, 3.0]), np.array([0, 1.0, 0]), 0.1, K, 180, 120)


def dots(points):
    """A renderer that draws a soft dot at each point."""

    def take(camera):
        y, x = np.mgrid[: camera.height, : camera.width] + 0.5
        image = np.zeros((camera.height, camera.width), np.float32)
        for u, v in camera.project(points):
            image += np.exp(-((x - u) ** 2 + (y - v) ** 2) / 4.5)
        return np.repeat(image[..., None], 3, -1)

    return take


@pytest.mark.parametrize("lens", [(-0.2, 0.05, 0.001, -0.001), (0.05, 0.0, 0.0, 0.0)])
def test_dots_land_where_the_camera_projects_them(lens):
    camera = with_lens(CAMERA, np.array(lens))
    assert not camera.is_pinhole
    for u, v in ((20.0, 20.0), (90.0, 60.0), (165.0, 100.0)):
        point = camera.unproject(np.array([[u, v]]), 3.0)
        image = render_distorted(dots(point), camera)[..., 0]
        y, x = np.mgrid[: camera.height, : camera.width] + 0.5
        assert image.shape == (120, 180)
        assert (image * x).sum() / image.sum() == pytest.approx(u, abs=0.1)
        assert (image * y).sum() / image.sum() == pytest.approx(v, abs=0.1)


def test_crops_of_bent_images_are_exact_too():
    camera = with_lens(CAMERA, np.array([-0.15, 0.02, 0, 0])).crop((100.0, 10.0, 180.0, 90.0), (64, 64))
    point = camera.unproject(np.array([[40.0, 25.0]]), 3.0)
    image = render_distorted(dots(point), camera)[..., 0]
    y, x = np.mgrid[:64, :64] + 0.5
    assert (image * x).sum() / image.sum() == pytest.approx(40, abs=0.1)
    assert (image * y).sum() / image.sum() == pytest.approx(25, abs=0.1)


def test_lenses_that_fold_are_not_used():
    assert with_lens(CAMERA, np.array([-3.0, 0, 0, 0])).is_pinhole
    assert render_distorted(dots(np.array([[0, 1.0, 0]])), CAMERA).shape == (120, 180, 3)


def test_the_fraction_of_layouts_gets_distortion():
    rng = np.random.default_rng(0)
    low, high = np.array([-0.4, 0, -0.3]), np.array([0.4, 1.8, 0.3])
    layouts = [sample_layout(rng, 3, low, high, 7.5) for _ in range(30)]
    assert all(distort_layout(rng, x, 0.0) is x for x in layouts)
    bent = [c for x in layouts for c in distort_layout(rng, x, 1.0).cameras]
    assert np.mean([not c.is_pinhole for c in bent]) > 0.7


def test_bent_samples_have_labels_where_their_cameras_say(tools):
    """The body's own joints, projected through the stored cameras, lie on or near labels."""
    import dataclasses

    from render_synth.sample import render_sample

    config = dataclasses.replace(tools.config, distortion_fraction=1.0, hand_crops=0)
    views, params, _ = render_sample(dataclasses.replace(tools, config=config), 1)
    bent = [v for v in views if not v.camera.is_pinhole]
    assert bent
    pelvis = tools.body(params).joints[0, 0].numpy().astype(float)
    for view in bent:
        u, v = view.camera.project(pelvis[None])[0]
        if np.isfinite(u) and 0 <= u < view.camera.width and 0 <= v < view.camera.height:
            near = view.labels[max(int(v) - 8, 0) : int(v) + 9, max(int(u) - 8, 0) : int(u) + 9]
            assert (near > 0).any()
    assert view.rgb.std() > 5
