"""The option `easy_fraction`: its subjects are easy, and no other subject changes."""

from dataclasses import replace

import numpy as np
import pytest

from render_synth.humans.garments.layers import OUTFITS
from render_synth.rng import stream
from render_synth.sample import render_sample


def test_easy_subjects_are_tightly_dressed_with_empty_hands_and_nothing_in_the_way(tools, monkeypatch):
    def never(*_):
        raise AssertionError("something is in the way of an easy subject")

    monkeypatch.setattr("render_synth.scenes.scene._in_the_way", never)
    monkeypatch.setattr("render_synth.scenes.held_objects.hold", never)
    easy = replace(tools, config=replace(tools.config, easy_fraction=1.0, views=1, full_frames=0))
    for k in range(4):
        meta = render_sample(easy, k)[2]
        assert meta["easy"] and meta["outfit"] in (*OUTFITS, "sport")
        assert not {"held", "table"} & set(meta["world"])


def test_the_share_of_easy_subjects_leaves_the_others_as_they_are(tools):
    """Of one run with half of them easy, the rest are those of a run without."""
    mixed = replace(tools, config=replace(tools.config, easy_fraction=0.5))
    drawn = [stream(tools.config.seed, k, "plain").random() < 0.5 for k in range(8)]
    other = drawn.index(False)
    views, params, meta = render_sample(mixed, other)
    before, same, was = render_sample(tools, other)
    assert "easy" not in meta and meta["world"] == was["world"]
    np.testing.assert_array_equal(params.body_pose, same.body_pose)
    for a, b in zip(views, before, strict=True):
        np.testing.assert_array_equal(a.rgb, b.rgb)
        np.testing.assert_array_equal(a.labels, b.labels)
    assert render_sample(mixed, drawn.index(True))[2]["easy"]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_none_and_all(tools, share):
    chosen = replace(
        tools, config=replace(tools.config, easy_fraction=share, views=1, full_frames=0, hand_crops=0)
    )
    assert render_sample(chosen, 0)[2].get("easy", False) is bool(share)
