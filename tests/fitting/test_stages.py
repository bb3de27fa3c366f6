"""A fit is five stages in one order; no stage knows a later one."""

import ast
import sys
from pathlib import Path

import torch

from diffproxy.fitting import FitConfig, fit_many

ROOT = Path(__file__).parents[2]
STAGES = {
    "gather_correspondences": "diffproxy.fitting.gather_correspondences",
    "initialize": "diffproxy.fitting.initialization.initialize",
    "build_problem": "diffproxy.fitting.problem",
    "solve": "diffproxy.fitting.solve",
    "diagnose": "diffproxy.fitting.diagnose",
}


def imports(module: str) -> set[str]:
    """Modules of the fitter that `module` imports, directly or through others."""
    found: set[str] = set()
    open_ = [module]
    while open_:
        path = ROOT / (open_.pop().replace(".", "/") + ".py")
        nodes = ast.walk(ast.parse(path.read_text())) if path.exists() else []
        new = {n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.module} - found
        new = {name for name in new if name.startswith("diffproxy.fitting.")}
        found |= new
        open_ += new
    return found


def test_no_stage_imports_a_later_one():
    modules = list(STAGES.values())
    for i, module in enumerate(modules):
        assert not imports(module) & set(modules[i:]), module
    assert set(modules) <= imports("diffproxy.fitting.fit")


def test_only_initialize_searches_for_a_pose():
    search = {
        f"diffproxy.fitting.initialization.{n}" for n in ("closed_form_pose", "segments", "beam_search")
    }
    assert search <= imports(STAGES["initialize"])
    for stage in ("problem", "solve", "diagnose"):
        tree = ast.parse((ROOT / f"diffproxy/fitting/{stage}.py").read_text())
        direct = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert not direct & search, stage


def test_every_stage_runs_once_in_order(make_scene, monkeypatch):
    """Two subjects, one of them without a person: the first two stages once each, the others once for both."""
    module, calls = sys.modules["diffproxy.fitting.fit"], []
    for name in STAGES:
        stage = getattr(module, name)

        def recorded(*args, name=name, stage=stage, **kwargs):
            calls.append(name)
            return stage(*args, **kwargs)

        monkeypatch.setattr(module, name, recorded)
    maps = make_scene().maps
    empty = type(maps)(**{**vars(maps), "labels": maps.labels * 0, "weight": maps.weight * 0})
    config = FitConfig(hands=False, max_pixels=60, num_initial_rotations=48)
    results = fit_many([maps, empty], make_scene().body, config)
    assert calls == ["gather_correspondences", "initialize"] * 2 + ["build_problem", "solve", "diagnose"]
    assert [r.status for r in results] == ["ok", "no_person"]
    assert torch.isfinite(results[0].params.transl).all()
