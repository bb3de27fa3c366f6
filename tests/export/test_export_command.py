"""`diffproxy export`: from a run's folder to files."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from diffproxy.__main__ import main
from diffproxy.cameras.up_axis import rotation_to_y_up
from diffproxy.export.formats import FORMATS
from diffproxy.export.markers import MIDDLE, SIDES
from diffproxy.utils.people_file import ListedPerson, write_people
from tests.export.conftest import some_bodies
from tests.export.gltf_reader import Glb
from tests.export.test_export_bvh import read_bvh


def test_every_format_is_written_from_a_run(run_of, body, capsys):
    run = run_of(3, missing=(1,), up_axis="+Z")
    assert main(["export", str(run), "format=amass,smpl,bvh,glb,trc,angles,obj,ply"]) == 0
    written = capsys.readouterr().out.split()
    names = [
        "take_amass.npz",
        "take.smpl",
        "take.bvh",
        "take.glb",
        "take.trc",
        "take_angles.csv",
        "take_obj",
        "take_ply",
    ]
    assert written == [str(run / "export" / name) for name in names]
    assert sorted(p.name for p in (run / "export" / "take_obj").iterdir()) == ["000000.obj", "000002.obj"]
    with torch.no_grad():
        expected = body.joints(some_bodies(3)).numpy() @ rotation_to_y_up("+Z").T
    glb = Glb((run / "export" / "take.glb").read_bytes())
    assert glb.times.tolist() == pytest.approx([0, 0.04, 0.08])
    assert np.linalg.norm(glb.joints(0.08) - expected[2], axis=-1).max() < 1e-3
    joints, frame_time = read_bvh((run / "export" / "take.bvh").read_text())
    found = np.stack([joints[name] for name in body.joint_names], axis=1) / 100
    assert np.linalg.norm(found - expected, axis=-1)[[0, 2]].max() < 1e-3 and frame_time == pytest.approx(
        0.04
    )


def test_rates_and_folders_are_options(run_of, tmp_path):
    run = run_of(3)
    words = [
        "export",
        str(run / "result.npz"),
        "format=bvh",
        "fps=100",
        "frame_rate=50",
        f"out={tmp_path / 'here'}",
    ]
    assert main(words) == 0
    text = (tmp_path / "here" / "take.bvh").read_text()
    assert "Frames: 5" in text and "Frame Time: 0.010000000" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["format=x3d"], "format among amass"),
        (["format=bvh,FBX"], "Blender exports FBX"),
        (["format=gltf"], "write format=glb"),
        (["format=csv"], "write format=joints"),
        (["format=glb", "fps=-1"], "fps between"),
        (["format=trc", "min_observed=10"], "min_observed between"),
        (["format=glb", "body=nowhere.npz"], "a body file"),
    ],
)
def test_wrong_words_are_told(run_of, capsys, words, message):
    assert main(["export", str(run_of(2)), *words]) == 2
    assert message in capsys.readouterr().err


def test_the_commands_of_the_page_run(run_of, rig_of, make_ring, tmp_path, monkeypatch):
    """Every command of docs/exports.md, on a run of one frame."""
    text = (Path(__file__).parents[2] / "docs" / "exports.md").read_text()
    lines = [
        line.split("#")[0].split()[1:] for line in text.splitlines() if line.startswith("    diffproxy ")
    ]
    assert len(lines) == 8
    run = run_of(1, options=rig_of(make_ring(2), 1))
    monkeypatch.chdir(tmp_path)
    for words in lines:
        assert main([str(run) if word == "out/fit" else word for word in words]) == 0
    table = re.findall(r"^\| `(\w+)`", text.split("## The body")[0], re.MULTILINE)
    assert {*table, "ply"} == {*FORMATS}
    assert {p.name for p in (run / "export").iterdir()} > {"take_blender.py", "take_blender.glb", "take.smpl"}
    section = text.split("## Virtual markers")[1].split("\n## ")[0]
    markers = re.findall(r"^\| ((?:`\w+` ?)+) \|", section, re.MULTILINE)
    assert {m.strip("`") for row in markers for m in row.split()} == {*MIDDLE, *SIDES}


def test_a_folder_without_a_run_is_told(tmp_path, capsys):
    assert main(["export", str(tmp_path)]) == 2
    assert "result.npz" in capsys.readouterr().err


def test_people_without_results_are_told(tmp_path, run_of, capsys, caplog):
    write_people(tmp_path / "all", "rig", ["left"], [ListedPerson(0, {0: {"status": "no_person"}}, False)])
    assert main(["export", str(tmp_path / "all")]) == 2
    assert "people.json" in capsys.readouterr().err
    listed = [ListedPerson(i, {0: {"status": "ok"}}) for i in (0, 1)]
    write_people(tmp_path / "all", "rig", ["left"], listed)
    run_of(1).rename(tmp_path / "all" / "person_00")
    assert main(["export", str(tmp_path / "all"), "format=bvh"]) == 0
    assert "person_01" in caplog.text and "person_00" not in caplog.text
