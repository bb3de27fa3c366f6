"""The validator passes what was rendered and finds what was corrupted."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from diffproxy.datasets.shard_writer import ShardWriter
from diffproxy.datasets.shards import ShardIndex
from render_synth.cli import main
from render_synth.validate import check_view


def corrupt(source, target, change):
    """The first sample again, each view changed by `change(view)`."""
    index = ShardIndex(source)
    views = [index.view(0, j, extras=("visibility",)) for j in range(len(index.kinds(0)))]
    meta = {k: v for k, v in index.meta(0).items() if k not in ("views", "params", "version")}
    with ShardWriter(target / "s0-0-0.tar") as writer:
        writer.add("s0", [change(v) for v in views], index.params(0), meta)


def report(capsys):
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def test_what_was_rendered_agrees(rendered, capsys):
    assert main(["validate", str(rendered)]) == 0
    got = report(capsys)
    assert got["all"]["wrong"] <= 1e-3 and got["all"]["labelled"] > 1000
    assert got["all"]["views"] == sum(v["views"] for k, v in got.items() if k not in ("all", "others"))
    assert got["all"]["reprojection_px_50"] < 0.02 and got["all"]["ambiguous_fraction"] < 0.03


def other_label(view):
    return replace(view, labels=np.where(view.labels == view.labels.max(), 1, view.labels).astype(np.uint8))


def shifted(view):
    moved = {name: np.roll(getattr(view, name), 2, 1) for name in ("labels", "uv")}
    return replace(view, mask=np.ones_like(view.mask), **moved)


def without_rows(view):
    keep = np.indices(view.labels.shape)[0] % 4 > 0
    return replace(view, labels=view.labels * keep.astype(np.uint8), extras={})


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("label_differs", other_label),
        ("label_differs", shifted),
        ("uv_lands_off", lambda view: replace(view, uv=view.uv * np.float32(0.9))),
        ("missing", without_rows),
        ("outside_mask", lambda view: replace(view, mask=view.mask * 0)),
    ],
)
def test_what_was_spoilt_is_found(rendered, tmp_path, capsys, name, change):
    corrupt(rendered, tmp_path, change)
    assert main(["validate", str(tmp_path)]) == 1
    got = report(capsys)["all"]
    assert got[name] > 0.01 * got["labelled"]


def test_a_moved_camera_is_found(rendered, body):
    index = ShardIndex(rendered)
    with torch.no_grad():
        vertices = body(index.params(0)).vertices[0].double().numpy()
    view = index.view(0, 0)
    assert check_view(body, vertices, view).wrong < 1e-3
    moved = replace(view.camera, t_cam_world=view.camera.t_cam_world + np.array([0.02, 0, 0]))
    assert check_view(body, vertices, replace(view, camera=moved)).wrong > 0.1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "shards=..."),
        (["nowhere"], "a folder with .tar shards"),
        (["SHARDS", "count=x"], "count as a whole number"),
        (["SHARDS", "image=a.png"], "an option that exists"),
    ],
)
def test_validate_refuses_bad_input(words, message, rendered, capsys):
    assert main(["validate", *(str(rendered) if w == "SHARDS" else w for w in words)]) == 2
    assert message in capsys.readouterr().err
