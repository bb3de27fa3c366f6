"""Eq. 2-5 of the paper, by hand."""

import numpy as np
import pytest
import torch

from diffproxy.proxies import (
    aggregate_samples,
    encode_rgb,
    maps_from_samples,
    render_proxies,
    vote_samples,
)
from diffproxy.proxies.aggregate import label_uncertainty, majority


def pixel(labels, uv):
    """K samples of a single pixel as (K, 1, 1, 1) and (K, 1, 1, 1, C)."""
    return (
        torch.tensor(labels, dtype=torch.uint8).reshape(-1, 1, 1, 1),
        torch.tensor(uv, dtype=torch.float64).reshape(len(labels), 1, 1, 1, -1),
    )


def one(values):
    return [v.reshape(-1).tolist() if v.numel() > 1 else v.item() for v in values]


@pytest.mark.parametrize(
    ("votes", "K", "expected"),
    [
        (1, 3, 1),
        (2, 3, 2 / 3),
        (3, 3, 0),
        (2, 4, 1),
        (3, 4, 0.5),
        (4, 4, 0),
        (1, 2, 1),
        (2, 2, 0),
        (3, 5, 0.8),
    ],
)
def test_equation_4_by_hand(votes, K, expected):
    assert label_uncertainty(torch.tensor(votes), K).item() == pytest.approx(expected)


def test_full_agreement_has_weight_one():
    label, uv, weight = one(aggregate_samples(*pixel([4, 4, 4], [[0.2, 0.6]] * 3)))
    assert label == 4 and uv == pytest.approx([0.2, 0.6]) and weight == pytest.approx(1)


def test_equations_2_3_and_5_by_hand():
    """Labels agree 2:1; u = .1 .2 .6, v = .5 .5 .5, third channel 1 1 1."""
    label, uv, weight = one(aggregate_samples(*pixel([4, 4, 2], [[0.1, 0.5], [0.2, 0.5], [0.6, 0.5]])))
    variance = np.var([0.1, 0.2, 0.6], ddof=1) / 3
    assert label == 4 and uv == pytest.approx([0.2, 0.5])
    assert weight == pytest.approx((1 - variance) * (1 - 2 / 3))


def test_a_background_vote_counts_in_the_third_channel():
    _, _, weight = one(aggregate_samples(*pixel([4, 4, 0], [[0.3, 0.3], [0.3, 0.3], [0, 0]])))
    u = np.var([0.3, 0.3, 0], ddof=1)
    assert weight == pytest.approx((1 - (2 * u + np.var([1, 1, 0], ddof=1)) / 3) / 3)
    third = [[0.3, 0.3, 0.9], [0.3, 0.3, 0.8], [0, 0, 0.1]]  # as really drawn, not as it should be
    _, _, drawn = one(aggregate_samples(*pixel([4, 4, 0], third)))
    assert drawn == pytest.approx((1 - (2 * u + np.var([0.9, 0.8, 0.1], ddof=1)) / 3) / 3)


def test_no_majority_means_weight_zero_and_the_earlier_sample():
    label, _, weight = one(aggregate_samples(*pixel([3, 5, 6], [[0.1, 0.1]] * 3)))
    assert label == 3 and weight == 0
    label, uv, weight = one(aggregate_samples(*pixel([5, 3], [[0.1, 0.2], [0.3, 0.4]])))
    assert label == 5 and weight == 0 and uv == pytest.approx([0.2, 0.3])


def test_a_single_sample_is_trusted_on_its_foreground():
    assert one(aggregate_samples(*pixel([4], [[0.1, 0.7]]))) == [4, pytest.approx([0.1, 0.7]), 1]
    assert one(aggregate_samples(*pixel([0], [[0.1, 0.7]]))) == [0, [0, 0], 0]


def test_median_over_all_or_over_those_that_agree():
    samples = pixel([4, 4, 2], [[0.1, 0.5], [0.2, 0.7], [0.9, 0.0]])
    assert one(aggregate_samples(*samples))[1] == pytest.approx([0.2, 0.5])
    assert one(aggregate_samples(*samples, agreeing_only=True))[1] == pytest.approx([0.15, 0.6])


def test_majority_equals_counting():
    labels = torch.randint(0, 4, (5, 2, 6, 6), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    winner, votes = majority(labels)
    counts = torch.stack([(labels == c).sum(0) for c in range(4)])
    assert (votes == counts.max(0).values).all()
    assert (counts.gather(0, winner.long()[None])[0] == votes).all()


def test_identical_drawings_give_the_rendered_maps_back(cube, make_ring):
    cameras = make_ring(2, size=32)
    truth = render_proxies(cube, cube.vertices, cameras)
    seg, uv = (t.expand(3, *t.shape) for t in encode_rgb(truth, cube.atlas.palette))
    maps = maps_from_samples(seg, uv, cube.atlas.palette, ["body", "body"], cameras)
    assert (maps.labels == truth.labels).all() and (maps.uv == truth.uv).all()
    np.testing.assert_allclose(maps.weight, truth.weight, atol=1e-6)
    maps.check()


def test_votes_weigh_by_their_share_and_only_the_winners_uv_counts():
    label, uv, weight = one(vote_samples(*pixel([4, 4, 2, 0], [[0.1, 0.5], [0.2, 0.7], [0.9, 0.9], [0, 0]])))
    assert (label, weight) == (4, pytest.approx(0.5)) and uv == pytest.approx([0.15, 0.6])
    assert one(vote_samples(*pixel([4], [[0.1, 0.7]]))) == [4, pytest.approx([0.1, 0.7]), 1]
    assert one(vote_samples(*pixel([0, 0, 4], [[0, 0], [0, 0], [0.3, 0.3]]))) == [0, [0, 0], 0]
