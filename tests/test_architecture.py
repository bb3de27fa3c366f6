"""The floors of docs/architecture.md, checked on the source itself."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOOR = {
    "body": 0, "cameras": 0, "proxies": 1, "keypoints": 1,
    "generator": 2, "fitting": 2, "prior": 2, "data": 2, "export": 2, "viz": 2, "metrics": 2,
    "training": 3, "capture": 3, "calibration": 3,
}  # fmt: skip
LAZY = {
    "mediapipe", "submitit", "ray", "mitsuba", "webdataset", "viser", "huggingface_hub", "embreex", "trimesh", "anny",
    "smplx", "drjit",
}  # fmt: skip
FILES = sorted([*ROOT.glob("diffproxy/**/*.py"), *ROOT.glob("render_synth/**/*.py")])


def imported(tree: ast.AST, top_level_only: bool) -> list[str]:
    nodes = ast.iter_child_nodes(tree) if top_level_only else ast.walk(tree)
    names = []
    for node in nodes:
        if isinstance(node, ast.Import):
            names += [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_file_keeps_to_its_floor(path):
    parts = path.relative_to(ROOT).parts
    tree = ast.parse(path.read_text())
    rooms = {
        n.split(".")[1]
        for n in imported(tree, top_level_only=False)
        if n.startswith("diffproxy.") and n.split(".")[1] in FLOOR
    }
    if parts[0] == "render_synth":
        assert rooms <= {"body", "cameras", "proxies", "data"}, f"render_synth imports {rooms}"
    elif parts[1] in FLOOR:
        own = parts[1]
        for room in rooms - {own}:
            assert FLOOR[room] <= FLOOR[own], (
                f"{own} (floor {FLOOR[own]}) imports {room} (floor {FLOOR[room]})"
            )
        assert {own, *rooms} != {"generator", "fitting"} and not (
            {"generator", "fitting"} <= {own, *rooms} and FLOOR[own] == 2
        )


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_heavy_at_module_import(path):
    heavy = {n.split(".")[0] for n in imported(ast.parse(path.read_text()), top_level_only=True)} & LAZY
    assert not heavy, f"import {heavy} inside the function that needs it"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_file_stays_readable(path):
    lines = len(path.read_text().splitlines())
    assert lines <= 400, f"{lines} lines: one job per file"
