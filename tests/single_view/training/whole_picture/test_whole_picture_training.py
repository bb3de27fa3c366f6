"""Rendered pictures as batches, the losses of the network of whole pictures, and its training."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from diffproxy.datasets.shard_writer import ShardWriter
from diffproxy.datasets.shards import FULL, ShardView, params_to_json
from diffproxy.single_view.keypoint_body import KeypointBody
from diffproxy.single_view.training.losses import errors
from diffproxy.single_view.training.whole_picture import pictures as pictures_module
from diffproxy.single_view.training.whole_picture.losses import (
    PictureLossWeights,
    depth_loss,
    picture_losses,
    queries_of,
    score_loss,
)
from diffproxy.single_view.training.whole_picture.options import PictureTrainOptions
from diffproxy.single_view.training.whole_picture.pictures import COMPOSED, PictureBatch, Pictures
from diffproxy.single_view.training.whole_picture.train import PictureTraining, train_whole_picture
from diffproxy.single_view.training.whole_picture.validation import validate
from diffproxy.single_view.whole_picture.features import COARSE, FINE, PictureMaps, PictureNeck
from diffproxy.single_view.whole_picture.network import PeopleOutput, WholePictureConfig
from diffproxy.single_view.whole_picture.queries import Queries
from diffproxy.utils.errors import InputError

SMALL = WholePictureConfig(width=16, layers=1)
LEFT, RIGHT = (255, 0, 0), (0, 0, 255)
"""Of the dots on the shoulders of the painted people."""


@pytest.fixture(scope="module")
def shards(body, two_people, tmp_path_factory):
    """Two pictures of two people with dots on their shoulders; their depths in the depth map."""
    from diffproxy.keypoints.landmarks import with_encoder_keypoints

    marked, _ = with_encoder_keypoints(body)
    camera = two_people.camera
    rgb = np.full((480, 640, 3), 90, np.uint8)
    mask, depth = np.zeros((480, 640), np.uint8), np.full((480, 640), 9.0, np.float32)
    for i, params in enumerate(two_people.params):
        with torch.no_grad():
            points = marked(params).vertices[0, -17:].double().numpy()
        pixels = camera.project(points)
        x0, y0, x1, y1 = np.clip([*pixels.min(0), *pixels.max(0)], 0, 640).astype(int)
        mask[y0:y1, x0:x1], depth[y0:y1, x0:x1] = i + 1, points[:, 2].mean()
        for k, color in ((5, LEFT), (6, RIGHT)):
            x, y = pixels[k].astype(int)
            rgb[y - 5 : y + 6, x - 5 : x + 6] = color
    said = {"people": [{"visible": 1.0, "in_frame": 1.0}, {"visible": 0.5, "in_frame": 1.0}]}
    view = ShardView(
        rgb, np.zeros_like(mask), np.zeros((480, 640, 2), np.float32), mask, camera, FULL, said, {"depth": depth}
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("shards")
    first, second = two_people.params
    with ShardWriter(folder / "s.tar", quality=100) as writer:
        for key in ("a", "b"):
            writer.add(key, [view], first, {"others": [params_to_json(second)], "bystanders": 1})
        writer.add("c", [replace(view, kind="body", info={})], first, {"bystanders": 1})
    return folder


@pytest.fixture(scope="module")
def pictures(shards, body):
    return Pictures(str(shards), body, 0.0)


@pytest.fixture(scope="module")
def batch(pictures) -> PictureBatch:
    """One picture as it is, with a known lens."""
    return pictures.batch([0], np.random.default_rng(1))


def color_at(image: torch.Tensor, place: torch.Tensor) -> np.ndarray:
    x, y = (place.clamp_min(0)).long().tolist()
    return np.round(127.5 * (image[:, y, x].numpy() + 1))


@pytest.mark.parametrize("row", [0, COMPOSED])
def test_people_are_where_the_picture_shows_them(shards, body, row, monkeypatch):
    """Also after scaling, shifting, cutting and mirroring, which exchanges left and right, and out of crops."""
    monkeypatch.setattr(pictures_module, "photometric", lambda image, rng, strength: image)
    monkeypatch.setattr("diffproxy.single_view.training.whole_picture.compose.MOST", 1)
    changed = Pictures(str(shards), body, 1.0)
    orders = set()
    for seed in range(16):
        batch = changed.batch([row], np.random.default_rng(seed))
        width, height = batch.images.shape[:1:-1]
        assert (width, height) in pictures_module.CANVASES
        for person in torch.nonzero(batch.visible > 0.3)[:, 0].tolist():
            pixels = batch.people.pixels[person, 5:7]
            if ((pixels < 4) | (pixels > torch.tensor([width - 4, height - 4]))).any():
                continue
            colors = [color_at(batch.images[0], p) for p in pixels]
            red, blue = ([c[channel] for c in colors] for channel in (0, 2))
            # Left is red, but in a mirror, where the left is the right.
            order = (red[0] > 150 and blue[1] > 150, red[1] > 150 and blue[0] > 150)
            assert sum(order) == 1, (seed, person, colors)
            orders.add((order, bool(pixels[0, 0] > pixels[1, 0])))
    assert len({order for order, _ in orders}) == 2, "some pictures are mirrored"


def test_maps_of_the_truth(batch, pictures):
    assert batch.of.tolist() == [0, 0] and batch.counted.all()
    assert batch.visible.tolist() == [1.0, 0.5]
    view = pictures.index.view(0, 0, ("depth",))
    wanted = np.array([0, *batch.people.pelvis[:, 2]], np.float32)[view.mask]
    assert batch.depth.shape == (1, 60, 80) and len(batch.depth.unique()) == 3
    np.testing.assert_array_equal(batch.depth[0], wanted[4::8, 4::8])
    assert not batch.unlabelled.any()


def test_others_without_labels_are_neither_people_nor_nobody(shards, body, two_people, tmp_path, batch):
    index = Pictures(str(shards), body, 0.0).index
    with ShardWriter(tmp_path / "old.tar") as writer:
        writer.add("a", [replace(index.view(0, 0), info={})], two_people.params[0], {"bystanders": 1})
    alone = Pictures(str(tmp_path), body, 0.0).batch([0], np.random.default_rng(0))
    assert len(alone.of) == 1 and alone.unlabelled.any()
    score = torch.full((1, 1, 120, 160), -6.0)
    before = float(score_loss(score, alone))
    score[0, 0][alone.unlabelled[0]] = 6.0
    assert float(score_loss(score, alone)) == pytest.approx(before)
    assert float(score_loss(score, batch)) > before + 1


def perfect_output(batch: PictureBatch, skeleton: KeypointBody) -> tuple[PeopleOutput, PictureMaps]:
    """What a network would say that knows the truth."""
    people, bins = batch.people, torch.linspace(-3, 3, 64)
    near = (1 - (people.pelvis[:, 2:].log() - bins).abs() / (bins[1] - bins[0])).clamp_min(0)
    offset = people.pelvis[:, :2] / people.pelvis[:, 2:] * people.focal[:, None]
    count = len(people.betas)
    score = torch.full((1, 1, 120, 160), -9.0)
    cells = (batch.centers / 4).long()
    cells = cells[:, 1] * 160 + cells[:, 0]
    score[0, 0].flatten()[cells] = 5.0
    stage = Queries(
        people.rotations, people.betas, offset, (near + 1e-9).log(), bins.expand(count, 64), torch.zeros(count),
        torch.zeros(count), torch.full((count, 22), 0.05), torch.full((count,), 9.0), torch.full((count,), 9.0),
    )  # fmt: skip
    maps = PictureMaps(
        torch.zeros(1, FINE, 120, 160), torch.zeros(1, COARSE, 60, 80), score, torch.zeros(1, 48, 60, 80),
        torch.zeros(1, 2, 60, 80),
    )  # fmt: skip
    keypoints = torch.zeros(count, 17, 4)
    return PeopleOutput(maps, cells[None], score.flatten()[cells], keypoints, (stage, stage)), maps


def test_the_truth_has_no_loss(batch, body):
    known = replace(batch, camera=batch.camera * torch.tensor([1.0, 1, 1, 0]))
    known = replace(known, people=replace(known.people, camera=known.camera[known.of]))
    known.camera[:, 0] = known.people.focal[0]
    skeleton = KeypointBody(body)
    out, maps = perfect_output(known, skeleton)
    queried = queries_of(known, maps)
    assert queried.person.tolist() == [[0, 1]] and torch.equal(queried.cells, out.cells)
    losses = picture_losses(out, queried, known, PictureNeck().bins, skeleton, PictureLossWeights())
    for name in ("orient", "pose", "joints", "reprojection", "betas", "depth", "confidence", "presence"):
        assert float(losses[name]) < 2e-3, name
    assert float(losses["score"]) < 0.05
    # A wrong pelvis is seen in depth and reprojection, a wrong arm in the pose alone.
    moved = out.stages[1]._replace(place=out.stages[1].place + 40.0)
    wrong = picture_losses(
        out._replace(stages=(moved, moved)),
        queried,
        known,
        PictureNeck().bins,
        skeleton,
        PictureLossWeights(),
    )
    assert float(wrong["reprojection"]) > 0.1 and float(wrong["pose"]) < 2e-3


def test_peaks_of_nobody_become_queries_and_near_ones_those_of_the_person(batch, body):
    out, maps = perfect_output(batch, KeypointBody(body))
    score = torch.full_like(maps.score, -9.0)
    x, y = (batch.centers[0] / 4).long().tolist()
    score[0, 0, y + 1, x] = 2.0
    score[0, 0, 2, 2] = 1.0
    queried = queries_of(batch, maps._replace(score=score))
    assert queried.person.tolist() == [[0, 1, -1]]
    assert queried.cells[0, 0] == (y + 1) * 160 + x, "the peak beside the true place"
    assert queried.cells[0, 1] == out.cells[0, 1], "the true place where there is no peak"
    assert queried.cells[0, 2] == 2 * 160 + 2 and queried.valid.all()


def test_the_depth_map_is_that_of_people_alone(batch):
    bins, focal = PictureNeck().bins, float(batch.people.focal[0])
    step = float(bins[1] - bins[0])
    apparent = (batch.depth.clamp_min(0.1) / focal).log()
    near = (1 - (apparent[:, None] - bins[:, None, None]).abs() / step).clamp_min(0)
    right = (near + 1e-6).log()
    wrong = right.roll(10, 1)
    assert float(depth_loss(right, batch, bins)) < 0.7 < 5 < float(depth_loss(wrong, batch, bins))
    noise = torch.where(batch.depth[:, None] > 0, right, torch.randn_like(right))
    assert float(depth_loss(noise, batch, bins)) == pytest.approx(float(depth_loss(right, batch, bins)))


@pytest.fixture
def options(shards, tmp_path, monkeypatch) -> PictureTrainOptions:
    monkeypatch.setattr(pictures_module, "CANVASES", ((96, 64),))
    return PictureTrainOptions(
        str(shards), out=str(tmp_path / "run"), batch=2, steps=4, save_every=2, warmup_steps=1, val_pictures=0
    )


def test_a_run_that_was_stopped_continues_bit_for_bit(options, tmp_path):
    whole = train_whole_picture(options, SMALL)
    parts = replace(options, out=str(tmp_path / "parts"))
    train_whole_picture(replace(parts, time_limit_min=1e-9), SMALL)  # stops after one step
    assert len([*(tmp_path / "parts" / "checkpoints").iterdir()]) == 1
    assert train_whole_picture(parts, SMALL).read_bytes() == whole.read_bytes()
    with pytest.raises(InputError, match=r"lr: .* before, 0.5 now"):
        train_whole_picture(replace(parts, lr=0.5), SMALL)


def test_held_out_pictures_are_not_trained_on(options):
    with pytest.raises(InputError, match="held-out subjects that are not trained on"):
        PictureTraining(replace(options, val_shards=options.shards, val_pictures=1), SMALL)


def test_a_small_network_learns_two_people(options):
    training = PictureTraining(replace(options, photometric=0.0, lr=5e-3, steps=1000, batch=1), SMALL)
    first = training.update(0)["total"]
    for _ in range(40):
        last = training.update(0)["total"]
    assert last < 0.7 * first
    assert all(p.grad is None for p in training.network.encoder.parameters())


def test_validation_counts_people(options, batch):
    training = PictureTraining(options, SMALL)
    found = validate(training.network, [batch])
    assert {"f1", "precision", "recall", "depth_order"} <= set(found)
    assert errors is not None and 0 <= found["recall"] <= 1
    assert found.get("first_mpjpe_mm") == found.get("mpjpe_mm"), "its layers have learnt nothing"
