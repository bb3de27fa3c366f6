"""docs/architecture.md holds the layers of the packages; the source itself is checked against it."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENT = (ROOT / "docs" / "architecture.md").read_text()
ROWS = re.findall(r"^\| (\d+) \| `diffproxy/(\w+)` \| (.*) \|$", DOCUMENT, re.M)
LAYER = {package: int(layer) for layer, package, _ in ROWS}
FOR_SYNTHESIS = {"proxies", "body", "cameras", "motion", "datasets"}
LAZY = {
    "mediapipe", "submitit", "ray", "mitsuba", "webdataset", "viser", "huggingface_hub", "embreex", "trimesh", "anny",
    "smplx", "drjit", "h5py", "pillow_heif", "pxr", "roma",
}  # fmt: skip
FILES = sorted([*ROOT.glob("diffproxy/**/*.py"), *ROOT.glob("render_synth/**/*.py")])


def imported(path: Path, top_level_only: bool) -> list[str]:
    """Full names of the imported modules, of relative imports too; `from diffproxy import body` names the package."""
    tree = ast.parse(path.read_text())
    package = path.relative_to(ROOT).parent.parts
    names = []
    for node in ast.iter_child_nodes(tree) if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            names += [f"{module}.{a.name}" for a in node.names] if module == "diffproxy" else [module]
    return names


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if path.name == "__init__.py" else parts)


MODULES = {module_name(path): path for path in FILES}


def packages_of(path: Path) -> set[str]:
    names = [n.split(".") for n in imported(path, top_level_only=False)]
    return {n[1] for n in names if n[0] == "diffproxy" and len(n) > 1} & set(LAYER)


def test_every_package_has_a_layer():
    assert {p.parent.name for p in ROOT.glob("diffproxy/*/__init__.py")} == set(LAYER)
    assert [int(layer) for layer, _, _ in ROWS] == sorted(LAYER.values()), "from the bottom up"


def test_the_document_names_files_that_are_there():
    def missing(text: str, *folders: Path) -> list[str]:
        paths = re.findall(r"`([\w/]+(?:\.py|/))`", text)
        return [p for p in paths if not any((f / p).exists() for f in folders)]

    for _, package, sentence in ROWS:
        assert not missing(sentence, ROOT, ROOT / "diffproxy" / package), package
    own = re.findall(r"^\| .* in `([\w/.]+)` \|", DOCUMENT.partition("## Own code")[2], re.M)
    assert len(own) > 8
    assert not [n for n in own if not any((top / n).exists() for top in (ROOT, ROOT / "diffproxy"))]


def test_files_keep_to_their_layer():
    """A package imports packages of lower layers only, so no two import each other."""
    stated = re.search(r"^\| \| `render_synth` \| .* imports (.*) and layer 0 only \|$", DOCUMENT, re.M)
    assert stated and set(re.findall(r"`(\w+)`", stated[1])) == FOR_SYNTHESIS
    lowest = {package for package, layer in LAYER.items() if layer == 0}
    offenders = []
    for path in FILES:
        top, package = path.relative_to(ROOT).parts[:2]
        packages = packages_of(path) - {package}
        if top == "render_synth":
            wrong = packages - FOR_SYNTHESIS - lowest
        elif package in LAYER:
            wrong = {r for r in packages if LAYER[r] >= LAYER[package]}
            wrong |= packages & {"generator"} if package == "fitting" else set()  # they meet at the proxies
        else:
            wrong = set()
        offenders += [f"{path.relative_to(ROOT)} imports {r}" for r in sorted(wrong)]
    assert not offenders, "\n".join(offenders)


def files_used(path: Path) -> set[str]:
    """Modules that a file names; a package's face only where it takes more than modules from it."""
    used = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            used |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{a.name}" for a in node.names}
            used |= names if names <= MODULES.keys() else names | {str(node.module)}
    return (used & MODULES.keys()) - {module_name(path), "diffproxy"}


def test_no_files_import_each_other_in_a_circle():
    """Imports inside functions and for type checking included; of the package itself they take the version only."""
    graph = {name: files_used(path) for name, path in MODULES.items()}
    assert sum(map(len, graph.values())) > 2000
    TopologicalSorter(graph).prepare()  # CycleError names the modules of a circle


def test_nothing_heavy_at_module_import():
    offenders = []
    for path in FILES:
        heavy = {n.split(".")[0] for n in imported(path, top_level_only=True)} & LAZY
        offenders += [f"{path.relative_to(ROOT)} imports {name} at the top" for name in sorted(heavy)]
    assert not offenders, "import inside the function that needs it:\n" + "\n".join(offenders)


def test_files_stay_readable():
    lines = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in FILES}
    offenders = [f"{path}: {count} lines" for path, count in lines.items() if count > 400]
    assert not offenders, "one job per file:\n" + "\n".join(offenders)
