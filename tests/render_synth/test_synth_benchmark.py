"""The benchmark of rendering: a row for each option, a process each; here in this one, with one tiny sample."""

import json
from types import SimpleNamespace

import render_synth.run
from render_synth.config import RenderConfig
from render_synth.sample import render_sample


def test_rows(load_benchmark, tools, monkeypatch, capsys):
    script, asked = load_benchmark("render"), []

    def run(command, **_):
        assert command[1:3] == [script.__file__, "--row"]
        script.main(command[2:])
        return SimpleNamespace(stdout=capsys.readouterr().out)

    def load_tools(config):
        asked.append((config.samples_per_pixel, config.size, config.extras, config.max_depth))
        return tools

    monkeypatch.setattr(script.subprocess, "run", run)
    monkeypatch.setattr(render_synth.run, "load_tools", load_tools)
    once = render_sample(tools, 0)
    monkeypatch.setattr("render_synth.sample.render_sample", lambda tools, k: once)
    script.main(["samples=1", "samples_per_pixel=1,2", "sizes=64", "variants=scalar_rgb", "max_depth=3"])
    found = json.loads(capsys.readouterr().out)
    usual = RenderConfig(out="x")
    assert asked == [(1, usual.size, usual.extras, 3), (2, usual.size, usual.extras, 3),
                     (usual.samples_per_pixel, 64, usual.extras, 3),
                     (usual.samples_per_pixel, usual.size, "depth,normals,visibility", 3)]  # fmt: skip
    assert [row["options"].split()[:2] for row in found["rows"]] == [
        ["variant=scalar_rgb", "samples_per_pixel=1"], ["variant=scalar_rgb", "samples_per_pixel=2"],
        ["variant=scalar_rgb", "size=64"], ["variant=scalar_rgb", "extras=depth,normals,visibility"],
    ]  # fmt: skip
    for row in found["rows"]:
        assert row["views"] == len(once[0]) > 0 and row["cpu_s_per_view"] >= 0 and row["memory_gb"] > 0
