"""`python -m diffproxy.single_view export`: the networks and the body as ONNX files, and a manifest beside them."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from diffproxy import __version__
from diffproxy.body import load_body
from diffproxy.body.names import PARENTS
from diffproxy.body.params import PARAM_DIMS, POSE_FIELDS
from diffproxy.detector.person_detector import PersonDetector
from diffproxy.encoders.movenet_keypoints import CONFIDENCE_BINS, DEVIATION_256, FLIP_ORDER
from diffproxy.export.result import CONVENTIONS
from diffproxy.generator import DiffProxyPipeline
from diffproxy.generator.network.encoders import MoveNetEncoder
from diffproxy.keypoints.landmarks import encoder_places
from diffproxy.pipeline.generate_proxies import GenerateConfig
from diffproxy.single_view.exported_graphs import (
    DenseGraph,
    DetectorGraph,
    JointsGraph,
    KeypointGraph,
    RegressorGraph,
    VerticesGraph,
)
from diffproxy.single_view.focal_length import USUAL_LOG_STD, usual_focal
from diffproxy.single_view.onnx.bodies import PLACES
from diffproxy.single_view.onnx.models import FORMAT, MANIFEST, SURFACE, VERSION
from diffproxy.single_view.options import ExportModelsOptions
from diffproxy.single_view.regressor import MIN_CONFIDENCE
from diffproxy.single_view.regressor_weights import load_regressor
from diffproxy.single_view.whole_picture.exported_graphs import PictureMapsGraph, PicturePeopleGraph
from diffproxy.single_view.whole_picture.reader import LEAST_PEAK
from diffproxy.single_view.whole_picture.weights import load_whole_picture
from diffproxy.utils.extras import require_extra
from diffproxy.utils.io import file_sha256, make_folder, to_json, write_atomic, write_npz

OPSET = 18


@dataclass(frozen=True)
class Graph:
    """A module with what its export needs; `axes` names the variable axes of each input and output."""

    module: nn.Module
    example: tuple[Tensor, ...]
    inputs: Sequence[str]
    outputs: Sequence[str]
    axes: dict[str, dict[int, str]]


def export_models(options: ExportModelsOptions) -> Path:
    """Write the files that `diffproxy.single_view.onnx` runs; returns their folder.

    Raises:
        InputError: a generator without MoveNet or without a dense head, or no regressor.
    """
    require_extra("onnx", "onnx")
    out = make_folder(Path(options.out).expanduser())
    body = load_body(options.body)
    pipe = DiffProxyPipeline.from_pretrained(options.generator, precision="fp32", denoiser=False)
    regressor = load_regressor(options.regressor or None)
    whole = load_whole_picture(options.whole_picture, body)
    dense = DenseGraph(pipe)
    encoder = pipe.network.encoder
    assert isinstance(encoder, MoveNetEncoder)  # or the dense graph would have raised
    graphs = {
        "detector": detector_graph(DetectorGraph(PersonDetector.packaged().net)),
        "keypoints": keypoint_graph(KeypointGraph(encoder)),
        "dense": dense_graph(dense),
        "regressor": regressor_graph(RegressorGraph(regressor)),
        "joints": body_graph(JointsGraph(body), "joints"),
        "vertices": body_graph(VerticesGraph(body), "vertices"),
        "picture_maps": picture_maps_graph(PictureMapsGraph(whole)),
        "picture_people": picture_people_graph(PicturePeopleGraph(whole)),
    }
    for name, graph in graphs.items():
        write_atomic(out / f"{name}.onnx", onnx_bytes(graph))
    write_npz(out / SURFACE, {"faces": body.faces.numpy().astype("<i4")})
    files = [*(f"{name}.onnx" for name in graphs), SURFACE]
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "diffproxy": __version__,
        "generator": options.generator,
        "files": {name: file_sha256(out / name) for name in files},
        "crop": {"size": dense.size, "margin": GenerateConfig(size=dense.size).margin},
        "keypoints": {
            "least_confidence": MIN_CONFIDENCE,
            "confidence": CONFIDENCE_BINS,
            "deviation": [x / 256 for x in DEVIATION_256],
            "flip_order": FLIP_ORDER,
            "places": {n: a.tolist() for n, a in zip(PLACES, encoder_places(), strict=True)},
        },
        "whole_picture": {"network": options.whole_picture, "least_peak": LEAST_PEAK},
        "usual_focal": {"of_diagonal": usual_focal(3, 4) / 5, "log_std": USUAL_LOG_STD},
        "body": {"path": options.body, "name": body.name, "topology": body.topology_id},
        "joints": {"names": body.joint_names, "parents": PARENTS},
        "params": PARAM_DIMS,
        "pose": POSE_FIELDS,
        "conventions": CONVENTIONS,
    }
    write_atomic(out / MANIFEST, to_json(manifest))
    return out


def detector_graph(module: DetectorGraph) -> Graph:
    image = torch.zeros(1, 96, 128, 3, dtype=torch.uint8)
    axes = {"image": {1: "height", 2: "width"}}
    return Graph(module, (image,), ["image"], ["boxes", "keypoints", "scores"], axes)


def keypoint_graph(module: KeypointGraph) -> Graph:
    crops = torch.zeros(2, 64, 64, 3, dtype=torch.uint8)
    axes = {"crops": {0: "people", 1: "height", 2: "width"}, "keypoints": {0: "people"}}
    return Graph(module, (crops,), ["crops"], ["keypoints"], axes)


def dense_graph(module: DenseGraph) -> Graph:
    crops = torch.zeros(2, module.size, module.size, 3, dtype=torch.uint8)
    camera = torch.tensor([[1.5, 0.5, 0.4]]).expand(2, 3)
    inputs, outputs = ["crops", "camera"], ["probability", "uv", "uv_std"]
    return Graph(module, (crops, camera), inputs, outputs, _rows(inputs, outputs))


def regressor_graph(module: RegressorGraph) -> Graph:
    keypoints = torch.rand(2, 17, 4)
    camera = torch.tensor([[640.0, 480.0, 500.0, 0.3]]).expand(2, 4)
    inputs, outputs = ["keypoints", "camera"], list(module.OUTPUTS)
    return Graph(module, (keypoints, camera), inputs, outputs, _rows(inputs, outputs))


def body_graph(module: JointsGraph, output: str) -> Graph:
    example = tuple(0.1 * torch.ones(2, n) for n in (10, 165, 10, 3, 1))
    inputs = list(module.INPUTS)
    return Graph(module, example, inputs, [output], _rows(inputs, [output]))


def picture_maps_graph(module: PictureMapsGraph) -> Graph:
    inputs, outputs = ["images", "camera"], list(module.OUTPUTS)
    axes: dict[str, dict[int, str]] = {name: {0: "pictures"} for name in (*inputs, *outputs)}
    axes["images"] |= {1: "height", 2: "width"}
    for name in outputs[:-1]:
        axes[name] |= {2: f"{name}_height", 3: f"{name}_width"}
    return Graph(module, _two_pictures(), inputs, outputs, axes)


def picture_people_graph(module: PicturePeopleGraph) -> Graph:
    images, camera = _two_pictures()
    with torch.no_grad():
        *maps, cells = PictureMapsGraph(module.network)(images, camera)
    inputs, outputs = list(module.INPUTS), list(module.OUTPUTS)
    cells = cells[:, :3]
    axes: dict[str, dict[int, str]] = {name: {0: "pictures"} for name in inputs}
    for name in inputs[: len(maps)]:
        axes[name] |= {2: f"{name}_height", 3: f"{name}_width"}
    for name in ("cells", "valid"):
        axes[name] |= {1: "people"}
    axes |= {name: {0: "rows"} for name in outputs}
    return Graph(module, (*maps, cells, cells >= 0, camera), inputs, outputs, axes)


def onnx_bytes(graph: Graph) -> bytes:
    """The ONNX file of a graph.

    By tracing: the exporter by torch.export takes ten times as long for these networks and needs two more packages.
    """
    buffer: Any = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of sizes that a trace keeps, all of which are checked by the tests
        torch.onnx.export(
            graph.module.eval(),
            graph.example,
            buffer,
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_axes=graph.axes,
            opset_version=OPSET,
            dynamo=False,
        )
    return buffer.getvalue()


def _two_pictures() -> tuple[Tensor, Tensor]:
    camera = torch.tensor([[110.0, 64.0, 48.0, 0.3]])
    return torch.zeros(2, 96, 128, 3, dtype=torch.uint8), camera.repeat(2, 1)


def _rows(*names: Sequence[str]) -> dict[str, dict[int, str]]:
    return {name: {0: "people"} for group in names for name in group}
