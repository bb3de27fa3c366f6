"""The network of whole pictures: where it starts, what it may change, and how many people it takes."""

import numpy as np
import pytest
import torch

from diffproxy.encoders.movenet import MULTIPOSE
from diffproxy.single_view.regressor_weights import load_regressor
from diffproxy.single_view.whole_picture.choice import boxes_of, choose_people
from diffproxy.single_view.whole_picture.features import RAY_FEATURES, ray_features
from diffproxy.single_view.whole_picture.network import WholePictureConfig, WholePictureNetwork
from diffproxy.single_view.whole_picture.queries import Queries, first_queries
from diffproxy.single_view.whole_picture.weights import load_whole_picture, save_whole_picture
from diffproxy.utils.checkpoint import trained_state
from diffproxy.utils.errors import InputError

SMALL = WholePictureConfig(width=16, layers=2)


@pytest.fixture(scope="module")
def fresh(body):
    torch.manual_seed(0)
    return WholePictureNetwork(body, SMALL).eval()


@pytest.fixture(scope="module")
def trained(body):
    """Stands in for a trained network: every weight is something."""
    torch.manual_seed(1)
    network = WholePictureNetwork(body, SMALL).eval()
    with torch.no_grad():
        for value in trained_state(network).values():
            value.add_(0.03 * torch.randn_like(value))
    return network


@pytest.fixture(scope="module")
def picture():
    images = 2 * torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(2)) - 1
    return images, torch.tensor([[80.0, 50.0, 30.0, 0.35]])


def test_an_untrained_network_gives_the_regressors_bodies(fresh, picture):
    with torch.no_grad():
        out = fresh(*picture, top=3)
    first, last = out.stages[0], out.stages[-1]
    for name, a, b in zip(Queries._fields, first, last, strict=True):
        torch.testing.assert_close(a, b, msg=name, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(out.score, out.maps.score.flatten()[out.cells[0]])


def test_more_people_than_the_detector_takes(trained, picture):
    with torch.no_grad():
        out = trained(*picture, top=32)
    body = out.stages[-1].body(picture[1][:, 0].expand(32))
    assert body.pelvis.shape == (32, 3) and all(torch.isfinite(v).all() for v in body)
    assert len(set(out.cells[0].tolist())) == 32
    assert len(set(body.focal.tolist())) == 1, "one focal length a picture"
    eye = body.R_parent_joint @ body.R_parent_joint.transpose(-1, -2)
    torch.testing.assert_close(eye, torch.eye(3).expand_as(eye), atol=1e-4, rtol=0)


def test_a_known_focal_length_stays(trained, picture):
    images, camera = picture
    known = camera * torch.tensor([1.0, 1, 1, 0])
    with torch.no_grad():
        stages = trained(images, known, top=4).stages
    assert (stages[-1].log_focal == 0).all() and (stages[-1].focal_log_std == 0).all()
    with torch.no_grad():
        unknown = trained(images, camera, top=4).stages[-1]
    assert (unknown.log_focal != 0).all() and (unknown.focal_log_std > 0).all()


def test_unused_rows_do_not_change_the_others(trained, picture):
    images, camera = picture
    cells = torch.tensor([[30, 200, 90]])
    with torch.no_grad():
        two = trained(images, camera, cells[:, :2]).stages[-1]
        three = trained(images, camera, cells, torch.tensor([[True, True, False]])).stages[-1]
    for name, a, b in zip(Queries._fields, two, three, strict=True):
        torch.testing.assert_close(a, b[:2], msg=name, atol=1e-4, rtol=1e-4)


def test_pictures_of_a_batch_are_independent(trained, picture):
    images, camera = picture
    both = torch.cat([images, -images]), torch.cat([camera, camera])
    with torch.no_grad():
        alone, pair = trained(images, camera, top=3), trained(*both, top=3)
    for name, a, b in zip(Queries._fields, alone.stages[-1], pair.stages[-1], strict=True):
        torch.testing.assert_close(a, b[:3], msg=name, atol=1e-3, rtol=1e-3)


def test_a_longer_lens_puts_the_same_image_farther_away():
    regressor, camera = load_regressor(), torch.tensor([[640.0, 480.0, 500.0, 0.0]])
    points = torch.rand(1, 17, 4, generator=torch.Generator().manual_seed(4)) * torch.tensor(
        [400.0, 400, 1, 9]
    )
    queries = first_queries(regressor(points, camera), torch.tensor([0.3]), torch.zeros(1))
    near = queries.body(camera[:, 2])
    far = queries._replace(log_focal=torch.tensor([0.5])).body(camera[:, 2])
    ratio = far.pelvis[0, 2] / near.pelvis[0, 2]
    assert float(ratio.log()) == pytest.approx(0.5, abs=1e-5)
    for body in (near, far):
        place = body.pelvis[0, :2] / body.pelvis[0, 2] * body.focal[0]
        torch.testing.assert_close(place, queries.place[0])
    start = regressor(points, camera)
    torch.testing.assert_close(near.pelvis, start.pelvis, atol=1e-4, rtol=1e-4)


def test_rays_of_cells():
    camera = torch.tensor([[100.0, 12.0, 20.0, 0.35]])
    rays = ray_features(camera, torch.zeros(1, 1, 4, 6))
    assert rays.shape == (1, RAY_FEATURES, 4, 6)
    assert float(rays[0, 0, 2, 1]) == 0 and float(rays[0, 1, 2, 1]) == 0, "the principal point's cell"
    assert float(rays[0, 0, 0, 5]) == pytest.approx((44 - 12) / 100)
    torch.testing.assert_close(rays[0, -1], torch.full((4, 6), 1.05))


def test_of_two_at_one_place_the_surer_stays():
    boxes = np.array([[0, 0, 10, 20], [1, 0, 10, 20], [30, 0, 40, 20], [0, 0, 0, 0], [50, 0, 60, 9]], float)
    assert choose_people(boxes, np.array([0.6, 0.8, 0.7, 0.9, 0.1]), 0.2) == [1, 2]


def test_boxes_are_within_the_picture(fresh, picture):
    with torch.no_grad():
        out = fresh(*picture, top=5)
        body = out.stages[-1].body(picture[1][:, 0].expand(5))
        boxes = boxes_of(body, fresh.skeleton, picture[1][:, 1:3].expand(5, 2), (96.0, 64.0))
    assert (boxes[:, :2] <= boxes[:, 2:]).all() and (boxes >= 0).all()
    assert (boxes <= torch.tensor([96.0, 64, 96, 64])).all()


def test_files_hold_what_was_trained_and_nothing_else(body, trained, picture, tmp_path):
    path = tmp_path / "network.safetensors"
    save_whole_picture(trained, path, {"steps": 3})
    encoder = sum(p.numel() for p in trained.encoder.parameters())
    assert path.stat().st_size < 2 * encoder, "the encoder's weights are not stored twice"
    again = load_whole_picture(str(path), body)
    with torch.no_grad():
        a, b = (n(*picture, top=2).stages[-1] for n in (trained, again))
    torch.testing.assert_close(a.betas, b.betas, atol=2e-2, rtol=2e-2)
    assert again.config == SMALL and MULTIPOSE.sha256


def test_files_of_something_else_are_refused(body, trained, tmp_path, monkeypatch):
    path = tmp_path / "network.safetensors"
    with pytest.raises(InputError, match="no file at"):
        load_whole_picture(str(path), body)
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="as safetensors"):
        load_whole_picture(str(path), body)
    monkeypatch.setattr("diffproxy.single_view.whole_picture.weights.REGRESSOR", "another")
    save_whole_picture(trained, path)
    monkeypatch.undo()
    with pytest.raises(InputError, match="for the packaged body regressor"):
        load_whole_picture(str(path), body)
