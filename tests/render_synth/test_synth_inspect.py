"""The contact sheet: what is drawn where, and what it says in words."""

import re
from dataclasses import replace

import cv2
import numpy as np
import pytest

from diffproxy.datasets.extras import EXTRAS
from diffproxy.datasets.shards import ShardIndex
from render_synth.cli import main
from render_synth.contact_sheet import MASK_COLORS, column, stack
from render_synth.inspect_shards import arrange, odd


def test_inspect_has_its_own_help(capsys):
    assert main(["inspect", "--help"]) == 0
    text = capsys.readouterr().out
    assert "inspect SHARDS" in text and "samples_per_pixel" not in text
    assert re.search(r"  out=FILE .*\(contact_sheet.png\)", text)


def test_inspect_draws_a_block_per_subject(rendered, tmp_path, capsys):
    image = tmp_path / "sheets" / "sheet.png"
    assert main(["inspect", str(rendered), f"out={image}", "count=2", "views=2", "size=64"]) == 0
    assert "3 subjects" in capsys.readouterr().out
    sheet = cv2.imread(str(image))
    assert sheet.std() > 10
    # 2 blocks of 2 views, each a column of image, labels, UV, mask, depth, normals, visibility
    assert sheet.shape == (7 * 64 + 6, 2 * (2 * 64 + 6), 3)
    assert main(["inspect", str(rendered), str(tmp_path / "b.jpg"), "1"]) == 0  # by place
    assert cv2.imread(str(tmp_path / "b.jpg")).shape[0] == 7 * 160 + 6
    words = [f"out={image}", "first=2", "count=5", "kinds=hands"]
    hands = [k for k in ShardIndex(rendered).kinds(2) if k.endswith("hand")]
    assert main(["inspect", str(rendered), *words]) == (0 if hands else 2)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "shards=..."),
        (["nowhere"], "a folder with .tar shards"),
        (["SHARDS", "count=few"], "count as a whole number"),
        (["SHARDS", "count=0"], "count of at least 1"),
        (["SHARDS", "first=3"], "first below 3"),
        (["SHARDS", "kinds=feet"], "kinds among body, full"),
        (["SHARDS", "samples_per_pixel=9"], "an option that exists"),
        (["SHARDS", "out=sheet.gif"], "named .png or .jpg"),
        (["SHARDS", "size=100000"], "megapixels"),
        (["SHARDS", "body=nobody.npz"], "nobody.npz"),
    ],
)
def test_inspect_refuses_bad_input(words, message, rendered, capsys):
    assert main(["inspect", *(str(rendered) if w == "SHARDS" else w for w in words)]) == 2
    assert message in capsys.readouterr().err


@pytest.fixture(scope="module")
def view(rendered):
    return ShardIndex(rendered).view(0, 0, extras=EXTRAS)


def test_a_sound_view_is_not_odd(view):
    assert odd(view) == []


def test_labels_outside_the_mask_are_told(view):
    rows, columns = np.nonzero(view.labels)
    mask = view.mask.copy()
    mask[rows[:3], columns[:3]] = (0, 2, 3)
    assert odd(replace(view, mask=mask)) == ["3 labels outside the mask of the subject"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda v: {"labels": v.labels * 0}, "only 0.0 % of the pixels"),
        (lambda v: {"rgb": v.rgb // 64}, "nearly black"),
        (lambda v: {"mask": np.ones_like(v.mask), "labels": np.eye(48, dtype=np.uint8)}, "four times"),
    ],
)  # fmt: skip
def test_odd_views_are_told(view, change, text):
    assert any(text in line for line in odd(replace(view, **change(view))))


def test_bones_are_drawn_where_the_camera_sees_them(view):
    """One joint ahead of the camera, in the middle of the image; all others far off."""
    camera = view.camera
    joints = np.full((1, 55, 3), np.nan)
    joints[0, 1] = camera.unproject(np.array([[10.0, 30.0]]), np.array([2.0]))[0]  # the left hip
    black = replace(view, rgb=view.rgb * 0, extras={})
    got = column(black, np.zeros((256, 3)), joints, 4 * camera.width)[: 4 * camera.height]
    rows, columns = np.nonzero(got[..., 2] > 128)  # blue
    assert np.abs([rows.mean() + 0.5 - 120, columns.mean() + 0.5 - 40]).max() < 0.6


def test_the_skeletons_of_others_have_the_colours_of_their_masks(view):
    joints = np.full((3, 55, 3), np.nan)
    joints[2, 1] = view.camera.unproject(np.array([[10.0, 30.0]]), np.array([2.0]))[0]
    black = replace(view, rgb=view.rgb * 0, extras={})
    got = column(black, np.zeros((256, 3)), joints, 4 * view.camera.width)[: 4 * view.camera.width]
    assert tuple(got[120, 40]) == tuple(MASK_COLORS[3]) and got[120, 40, 2] > 128


def test_bystanders_have_colours_of_their_own(view):
    mask = np.zeros_like(view.mask)
    mask[:10], mask[10:20], mask[20:30] = 2, 3, 252
    size = view.camera.width
    got = column(replace(view, mask=mask, extras={}), np.zeros((256, 3)), np.full((1, 55, 3), np.nan), size)[
        3 * size :
    ]
    assert len(np.unique(got[[5, 15, 25, 35], 5], axis=0)) == 4


def test_blocks_fill_a_sheet_of_common_shape():
    blocks = [np.full((40, 10, 3), 255, np.uint8)] * 32
    sheet = arrange(blocks)
    assert 0.5 < sheet.shape[1] / sheet.shape[0] < 3
    assert (sheet == 255).sum() == 32 * 40 * 10 * 3
    assert stack([blocks[0], blocks[0][:7]], axis=1).shape == (40, 20, 3)
