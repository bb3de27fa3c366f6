"""The curve of quality against denoising steps, end to end on a tiny network."""

import json

import cv2
import pytest

from diffproxy.utils.errors import InputError


@pytest.fixture(scope="module")
def steps(load_benchmark):
    return load_benchmark("steps")


def test_the_curve_of_a_tiny_network(steps, tiny_shards, tiny_generator, tmp_path):
    """A row for each number of steps, direct prediction first; an untrained network has no body for `fit` to find."""
    words = [f"shards={tiny_shards}", f"generator={tiny_generator}", f"out={tmp_path / 's'}"]
    rows = steps.main([*words, "steps=0,1,2", "samples=2", "subjects=2", "fit=1"])
    assert [(r["steps"], r["samples"]) for r in rows] == [(0, 1), (1, 2), (2, 2)]
    assert all(0 <= r["part_accuracy"] <= 1 and r["s_per_subject"] > 0 for r in rows)
    assert all(("mpvpe" in r) == (r["unfitted"] == 0) for r in rows)
    assert json.loads((tmp_path / "s" / "steps.json").read_text())["rows"] == rows
    sheet = cv2.imread(str(tmp_path / "s" / "steps.png"))
    assert sheet.shape[1] > 5 * 32 and sheet.any()
    assert (
        steps.main([*words, "steps=0,1,2", "samples=2", "subjects=2"])[2]["part_iou"] == rows[2]["part_iou"]
    )


def test_shards_must_be_named(steps):
    with pytest.raises(InputError, match="shards=DIR"):
        steps.main([])
