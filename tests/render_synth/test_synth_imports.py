"""No circles among the modules of render_synth, imports inside functions and for type checking included."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_modules_import_each_other_without_circles():
    files = {
        ".".join(p.relative_to(ROOT).with_suffix("").parts): p for p in ROOT.glob("render_synth/**/*.py")
    }
    graph = {}
    for name, path in files.items():
        found = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
        graph[name] = (found & set(files)) - {name}
    assert sum(map(len, graph.values())) > 150
    TopologicalSorter(graph).prepare()  # CycleError names the modules of a circle
