"""Folders of pictures that have results: of another picture they are kept, of the same one they are replaced."""

from types import SimpleNamespace

import numpy as np
import pytest

from diffproxy.single_view.picture_folder import PictureFolder
from diffproxy.single_view.picture_result import PictureResult
from diffproxy.utils.errors import InputError
from diffproxy.utils.one_writer import OneWriter


class Folder(PictureFolder):
    """Writes one file for each overlay and person."""

    def records(self, frame_id, picture):
        return [SimpleNamespace(status="one_view", reason="", has_body=True) for _ in picture.people]

    def draw(self, frame_id, image, picture, records):
        self.write(self.out / "overlay/picture" / f"{frame_id:06d}.jpg")

    def write_person(self, folder, records, meta):
        self.write(folder / "result.npz")
        self.write(folder / "mesh/000000.glb")

    def write(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("ours")


def run(out, source, frames, people):
    folder = Folder(out, source, {})
    person = SimpleNamespace(
        box=(0.0, 0.0, 1.0, 1.0), score=1.0, depth=2.0, depth_std=0.1, has_body=True, joints=None
    )
    camera = SimpleNamespace(width=4, height=3, K=np.eye(3))
    picture = PictureResult((person,) * people, camera, 0.1, "given")
    for frame in frames:
        folder.add(frame, np.zeros((3, 4, 3), np.uint8), picture, range(people))
    folder.close()


def files(out):
    return sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file())


def test_results_of_the_same_picture_are_replaced_whole(tmp_path):
    out, video = tmp_path / "walk", tmp_path / "a/walk.mp4"
    run(out, video, range(3), 3)
    (out / "person_02/notes.txt").write_text("mine")
    (out / "overlay/picture/mine.jpg").write_text("mine")
    run(out, video, [1], 1)
    assert files(out) == [
        "overlay/picture/000001.jpg",
        "overlay/picture/mine.jpg",
        "people.json",
        "person_00/mesh/000000.glb",
        "person_00/result.npz",
        "person_02/notes.txt",
    ]
    assert not (out / "person_01").exists()


def test_a_run_that_reads_no_frame_changes_nothing(tmp_path):
    out, video = tmp_path / "walk", tmp_path / "a/walk.mp4"
    run(out, video, range(2), 2)
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    run(out, video, [], 0)
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before
    run(tmp_path / "new", video, [], 0)
    assert not (tmp_path / "new").exists()


def test_results_of_another_picture_stay(tmp_path):
    out = tmp_path / "walk"
    run(out, tmp_path / "a/walk.mp4", [0], 1)
    for source in (tmp_path / "b/walk.mp4", None):
        with pytest.raises(InputError, match=r"results of .*a/walk\.mp4"):
            run(out, source, [0], 1)
    (out / "people.json").write_text('{"format": "diffproxy-people", "version": 1, "cameras": ["a", "b"]}')
    with pytest.raises(InputError, match="several cameras"):
        run(out, tmp_path / "a/walk.mp4", [0], 1)
    (out / "people.json").write_text("[]")
    with pytest.raises(InputError, match="another file"):
        run(out, tmp_path / "a/walk.mp4", [0], 1)


def test_names_in_a_file_from_elsewhere_remove_nothing_else(tmp_path):
    out, video = tmp_path / "walk", tmp_path / "walk.mp4"
    run(out, video, [0], 1)
    (tmp_path / "precious.jpg").write_text("mine")
    text = (out / "people.json").read_text()
    for old, new in (
        ('"id": 0', '"id": "../.."'),
        ('"0": {', '"../../../precious": {'),
        ('"people": [', '"people": [7, '),
    ):
        (out / "people.json").write_text(text.replace(old, new))
        run(out, video, [0], 1)
    assert (tmp_path / "precious.jpg").exists()


def test_two_runs_of_a_picture_do_not_mix(tmp_path, monkeypatch):
    monkeypatch.setattr("diffproxy.utils.one_writer.PATIENCE", 0.0)
    out, video = tmp_path / "walk", tmp_path / "walk.mp4"
    out.mkdir()
    other = OneWriter(out)
    with pytest.raises(InputError, match="no other process that writes to"):
        run(out, video, [0], 1)
    other.release()
    run(out, video, [0], 1)
    run(out, video, [0], 1)
