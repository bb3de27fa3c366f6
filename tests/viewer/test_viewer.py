"""The viewer's page: nothing from outside, bodies that decode to the run's joints, and the script in a real browser."""

import base64
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from diffproxy.__main__ import main
from diffproxy.body import BodyParams
from diffproxy.cameras import Rig, open_frames, save_rig
from diffproxy.cameras.up_axis import rotation_to_y_up
from diffproxy.export import Result, motion_of_result, open_run, save_result
from diffproxy.utils.errors import InputError
from diffproxy.utils.people_file import ListedPerson, rgb_of, write_people
from diffproxy.viewer import Scene, ViewerBody, viewer_html
from diffproxy.viewer.run_viewer import small_pictures
from tests.export.conftest import result_of, run_of, some_bodies  # noqa: F401
from tests.export.gltf_reader import Glb
from tests.viewer.browser import WANTED, joints_in_browser

DOCS = Path(__file__).parents[2] / "docs"


def viewer_data(page):
    """The JSON of a page."""
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1]
    return json.loads(text)


@pytest.fixture
def body_of(body):
    """Factory: a person of the viewer, standing somewhere."""

    def make(frames=3, seed=0, missing=(), up_axis="+Z", name="person"):
        params = some_bodies(frames, seed=seed)
        joints = body.joints(params).numpy()
        joints[[*missing]] = np.nan
        values = {k: getattr(params, k).numpy() for k in BodyParams.__dataclass_fields__}
        status = np.array(["no_person" if r in missing else "ok" for r in range(frames)])
        observed = np.full((frames, 55), 0.9, np.float32)
        observed[:, 20] = 0.05
        result = Result(
            np.arange(frames), status, values, joints, np.full((frames, 55), 0.012, np.float32), body.joint_names,
            {"up_axis": up_axis}, np.array(["</script><b>" if r in missing else "" for r in range(frames)]), observed,
        )  # fmt: skip
        motion = motion_of_result(result, body, 30.0)
        return ViewerBody(name, motion, status.tolist(), result.reason.tolist(), result.joint_std, observed)

    return make


def test_the_page_is_whole_and_decodes_to_the_joints(body_of, make_ring):
    people = [body_of(seed=0), body_of(seed=1, missing=(1,), name="other")]
    cameras = make_ring(2)
    page = viewer_html(Scene("a <take>", people, [4, 5, 6], 30.0, cameras, "+Z"), {"cam0": [(0, b"jpeg")]})
    data = viewer_data(page)
    text = re.sub(r"[A-Za-z0-9+/=]{200,}", "", page)  # without the base64
    assert not re.findall(r"[a-z]+:?//[a-z0-9.]", text)
    assert (
        "src=" not in re.sub(r"image\.src = ", "", page) and "import " not in page and "@" not in page[:400]
    )
    assert page.count("</script>") == 2 and "a &lt;take&gt;" in page
    assert data["frame_ids"] == [4, 5, 6] and [b["name"] for b in data["bodies"]] == ["person", "other"]
    for person, entry in zip(people, data["bodies"], strict=True):
        glb = Glb(base64.b64decode(entry["glb"]))
        expected = person.motion.with_up_axis("+Y").joints
        for row, time in enumerate(glb.times):
            assert np.linalg.norm(glb.joints(time) - expected[row], axis=-1).max() < 1e-3
        support = np.frombuffer(base64.b64decode(entry["observed"]), np.uint8).reshape(3, 55) / 255
        assert ((support < data["unobserved_below"]) == (np.arange(55) == 20)).all()
        assert set(base64.b64decode(entry["deviation"])) == {12}
    assert (
        data["bodies"][1]["shown"] == [True, False, True] and data["bodies"][1]["reason"][1] == "</script><b>"
    )
    point = np.array([0.1, 0.2, 0.3])
    for camera, shown in zip(cameras, data["cameras"], strict=True):
        x = np.array(shown["K"]) @ (np.array(shown["R"]) @ rotation_to_y_up("+Z") @ point + shown["t"])
        np.testing.assert_allclose(x[:2] / x[2], camera.project(point), atol=1e-9)


def test_bodies_of_other_lengths_are_told(body_of):
    with pytest.raises(InputError, match="each with 2 frames"):
        Scene("t", [body_of(3)], [0, 1], 30.0)
    with pytest.raises(InputError, match="at least one body"):
        Scene("t", [], [0], 30.0)


@pytest.fixture
def rig(tmp_path, make_ring):
    ring = make_ring(2, size=320)
    save_rig(Rig("ring", ring), tmp_path / "rig")
    rng = np.random.default_rng(0)
    for camera in ring:
        (tmp_path / "rig" / "images" / camera.name).mkdir(parents=True)
        for k in range(6):
            image = rng.integers(0, 255, (320, 320, 3), dtype=np.uint8)
            cv2.imwrite(str(tmp_path / "rig" / "images" / camera.name / f"{k:06d}.png"), image)
    return tmp_path / "rig"


def test_pictures_keep_to_their_budget(rig):
    frames = open_frames(rig)
    whole = small_pictures(frames, [0, 1, 2, 3, 4, 5, 9])
    assert [[row for row, _ in whole[name]] for name in ("cam0", "cam1")] == [[*range(6)]] * 2
    assert cv2.imdecode(np.frombuffer(whole["cam0"][0][1], np.uint8), 1).shape == (320, 320, 3)
    few = small_pictures(frames, [0, 1, 2, 3, 4, 5], budget=100_000)
    assert 0 < len(few["cam0"]) < 6 and sum(len(j) for rows in few.values() for _, j in rows) <= 130_000
    assert cv2.imdecode(np.frombuffer(few["cam0"][0][1], np.uint8), 1).shape == (256, 256, 3)


def test_three_hundred_frames_stay_below_five_megabytes(body_of, make_ring):
    """With bodies whose bones change in every frame, and all bytes that pictures may take."""
    person = body_of(2)
    rows = np.arange(300) % 2
    motion = person.motion.take(rows)
    scale = torch.linspace(1.0, 1.1, 300)[:, None]
    motion = replace(motion, params=motion.params.replace(scale=scale))
    long = ViewerBody(
        "p", motion, ["ok"] * 300, [""] * 300, person.joint_std[rows], person.joint_observed[rows]
    )
    page = viewer_html(
        Scene("t", [long], [*range(300)], 30.0, make_ring(1)), {"cam0": [(0, bytes(1_800_000))]}
    )
    assert len(page) < 5e6


def test_the_command_writes_the_page_of_a_run(rig, run_of, capsys):  # noqa: F811
    options = {"fps": 25.0, "body": {"path": "anny"}, "rig": {"path": str(rig)}}
    run = run_of(3, options=options, missing=(1,))
    assert main(["view", str(run), "open=false"]) == 0
    assert capsys.readouterr().out == f"{run / 'viewer.html'}\n"
    data = viewer_data((run / "viewer.html").read_text())
    assert data["bodies"][0]["status"] == ["ok", "no_person", "ok"] and data["fps"] == 25.0
    assert len(data["pictures"]["cam1"]) == 3 and [c["name"] for c in data["cameras"]] == ["cam0", "cam1"]
    shutil.rmtree(rig)
    assert main(["view", str(run), "open=false", f"out={run / 'alone.html'}"]) == 0
    assert viewer_data((run / "alone.html").read_text())["cameras"] == []


def test_the_people_of_a_take_share_a_page(tmp_path, result_of, capsys):  # noqa: F811
    """Two runs of other frames: who is not there is not shown."""
    for name, ids, missing in (("person_00", [0, 10, 20, 30], (1,)), ("person_02", [20, 30, 40], ())):
        result = result_of(some_bodies(len(ids)), ids, missing, options={"body": {"path": "anny"}})
        save_result(result, tmp_path / name / "result.npz")
    there = {0: {"status": "ok", "views": ["cam0"]}}
    write_people(tmp_path, "take", ["cam0"], [ListedPerson(k, there, k != 1) for k in range(3)])
    assert main(["view", str(tmp_path), "open=false"]) == 0
    data = viewer_data((tmp_path / "viewer.html").read_text())
    first, second = data["bodies"]
    assert data["frame_ids"] == [0, 10, 20, 30, 40] and data["fps"] == 3.0 and first["name"] == "person_00"
    assert first["shown"] == [True, False, True, True, False] and second["shown"] == [
        False,
        False,
        True,
        True,
        True,
    ]
    assert (first["color"], second["color"]) == ([*rgb_of(0)], [*rgb_of(2)])
    assert first["status"] == ["ok", "no_person", "ok", "ok", "not in this frame"]
    found = Glb(base64.b64decode(second["glb"]))
    expected = open_run(tmp_path / "person_02").result.joints @ rotation_to_y_up("+Z").T
    for row, time in enumerate(found.times[2:]):
        assert np.linalg.norm(found.joints(time) - expected[row], axis=-1).max() < 1e-3
    assert main(["export", str(tmp_path), "format=trc"]) == 0
    written = capsys.readouterr().out.split()[1:]
    assert [Path(p).name for p in written] == ["person_00.trc", "person_02.trc"]


def test_the_commands_of_the_page_run(run_of, monkeypatch):  # noqa: F811
    """Every `diffproxy view` of docs/usage.md."""
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    text = (DOCS / "usage.md").read_text()
    lines = [
        line.split("#")[0].split()[1:] for line in text.splitlines() if line.startswith("    diffproxy view")
    ]
    monkeypatch.setattr("diffproxy.viewer.live.LivePage.run", lambda page: page.server.stop())
    run = run_of(1)
    for words in lines:
        assert main([str(run) if word == "out/fit" else word for word in words]) == 0
    assert len(lines) == 3 and opened[0] == (run / "viewer.html").resolve().as_uri()
    assert len(opened) == 2 and opened[1].startswith("http://127.0.0.1:")


def test_the_picture_of_the_page_is_taken_offline(run_of, tmp_path, picture_script, capsys):  # noqa: F811
    """docs/make_viewer_picture.py, with a browser that only keeps its arguments."""
    script = picture_script
    browser, kept = tmp_path / "browser", tmp_path / "words"
    browser.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {kept}\n')
    browser.chmod(0o755)
    run = run_of(1)
    words = [f"run={run}", f"out={tmp_path / 'v.png'}", f"chromium={browser}"]
    with pytest.raises(InputError, match=r"viewer\.html"):
        script.main(words)
    for wrong in ("veiw=yaw=1", "page=videos", "cam0"):
        with pytest.raises(InputError):
            script.main([*words, wrong])
    script.main(["--help"])
    assert "view=TEXT" in capsys.readouterr().out
    (run / "viewer.html").write_text("")
    script.main(words)
    lines = kept.read_text().splitlines()
    assert script.OFFLINE in lines and f"--screenshot={tmp_path / 'v.png'}" in lines
    assert lines[-1] == (run / "viewer.html").as_uri() + "#yaw=2.6&distance=7"


@pytest.mark.skipif(not WANTED, reason="RUN_SLOW=1 and Chromium")
def test_a_browser_computes_the_same_joints(body_of, tmp_path):
    person = body_of(3)
    (tmp_path / "v.html").write_text(viewer_html(Scene("t", [person], [0, 1, 2], 30.0)))
    found = joints_in_browser(tmp_path / "v.html")
    assert found.shape == (3, 1, 55, 3)
    assert np.linalg.norm(found[:, 0] - person.motion.with_up_axis("+Y").joints, axis=-1).max() < 1e-3
