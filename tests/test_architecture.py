"""The floors of docs/architecture.md, checked on the source itself."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLOOR = {
    "utils": 0, "geometry": 0,
    "body": 1, "cameras": 1, "encoders": 1,
    "motion": 2, "proxies": 2, "keypoints": 2, "detector": 2,
    "pose_prior": 3, "datasets": 3, "generator": 3, "metrics": 3, "visualization": 3, "export": 3, "association": 3,
    "synchronization": 3,
    "fitting": 4, "viewer": 4,
    "pipeline": 5,
    "calibration": 6, "conversion": 6, "single_view": 6, "training": 6,
    "evaluation": 7,
}  # fmt: skip
FOR_SYNTHESIS = {"utils", "geometry", "body", "cameras", "proxies", "motion", "datasets"}
LAZY = {
    "mediapipe", "submitit", "ray", "mitsuba", "webdataset", "viser", "huggingface_hub", "embreex", "trimesh", "anny",
    "smplx", "drjit", "h5py", "pillow_heif", "pxr", "roma",
}  # fmt: skip
FILES = sorted([*ROOT.glob("diffproxy/**/*.py"), *ROOT.glob("render_synth/**/*.py")])


def imported(path: Path, top_level_only: bool) -> list[str]:
    """Full names of the imported modules, of relative imports too; `from diffproxy import body` names the room."""
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


def rooms_of(path: Path) -> set[str]:
    names = [n.split(".") for n in imported(path, top_level_only=False)]
    return {n[1] for n in names if n[0] == "diffproxy" and len(n) > 1} & set(FLOOR)


def test_every_room_has_a_floor():
    assert {p.parent.name for p in ROOT.glob("diffproxy/*/__init__.py")} == set(FLOOR)


def test_files_keep_to_their_floor():
    """A room imports rooms of lower floors only, so no two rooms import each other."""
    offenders = []
    for path in FILES:
        top, room = path.relative_to(ROOT).parts[:2]
        rooms = rooms_of(path) - {room}
        if top == "render_synth":
            wrong = rooms - FOR_SYNTHESIS
        elif room in FLOOR:
            wrong = {r for r in rooms if FLOOR[r] >= FLOOR[room]}
            wrong |= rooms & {"generator"} if room == "fitting" else set()  # they meet at the proxies
        else:
            wrong = set()
        offenders += [f"{path.relative_to(ROOT)} imports {r}" for r in sorted(wrong)]
    assert not offenders, "\n".join(offenders)


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
