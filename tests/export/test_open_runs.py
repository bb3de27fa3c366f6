"""The runs of several people, opened for `view` and `export`: who is left out is named, and who does not belong."""

import os
import time
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from diffproxy.__main__ import main
from diffproxy.cameras import Rig, save_rig
from diffproxy.cameras.rig import cameras_digest
from diffproxy.export import save_result
from diffproxy.export.open_runs import open_runs
from diffproxy.export.run import open_run
from diffproxy.export.run_images import images_or_none
from diffproxy.export.run_pictures import changed_pictures, picture_digests
from diffproxy.utils.digests import path_digest
from diffproxy.utils.errors import InputError
from diffproxy.utils.people_file import ListedPerson, write_people
from tests.export.conftest import some_bodies


@pytest.fixture
def take_of(tmp_path, result_of):
    """Factory: the folder of a take, with one person for each dictionary of arguments of `result_of`."""

    def make(*people, name="take", stamp=""):
        out = tmp_path / name
        for k, more in enumerate(people):
            meta = {"rig": "rig", "options": {"fps": 25.0, "body": {"path": "anny"}}} | more
            result = result_of(some_bodies(2, seed=k), [0, 1], **meta)
            save_result(result, out / f"person_{k:02d}" / "result.npz")
        listed = [ListedPerson(k, {0: {"status": "ok"}}) for k in range(len(people))]
        write_people(out, "rig", ["cam0"], listed, take=stamp)
        return out

    return make


def test_who_has_no_body_costs_nobody_else(take_of, capsys, caplog):
    out = take_of({"missing": (0, 1)}, {})
    for words in (["view", str(out), "open=false"], ["export", str(out), "format=bvh"]):
        assert main(words) == 0
        assert "no frame has a body" in caplog.text and "person_00" in caplog.text
        caplog.clear()
    written = [f"{out / 'viewer.html'}", f"{out / 'person_01/export/person_01.bvh'}"]
    assert capsys.readouterr().out.split() == written
    with pytest.raises(InputError, match="at least one frame with a body"):
        open_runs(take_of({"missing": (0, 1)}, name="nobody"))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"up_axis": "-Y"}, "up_axis +Z and -Y"),
        ({"options": {"fps": 60.0, "body": {"path": "anny"}}}, "fps 25.0 and 60.0"),
        ({"options": {"fps": 25.0, "smooth": 1.0}}, "smooth None and 1.0"),
        ({"rig": "elsewhere"}, "rig rig and elsewhere"),
        ({"settings": {"cameras": "abc"}}, "cameras None and abc"),
    ],
)
def test_people_of_another_take_are_named(take_of, caplog, other, said):
    open_runs(take_of({}, {}, name="one"))
    assert not caplog.text
    assert len(open_runs(take_of({}, other))) == 2
    assert said in caplog.text and "person_01 are not of one run" in caplog.text


def test_nothing_is_written_where_somebody_is_damaged(take_of, capsys):
    out = take_of({}, {})
    (out / "person_01/result.npz").write_bytes(b"PK")
    assert main(["export", str(out), "format=bvh"]) == 2
    assert "person_01" in capsys.readouterr().err and not [*out.rglob("*.bvh")]


def test_a_take_is_named_by_its_people_too(take_of):
    out = take_of({}, {})
    assert [r.name for r in open_runs(out / "people.json")] == ["person_00", "person_01"]
    (out / "people.json").unlink()
    with pytest.raises(InputError, match="2 people such as") as error:
        open_runs(out)
    assert error.value.fix == f"write {out / 'person_00'}"
    (out / "person_00/result.npz").rename(out / "result.npz")
    assert len(open_runs(out)) == 1


def test_results_of_one_and_of_several_are_told_apart(take_of):
    out = take_of({}, {})
    (out / "result.npz").write_bytes((out / "person_00/result.npz").read_bytes())
    with pytest.raises(InputError, match="the results of one run"):
        open_runs(out)
    assert [len(open_runs(out / name)) for name in ("result.npz", "people.json")] == [1, 2]


def test_files_of_two_takes_go_into_one_folder(take_of, tmp_path):
    for name in ("one", "two"):
        assert main(["export", str(take_of({}, name=name)), "format=bvh", f"out={tmp_path / 'all'}"]) == 0
    names = sorted(p.name for p in (tmp_path / "all").iterdir())
    assert names == ["one_person_00.bvh", "two_person_00.bvh"]


@pytest.mark.parametrize("kind", ["obj", "ply"])
def test_meshes_of_an_earlier_export_do_not_stay_between(take_of, result_of, capsys, kind):
    out = take_of({})
    words = ["export", str(out), f"format={kind}"]
    assert main(words) == 0 and main(words) == 0
    meta = {"options": {"body": {"path": "anny"}}}
    save_result(result_of(some_bodies(1), [1], **meta), out / "person_00/result.npz")
    assert main(words) == 2
    assert f"000000.{kind}" in capsys.readouterr().err


def test_cameras_that_have_changed_since_are_named(tmp_path, take_of, make_ring, caplog):
    cameras = make_ring(2, size=16)
    rig = tmp_path / "rig"
    for camera in cameras:
        (rig / "images" / camera.name).mkdir(parents=True)
        cv2.imwrite(str(rig / "images" / camera.name / "000000.png"), np.zeros((16, 16, 3), np.uint8))
    save_rig(Rig("rig", cameras), rig)
    options = {"body": {"path": "anny"}, "rig": {"path": str(rig)}}
    run = open_run(
        take_of({"options": options, "settings": {"cameras": cameras_digest(cameras)}}) / "person_00"
    )
    assert images_or_none(run, tmp_path) is not None and not caplog.text
    moved = tuple(replace(c, t_cam_world=c.t_cam_world + 0.01) for c in cameras)
    save_rig(Rig("rig", moved), rig)
    assert images_or_none(run, tmp_path) is not None and "have changed since" in caplog.text
    caplog.clear()
    (rig / "rig.json").unlink()
    assert images_or_none(run, tmp_path) is None and "without cameras" in caplog.text
    caplog.clear()
    rig.rename(tmp_path / "gone")
    assert images_or_none(run, tmp_path) is None and "are not there" in caplog.text


def test_pictures_that_have_changed_since_are_named(tmp_path, take_of, make_ring, caplog):
    cameras = make_ring(2, size=16)
    rig = tmp_path / "rig"

    def picture(camera, frame):
        return rig / "images" / camera.name / f"{frame:06d}.png"

    for k, camera in enumerate(cameras):
        picture(camera, 0).parent.mkdir(parents=True)
        for frame in (0, 1):
            cv2.imwrite(str(picture(camera, frame)), np.full((16, 16, 3), 9 * k + frame, np.uint8))
    save_rig(Rig("rig", cameras), rig)
    inputs = [{f"image {c.name}": path_digest(picture(c, f)) for c in cameras} for f in (0, 1)]
    options = {"body": {"path": "anny"}, "rig": {"path": str(rig)}}
    out = take_of({"options": options, "pictures": picture_digests(inputs)})
    words = ["view", str(out), "open=false"]
    assert main(words) == 0 and not caplog.text
    picture(cameras[1], 1).write_bytes(picture(cameras[0], 0).read_bytes())
    assert main(words) == 0
    assert f"pictures have changed since this run: {cameras[1].name} frame 1 (2 of 2" in caplog.text
    caplog.clear()
    assert main(["export", str(out), "format=blender"]) == 0
    assert "pictures have changed since this run" in caplog.text


def test_of_a_large_take_newer_files_and_some_more_are_looked_at(tmp_path):
    def video(frame_id):
        return {"video": tmp_path / "video.mp4", "pictures": tmp_path / f"{frame_id}.png"}

    for frame in range(101):
        (tmp_path / f"{frame}.png").write_bytes(b"%3d" % frame)
    (tmp_path / "video.mp4").write_bytes(b"video")
    ids = [*range(101)]
    known = picture_digests([{f"image {n}": path_digest(p) for n, p in video(i).items()} for i in ids])
    assert isinstance(known["video"], str) and len(known["pictures"]) == 101
    rig = SimpleNamespace(frame_ids=ids, files=video)
    assert changed_pictures(known, ids, rig) == ([], 101)
    ended = max(path.stat().st_ctime for path in tmp_path.iterdir())
    time.sleep(0.05)  # more than the resolution of times of files
    assert changed_pictures(known, ids, rig, ended, budget=80) == ([], 10)
    kept = (tmp_path / "57.png").stat()
    (tmp_path / "57.png").write_bytes(b"newer")
    os.utime(tmp_path / "57.png", ns=(kept.st_atime_ns, kept.st_mtime_ns))  # as a copy that keeps dates
    assert changed_pictures(known, ids, rig, ended, budget=80) == (["pictures frame 57"], 10)
    (tmp_path / "100.png").write_bytes(b"other")
    (tmp_path / "video.mp4").write_bytes(b"another")
    assert changed_pictures(known, ids, rig, budget=100) == (["video", "pictures frame 100"], 10)
    assert changed_pictures({"video": known["video"]}, ids, rig) == (["video"], 2)
    assert changed_pictures({}, ids, rig) == ([], 0)


def test_folders_of_people_that_were_exchanged_are_refused(take_of):
    out = take_of({"person": {"id": 0}}, {"person": {"id": 1}})
    (out / "person_00").rename(out / "kept")
    (out / "person_01").rename(out / "person_00")
    (out / "kept").rename(out / "person_01")
    for folder in (out, out / "person_00"):
        with pytest.raises(InputError, match="person 0") as error:
            open_runs(folder)
        assert "that of person 1" in error.value.found and "person_01 again" in error.value.fix
    (out / "person_00").rename(out / "somebody")
    assert len(open_runs(out / "somebody")) == 1


def test_somebody_of_another_run_of_the_same_take_is_named(take_of, caplog):
    people = [{"person": {"id": k, "take": "now"}} for k in range(2)]
    open_runs(take_of(*people, stamp="now"))
    assert not caplog.text
    people[1]["person"]["take"] = "before"
    open_runs(take_of(*people, stamp="now"))
    assert "person_01 is of another run than" in caplog.text
