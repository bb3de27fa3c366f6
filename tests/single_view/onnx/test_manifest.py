"""The manifest of exported models: entries of any content are refused before anything is computed."""

import copy
from pathlib import Path

import pytest

from diffproxy.body.names import JOINT_NAMES, PARENTS
from diffproxy.body.params import PARAM_DIMS, POSE_FIELDS
from diffproxy.single_view.onnx.manifest import check_manifest
from diffproxy.utils.errors import InputError

GOOD = {
    "files": {}, "conventions": {}, "generator": "nano", "diffproxy": "0.1.0",
    "crop": {"size": 256, "margin": 1.2}, "whole_picture": {"network": "whole_picture", "least_peak": 0.03},
    "keypoints": {
        "least_confidence": 0.3, "confidence": [0.2, 0.8], "deviation": [0.1, 0.01], "flip_order": [*range(17)],
        "places": {"near": [15] * 17, "frame": [15] * 17, "offset": [[0.0, 0.0, 0.0]] * 17},
    },
    "usual_focal": {"of_diagonal": 0.65, "log_std": 0.35},
    "body": {"path": "anny", "name": "anny", "topology": "8cd5"},
    "joints": {"names": [*JOINT_NAMES], "parents": [*PARENTS]},
    "params": dict(PARAM_DIMS), "pose": [*POSE_FIELDS],
}  # fmt: skip


def test_what_export_writes_is_fine():
    check_manifest(GOOD, Path("models.json"))


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("crop.size", None), ("crop.size", "x"), ("crop.size", 10**9), ("crop.margin", 0),
        ("whole_picture.least_peak", "x"), ("usual_focal.of_diagonal", 0), ("usual_focal.log_std", float("nan")),
        ("keypoints.least_confidence", "x"), ("keypoints.confidence", [1]), ("keypoints.flip_order", [99] * 17),
        ("keypoints.places", None), ("keypoints.places", {"near": [99] * 17}), ("body.topology", None),
        ("joints.names", None), ("joints.names", [1]), ("joints.parents", [-1]), ("joints.parents", [3] * 55),
        ("params.betas", None), ("params.scale", 3), ("params.more", "x"), ("pose", []), ("pose", ["x"]),
        ("pose", None), ("generator", 3),
    ],
    ids=str,
)  # fmt: skip
def test_entries_of_any_content_are_refused(where, value):
    manifest = copy.deepcopy(GOOD)
    *groups, name = where.split(".")
    group = manifest[groups[0]] if groups else manifest
    group.pop(name, None)
    if value is not None:
        group[name] = value
    with pytest.raises(InputError, match=r"models\.json"):
        check_manifest(manifest, Path("models.json"))
