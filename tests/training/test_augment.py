from dataclasses import replace

import numpy as np
import pytest

from diffproxy.training.augment import (
    WHOLE_BODY,
    AugmentConfig,
    View,
    augment_view,
    cut_off,
    draw_frame,
    draw_shown,
    draw_warp,
)


@pytest.fixture
def view(make_ring):
    labels = np.zeros((96, 96), np.uint8)
    labels[20:80, 30:60] = 1
    blank = np.zeros((96, 96, 3), np.uint8)
    return View(blank, labels, np.zeros((96, 96, 2), np.float32), make_ring(1, size=96)[0], "body")


def rolls(view, config, count=2000):
    rng = np.random.default_rng(0)
    warps = [draw_warp(view.labels, rng, config, 64).matrix for _ in range(count)]
    return np.degrees([np.arctan2(m[1, 0], m[0, 0]) for m in warps])


def test_most_views_roll_a_little_and_some_any_way(view):
    """Beyond four standard deviations lie only the views of `uniform_roll`, evenly: (360 - 96) / 360 of them."""
    config = AugmentConfig(roll_deg=12, uniform_roll=0.3)
    angles = rolls(view, config)
    assert (np.abs(angles) > 48).mean() == pytest.approx(0.3 * 264 / 360, abs=0.03)
    assert np.abs(np.abs(angles) > 90).mean() == pytest.approx(0.15, abs=0.03)
    assert rolls(view, replace(config, uniform_roll=0.0)).std() == pytest.approx(12, abs=0.6)


def test_the_crop_lies_about_what_the_view_shows(view):
    """Whatever the roll: the centre of the labels lands in the middle, within `shift` of the side."""
    config = AugmentConfig(keep_crop=0.0, shift=0.0, uniform_roll=1.0)
    for seed in range(20):
        warp = draw_warp(view.labels, np.random.default_rng(seed), config, 64)
        np.testing.assert_allclose(warp.matrix @ [45.0, 50.0, 1.0], [32, 32], atol=1e-9)


NAMES = {0: "background", 1: "front_head", 2: "front_chest", 3: "front_thigh_l", 4: "front_shin_l"}


@pytest.fixture
def standing(view):
    """Head, chest, thigh and shin below each other, 15 rows each."""
    labels = np.zeros((96, 96), np.uint8)
    for k in range(4):
        labels[20 + 15 * k : 35 + 15 * k, 30:60] = k + 1
    return replace(view, labels=labels, image=np.full((96, 96, 3), 200, np.uint8))


def test_a_frame_about_the_upper_body_leaves_the_legs_out(standing):
    for seed in range(20):
        left, top, right, bottom = draw_frame(standing.labels, np.random.default_rng(seed), shown=(1, 2))
        assert (left, top, right) == (0, 0, 96)  # nothing but legs reaches beyond
        assert 50 - 0.08 * 60 - 1 <= bottom <= 50 + 0.08 * 60 + 1


def test_edges_of_their_own_take_a_part_of_the_person_away(standing):
    kept = []
    for seed in range(200):
        frame = draw_frame(standing.labels, np.random.default_rng(seed), shown=None)
        cut = cut_off(standing, frame, (7, 7, 7))
        inside = (cut.image == 200).all(-1)
        assert ((cut.image == 7).all(-1) == ~inside).all() and not cut.labels[~inside].any()
        assert (cut.labels[inside] == standing.labels[inside]).all()
        kept.append((cut.labels > 0).sum() / (standing.labels > 0).sum())
    assert min(kept) > 0.1 and max(kept) < 0.95


def test_what_is_shown_is_chosen_by_the_names_of_parts():
    drawn = [draw_shown(np.random.default_rng(seed), NAMES) for seed in range(400)]
    assert (1, 2) in drawn  # head and chest
    assert np.mean([shown is None for shown in drawn]) == pytest.approx(0.35, abs=0.07)


def test_without_cut_a_view_is_augmented_as_before(standing):
    def augmented(**cut):
        rng = np.random.default_rng(3)
        return augment_view(standing, rng, AugmentConfig(photometric=0), 64, 32, None, **cut)

    assert (augmented().labels == augmented(cut=False, shown=(1,)).labels).all()
    assert not (augmented(cut=True, shown=(1,)).labels == 4).any()


def test_half_of_the_cut_off_views_are_cropped_around_the_whole_body(standing):
    """Columns that the head covers, 30 of 60 rows of the body: all of a crop around it, half of one around the body."""
    config = AugmentConfig(
        crop_scale=(1.0, 1.0), keep_crop=0.0, shift=0.0, roll_deg=0.0, uniform_roll=0.0, photometric=0
    )
    widths = []
    for seed in range(200):
        made = augment_view(standing, np.random.default_rng(seed), config, 64, 64, None, True, (1,))
        widths.append(np.ptp(np.nonzero(made.labels)[1]) + 1)
    whole = np.array(widths) < 40
    assert whole.mean() == pytest.approx(WHOLE_BODY, abs=0.1)
    assert (np.array(widths)[whole] == 32).all() and (np.array(widths)[~whole] > 56).all()
