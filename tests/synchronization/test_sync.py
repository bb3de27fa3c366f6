"""Offsets from motion: recovered on a synthetic walk, doubted where the take does not say, and the command."""

import json

import cv2
import numpy as np
import pytest

from diffproxy.__main__ import main
from diffproxy.cameras import Rig, frame_matching, save_rig
from diffproxy.evaluation.synthetic_people import make_take
from diffproxy.evaluation.synthetic_take_config import TakeConfig
from diffproxy.keypoints.layouts import person_from_flat
from diffproxy.synchronization import estimate_offsets, subject_tracks
from diffproxy.utils.errors import InputError


@pytest.fixture(scope="module")
def take(body):
    """One walking body in four cameras, with the noise of a detector."""
    return make_take(body, TakeConfig(people=1, cameras=4, frames=140, leaving=False, seed=3))


def views_of(take, cameras, late=(0, 0, 0, 0), every=1, still=False):
    """Detections by camera and number in the file, whose video began `late` frames later."""
    count = len(take.joints)
    return [
        {
            n: [
                person_from_flat(c.keypoints.astype(float), "coco17")
                for c in take.detections[0 if still else n + late[v]][v]
            ]
            for n in range(0, count - late[v], every)
        }
        for v in range(cameras)
    ]


def offsets(take, views, largest=40, reference=0):
    tracks, _ = subject_tracks(views, take.cameras[: len(views)])
    return estimate_offsets(tracks, largest, reference)


@pytest.mark.parametrize("shift", [3, 7, 30])
def test_offset_is_recovered(take, shift):
    found = offsets(take, views_of(take, 4, (0, 0, shift, 0), every=2))
    assert [o.name for o in found] == [c.name for c in take.cameras]
    for o, truth in zip(found, (0, 0, -shift, 0), strict=True):
        assert abs(o.frames - truth) <= 1 and abs(o.fine - truth) < 0.7 and o.is_certain and o.spread < 1
    assert found[0].frames == found[0].fine == 0


def test_all_cameras_out_of_step_and_another_reference(take):
    late = (5, 0, 12, 9)
    found = offsets(take, views_of(take, 4, late), reference=2)
    assert [o.frames for o in found] == [12 - k for k in late]
    two = offsets(take, views_of(take, 2, (0, 7)))
    assert abs(two[1].frames + 7) <= 1


@pytest.mark.parametrize(("times", "every"), [(2, 1), (5, 2)])
def test_a_video_that_repeats_its_frames_is_aligned_by_the_first_of_them(take, times, every):
    """A video of 12 frames a second stored at 60 shows every frame five times, on average two frames late."""
    views = views_of(take, 4, (0, 0, 7, 0))
    views[2] = {n: views[2][n - n % times] for n in views[2]}
    views = [{n: view[n] for n in view if n % every == 0} for view in views]
    tracks, notes = subject_tracks(views, take.cameras)
    found = estimate_offsets(tracks, 40)
    assert all(o.is_certain for o in found)
    assert all(abs(o.fine - truth) < 1 for o, truth in zip(found, (0, 0, -7, 0), strict=True))
    (note,) = [text for text in notes if "repeat the image before" in text]
    assert take.cameras[2].name in note


def test_what_the_take_does_not_say_is_doubted(take):
    still = offsets(take, views_of(take, 4, still=True))
    assert not any(o.is_certain for o in still[1:])
    views = views_of(take, 4)
    views[2] = dict.fromkeys(views[2], views[2][50])  # a frozen video
    frozen = offsets(take, views)
    assert [o.is_certain for o in frozen] == [True, True, False, True]
    assert not [o.frames for o in (frozen[1], frozen[3]) if o.frames]
    beyond = offsets(take, views_of(take, 2, (0, 30)), largest=10)
    assert any("max_offset" in doubt or "agree" in doubt for doubt in beyond[1].doubts)
    views = views_of(take, 2)
    drifting = {n: views[1][min(n + n // 12, 139)] for n in range(126)}  # one clock is 8 % faster
    assert any("apart" in doubt for doubt in offsets(take, [views[0], drifting])[1].doubts)


def test_too_little_to_compare(take):
    views = views_of(take, 2)
    with pytest.raises(InputError, match="more than 20 frames"):
        offsets(take, [{n: view[n] for n in range(10)} for view in views])
    with pytest.raises(InputError, match="two cameras"):
        offsets(take, views[:1])
    nobody = {n: [] for n in views[1]}
    with pytest.raises(InputError, match=r"a person in the images of (.|\n)*choose frames"):
        offsets(take, [views[0], nobody])


def write_take(take, folder, count, found):
    """A rig of black images with keypoint files: `found(v, n)` are the detections of camera v in its frame n."""
    cameras = take.cameras[:count]
    save_rig(Rig("take", cameras), folder)
    for v, camera in enumerate(cameras):
        (folder / "images" / camera.name).mkdir(parents=True, exist_ok=True)
        (folder / "points" / camera.name).mkdir(parents=True, exist_ok=True)
        black = np.zeros((camera.height, camera.width, 3), np.uint8)
        encoded = cv2.imencode(".png", black)[1].tobytes()
        for n in range(100):
            (folder / "images" / camera.name / f"{n:03d}.png").write_bytes(encoded)
            people = [{"pose_keypoints_2d": c.keypoints.ravel().tolist()} for c in found(v, n)]
            (folder / "points" / camera.name / f"{n:03d}.json").write_text(json.dumps({"people": people}))


def test_command_writes_offsets_that_the_rig_option_reads(take, tmp_path, capsys, caplog):
    """Two videos with the keypoints of another detector in files; one began seven frames later."""
    cameras = take.cameras[:2]
    write_take(take, tmp_path, 2, lambda v, n: take.detections[n + 7 * v][v])
    assert main(["sync", str(tmp_path), f"keypoints={tmp_path / 'points'}", "max_offset=20"]) == 0
    shown = capsys.readouterr().out
    assert "reference" in shown and "rig.offsets=" in shown
    found = frame_matching(str(tmp_path / "offsets.json")).offsets
    assert abs(found[cameras[1].name] + 7) <= 1
    # A rough offset first: the whole one is written all the same.
    more = [
        f"keypoints={tmp_path / 'points'}",
        f"offsets={cameras[1].name}:-5",
        "max_offset=8",
        f"out={tmp_path / 'o.json'}",
    ]
    assert main(["sync", str(tmp_path), *more]) == 0
    assert frame_matching(str(tmp_path / "o.json")).offsets == found
    assert main(["sync", str(tmp_path), "reference=nobody"]) == 2


def test_a_camera_that_sees_nobody_or_is_frozen_can_be_left_out_as_advised(take, tmp_path, capsys):
    """Three videos with keypoints; the third camera sees nobody, then the same pose throughout."""
    write_take(take, tmp_path, 3, lambda v, n: [] if v == 2 else take.detections[n + 7 * v][v])
    words = ["sync", str(tmp_path), f"keypoints={tmp_path / 'points'}", "max_offset=20"]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert f"a person in the images of {take.cameras[2].name}" in error
    advised = error.partition("out: ")[2].split()[0]
    assert main([*words, advised]) == 0
    assert list(frame_matching(str(tmp_path / "offsets.json")).offsets) == [c.name for c in take.cameras[:2]]
    # What the frozen video makes doubtful as well is right without it.
    write_take(take, tmp_path, 3, lambda v, n: take.detections[50 if v == 2 else n + 7 * v][v])
    capsys.readouterr()
    assert main(words) == 1
    assert capsys.readouterr().out.partition("out: ")[2].split()[0] == advised
    assert main([*words, advised]) == 0
