"""RGB images of proxies: exact round trips, noise margins, both palettes."""

import numpy as np
import pytest
import torch

from diffproxy.proxies import ProxyMaps, decode_rgb, encode_labels_rgb, encode_rgb
from diffproxy.utils.errors import InputError


@pytest.fixture
def maps(cube, make_ring):
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 7, size=(3, 8, 8)).astype(np.uint8)
    labels[2] = np.where(labels[2] > 3, 7, 0)
    uv = rng.random((3, 8, 8, 2), dtype=np.float32) * (labels > 0)[..., None]
    return ProxyMaps(
        labels, uv, (labels > 0).astype(np.float32), ("body", "body", "left_hand"), make_ring(3, size=8)
    )


def test_encoding_follows_the_palette_and_keeps_the_background_black(cube, maps):
    seg, uv = encode_rgb(maps, cube.atlas.palette)
    assert seg.shape == uv.shape == (3, 3, 8, 8) and seg.dtype == torch.float32
    v, y, x = np.argwhere(maps.labels == 4)[0]
    assert seg[v, :, y, x].tolist() == [1, 1, 0]
    assert uv[v, :, y, x].tolist() == [*maps.uv[v, y, x].tolist(), 1]
    background = torch.from_numpy(maps.labels == 0)
    assert not seg.movedim(1, -1)[background].any() and not uv.movedim(1, -1)[background].any()


def test_round_trip_is_exact_with_a_kind_per_view(cube, maps):
    labels, uv = decode_rgb(*encode_rgb(maps, cube.atlas.palette), cube.atlas.palette, maps.kind)
    assert (labels.numpy() == maps.labels).all() and (uv.numpy() == maps.uv).all()
    stacked = [t.expand(4, *t.shape) for t in encode_rgb(maps, cube.atlas.palette)]
    labels, uv = decode_rgb(*stacked, cube.atlas.palette, maps.kind)
    assert labels.shape == (4, 3, 8, 8) and (labels.numpy() == maps.labels).all()
    assert (uv.numpy() == maps.uv).all()


def test_noise_below_half_the_colour_distance_changes_nothing(cube, maps):
    body = maps.select([0, 1])
    seg, uv = encode_rgb(body, cube.atlas.palette)
    noise = torch.randn(seg.shape, generator=torch.Generator().manual_seed(0))
    noise *= 0.49 / noise.norm(dim=1, keepdim=True)  # colours of the cube lie at least 1 apart
    labels, decoded = decode_rgb(seg + noise, uv, cube.atlas.palette, "body")
    assert (labels.numpy() == body.labels).all() and (decoded.numpy() == body.uv).all()


def test_each_kind_sees_its_own_palette_only(cube):
    greenish = torch.tensor([0.5, 1, 0.5]).reshape(1, 3, 1, 1)
    uv = torch.full((1, 3, 1, 1), 0.25)
    assert decode_rgb(greenish, uv, cube.atlas.palette, "right_hand")[0].item() == 7
    assert decode_rgb(greenish, uv, cube.atlas.palette, "body")[0].item() in (2, 4, 6)
    assert decode_rgb(greenish * 0.1, uv, cube.atlas.palette, "right_hand")[0].item() == 0
    # one image without a batch, UV out of range clipped
    labels, clipped = decode_rgb(greenish[0], uv[0] + 2, cube.atlas.palette, "left_hand")
    assert labels.shape == (1, 1) and clipped.tolist() == [[[1, 1]]]


def test_nearest_colour_equals_the_slow_search(cube):
    seg = torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(1))
    labels, _ = decode_rgb(seg, seg, cube.atlas.palette, "body")
    colors = torch.tensor(cube.atlas.palette.colors[:7], dtype=torch.float32)
    slow = (seg[:, None] - colors[None, :, :, None, None]).square().sum(2).argmin(1)
    assert (labels == slow).all()


def test_bad_images_and_labels_are_told(cube):
    good = torch.zeros(2, 3, 4, 4)
    with pytest.raises(InputError, match="NaN or infinity"):
        decode_rgb(good * torch.nan, good, cube.atlas.palette, "body")
    with pytest.raises(InputError, match="2 kinds"):
        decode_rgb(good, good, cube.atlas.palette, ("body",))
    with pytest.raises(InputError, match="label 9"):
        encode_labels_rgb(torch.full((2, 4, 4), 9), good[:, :2], cube.atlas.palette)
