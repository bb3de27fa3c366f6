"""What the options of the command become: rig, proxies and settings, without a generator."""

import json

import cv2
import numpy as np
import pytest

from diffproxy.calibration.options import CalibrationOptions
from diffproxy.calibration.session import load_session, target_file
from diffproxy.cameras import save_rig
from diffproxy.cameras.rig import Rig
from diffproxy.proxies import save_proxies
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import parse_options


@pytest.fixture()
def folder(person, body, tmp_path):
    """A rig folder of black images with exact proxies of frame 0, without a calibration."""
    for c in person.cameras:
        (tmp_path / "images" / c.name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "images" / c.name / "000000.png"), np.zeros((160, 160, 3), np.uint8))
    save_proxies(person.maps, tmp_path / "proxies" / "000000", body)
    side = {"boxes": [[0.0, 0.0, 160.0, 160.0]] * 4, "notes": [], "hands": {}}
    (tmp_path / "proxies" / "000000" / "capture.json").write_text(json.dumps(side))
    return tmp_path


def options(folder, *words: str) -> CalibrationOptions:
    return parse_options(CalibrationOptions, [f"rig={folder}", f"proxies={folder / 'proxies'}", *words])


def test_without_a_calibration_focal_lengths_are_guessed_and_estimated(folder):
    session = load_session(options(folder, "fov=50", "distance=cam0,cam2,3.5"))
    assert not session.rough and session.config.focal and session.config.focal_std == 0.3
    assert session.config.distance == ("cam0", "cam2", 3.5) and "cam0 and cam2" in session.scale
    assert session.frame_ids == [0] and len(session.frames) == 1
    assert np.degrees(2 * np.arctan(80 / session.cameras[0].K[0, 0])) == pytest.approx(50)


def test_a_calibration_is_a_prior_unless_told_otherwise(folder, person):
    save_rig(Rig("studio", person.cameras), folder / "rig.json")
    session = load_session(options(folder, "rotation_std=3", "translation_std=0.2", "fix=cam1"))
    assert session.rough and not session.config.focal and session.config.fix == "cam1"
    assert (session.config.rotation_std_deg, session.config.translation_std) == (3.0, 0.2)
    np.testing.assert_allclose(session.cameras[2].center_world, person.cameras[2].center_world)
    blank = load_session(options(folder, "init=none"))
    assert not blank.rough and np.abs(blank.cameras[2].R_cam_world - np.eye(3)).max() == 0
    np.testing.assert_allclose(blank.cameras[2].K, person.cameras[2].K)


def test_a_damaged_calibration_is_not_taken_for_none(folder, caplog):
    (folder / "rig.json").write_text("junk")
    with pytest.raises(InputError, match=r"rig\.json as JSON"):
        load_session(options(folder))
    assert not load_session(options(folder, "init=none")).rough and "rig.json as JSON" in caplog.text


def test_a_calibration_is_never_overwritten_unasked(folder, person):
    assert target_file(options(folder)) == folder / "rig.json"
    save_rig(Rig("studio", person.cameras), folder / "rig.json")
    with pytest.raises(InputError, match="out=FILE"):
        target_file(options(folder))
    assert target_file(options(folder, "out=other.json")).name == "other.json"
    for wrong, match in (
        (folder, "a folder"),
        (folder / "rig.json/x.json", "a folder where a folder is meant"),
    ):
        with pytest.raises(InputError, match=match):
            target_file(options(folder, f"out={wrong}"))


@pytest.mark.parametrize(
    "text", ["cam0,cam1", "cam0,cam1,far", "cam0,cam1,-2", "cam0,cam1,nan", "cam0,cam0,3"]
)
def test_a_distance_needs_two_cameras_and_metres(folder, text):
    with pytest.raises(InputError, match=r"distance"):
        load_session(options(folder, f"distance={text}"))


def test_views_leave_cameras_out_with_and_without_a_calibration(folder, person):
    (folder / "images" / "cam3" / "000000.png").write_bytes(b"broken")  # why it is left out
    views = ["views=cam0,cam2", "offsets=cam0:0,cam3:0"]
    for _ in range(2):
        session = load_session(options(folder, *views))
        assert [c.name for c in session.cameras] == ["cam0", "cam2"] == [c.name for c in session.rig.cameras]
        assert {c.name for c in session.frames[0].cameras} == {"cam0", "cam2"}
        save_rig(Rig("studio", person.cameras), folder / "rig.json")
    with pytest.raises(InputError, match="views among cam0, cam1, cam2, cam3"):
        load_session(options(folder, "views=cam0,cam9"))
    with pytest.raises(InputError, match="offsets of cameras among"):
        load_session(options(folder, "views=cam0,cam2", "offsets=cam9:1"))


@pytest.mark.parametrize(
    "words", [["fix=cam9"], ["distance=cam0,cam9,3"], ["distance=cam0,cam1,3", "views=cam0,cam2"]]
)
def test_cameras_of_options_are_looked_up_before_any_work(folder, words):
    with pytest.raises(InputError, match=r"(fix|distance) of cameras among cam0, "):
        load_session(options(folder, *words))


def test_missing_things_are_named(folder):
    with pytest.raises(InputError, match="calibration"):
        load_session(options(folder, "init=approximate"))
    with pytest.raises(InputError, match="frame 7"):
        load_session(options(folder, "frames=7"))
    with pytest.raises(InputError, match="rig folder"):
        load_session(parse_options(CalibrationOptions, [f"rig={folder / 'nowhere'}"]))


def test_a_distance_with_a_decimal_comma_is_not_cut_off(folder):
    with pytest.raises(InputError, match="METRES"):
        load_session(CalibrationOptions(str(folder), distance="cam0,cam1,2,3"))


@pytest.mark.parametrize("options", [{"fov": 90.0}, {"common_focal": True}])
def test_what_a_calibration_says_is_not_asked_again(folder, person, options):
    save_rig(Rig("rig", person.cameras), folder)
    with pytest.raises(InputError, match="which nothing would read"):
        load_session(CalibrationOptions(str(folder), **options))
