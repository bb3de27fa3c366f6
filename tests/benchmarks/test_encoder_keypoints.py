"""The benchmark of the encoder's keypoints: with a stand-in that sees them exactly, known offsets come out."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from diffproxy.datasets.shards import ShardIndex
from diffproxy.generator import DiffProxyOutput
from diffproxy.keypoints.landmarks import ENCODER_OFFSETS, encoder_points
from diffproxy.proxies import render_proxies
from tests.evaluation.conftest import ring_of_four, shards_of  # noqa: F401
from tests.pipeline.conftest import params_of  # noqa: F401


@pytest.fixture
def script(load_benchmark):
    return load_benchmark("encoder_keypoints")


def test_offsets_of_exact_keypoints(script, body, shards_of, params_of, monkeypatch, tmp_path):  # noqa: F811
    shards = shards_of([params_of(0), params_of(1)])
    index, rows = ShardIndex(shards), []
    for s in (0, 1):
        points = encoder_points(body, index.params(s))
        for camera in (index.view(s, j).camera for j in range(4)):
            sure = np.roll(np.linspace(0.11, 1, 17), 2 * len(rows))
            rows.append(torch.from_numpy(np.column_stack([camera.project(points) / camera.width, sure])))
    answers = iter([torch.stack(rows[:4]), torch.stack(rows[4:])])

    class Encoder(torch.nn.Module):
        net = SimpleNamespace(load_published=lambda: None)

        def forward(self, images):
            return SimpleNamespace(joint_maps=None)

    monkeypatch.setattr(script, "MoveNetEncoder", Encoder)
    monkeypatch.setattr(script, "decode_keypoints", lambda maps: next(answers))
    out = tmp_path / "out/measured.json"
    found = script.main(["measure", f"shards={shards}", f"out={out}"])
    assert json.loads(out.read_text()) == json.loads(json.dumps(found))
    assert max(found["deviation_256"]) < 2 and len(found["deviation_256"]) == len(found["confidence"])
    for part, (*_, offset, _) in ENCODER_OFFSETS.items():
        # to first order: the nose is 11 cm from the joint of the head, in views from 3 m
        np.testing.assert_allclose(found["parts"][part]["offset_mm"], 1000 * np.array(offset), atol=4)


def test_fits_to_exact_proxies_with_and_without_keypoints(script, body, shards_of, params_of, monkeypatch):  # noqa: F811
    bodies = [params_of(0), params_of(1)]
    shards, left = shards_of(bodies), list(bodies)

    class Pipe:
        def __call__(self, images, cameras, num_inference_steps, flip):
            params = left.pop(0)
            with torch.no_grad():
                maps = render_proxies(body, body(params).vertices[0].numpy(), cameras)
            seen = np.stack([c.project(encoder_points(body, params)) for c in cameras])
            sure = np.broadcast_to([0.9, 1.0], (*seen.shape[:2], 2))  # confidence, deviation in pixels
            return DiffProxyOutput(maps, keypoints=np.concatenate([seen, sure], -1).astype(np.float32))

    monkeypatch.setattr(script.DiffProxyPipeline, "from_pretrained", lambda name: Pipe())
    found = json.loads(json.dumps(script.main(["compare", f"shards={shards}"])))
    assert found["subjects"] == 2 and not left
    assert all(found["mpjpe"][n] < 1 for n in ("with", "without"))
    assert found["mpjpe"]["change"] == pytest.approx(
        found["mpjpe"]["with"] - found["mpjpe"]["without"], abs=0.011
    )
