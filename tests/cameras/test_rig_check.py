"""`check_rig` and its command: a good rig passes, the usual mistakes are named with what to type."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from diffproxy.cameras import Camera, Rig, check_rig, load_rig, save_rig
from diffproxy.cameras.__main__ import main
from diffproxy.utils.errors import InputError


def rig_of(cameras, **more) -> Rig:
    return Rig("ring", tuple(cameras), **more)


@pytest.fixture(params=[(2, (0, 0, 0)), (4, (0, 1, 0)), (4, (5, 1, -3)), (8, (0.5, 0.8, 0.2))], ids=str)
def rig(request, make_ring):
    n, target = request.param
    return rig_of(make_ring(n, target=target))


def test_good_rig_passes(rig):
    report = check_rig(rig)
    assert not report.errors and not report.warnings and "no fault found" in report.text
    report.raise_errors()


def test_inverted_extrinsics_are_caught(rig):
    report = check_rig(rig.inverted())
    found = report.errors + report.warnings
    assert any("inverted" in text and "invert=true" in text for text in found), report.text


def test_inverted_ring_is_an_error(make_ring):
    report = check_rig(rig_of(make_ring(4, target=(0, 1, 0))).inverted())
    assert len(report.errors) == 1
    with pytest.raises(InputError, match="invert=true"):
        report.raise_errors()


def test_random_rigs_are_not_called_inverted():
    """40 jittered rigs: no false error, and at least two thirds of their inverses are errors."""
    rng = np.random.default_rng(0)
    wrong = caught = 0
    for _ in range(40):
        rig = random_rig(rng)
        wrong += bool(check_rig(rig).errors)
        caught += bool(check_rig(rig.inverted()).errors)
    assert wrong == 0 and caught >= 27


def random_rig(rng) -> Rig:
    """2-8 roughly aimed, slightly rolled cameras on an arc of 60-360 degrees, any up axis, any origin."""
    n, arc, radius = int(rng.integers(2, 9)), np.radians(rng.uniform(60, 360)), rng.uniform(2, 5)
    up, origin = np.eye(3)[rng.integers(3)], rng.uniform(-3, 3, 3)
    side, front = np.roll(up, 1), np.roll(up, 2)
    cameras = []
    for i in range(n):
        a, r = arc * i / n + rng.normal(0, 0.1), radius * rng.uniform(0.7, 1.3)
        center = origin + r * (np.cos(a) * side + np.sin(a) * front) + up * rng.uniform(0.3, 2.5)
        z = origin + up * rng.uniform(0.6, 1.2) + rng.normal(0, 0.25, 3) - center
        z /= np.linalg.norm(z)
        x = np.cross(z, up)
        x /= np.linalg.norm(x)
        R = cv2.Rodrigues(np.array([0, 0, rng.normal(0, 0.1)]))[0] @ np.stack([x, np.cross(z, x), z])
        K = np.array([[1000.0, 0, 500], [0, 1000, 500], [0, 0, 1]])
        cameras.append(Camera(f"c{i}", 1000, 1000, K, R, -R @ center))
    return rig_of(cameras)


def test_millimetres_are_caught(rig):
    report = check_rig(rig.scaled(1000))
    assert any("units=mm" in text for text in report.errors), report.text
    assert not check_rig(rig.scaled(1000).scaled(0.001)).errors


def test_centimetres_are_caught(rig):
    assert any("units=cm" in text or "or cm" in text for text in check_rig(rig.scaled(100)).errors)


def test_millimetres_and_inverted_are_both_named(make_ring):
    errors = check_rig(rig_of(make_ring(4, target=(0, 1, 0))).inverted().scaled(1000)).errors
    assert len(errors) == 2 and "invert=true" in errors[0] and "units=mm" in errors[1]


def test_tiny_rig_is_doubted(rig):
    assert any("mm apart" in text for text in check_rig(rig.scaled(0.001)).warnings)


def test_wrong_up_axis(make_ring):
    report = check_rig(rig_of(make_ring(4), up_axis="+Z"))
    assert any("up=+Y" in text for text in report.warnings)


def test_single_camera(make_ring):
    report = check_rig(rig_of(make_ring(1)))
    assert report.warnings == ["one camera only: depth cannot be measured"]


def test_odd_lens_and_stray_camera(make_ring):
    cameras = list(make_ring(6))
    cameras[0] = replace(cameras[0], K=np.array([[2.0, 0, 64], [0, 2.5, 120], [0, 0, 1]]))
    turn = cv2.Rodrigues(np.array([0, np.radians(80), 0]))[0]
    c = cameras[3]
    cameras[3] = replace(c, R_cam_world=turn @ c.R_cam_world, t_cam_world=turn @ c.t_cam_world)
    text = "\n".join(check_rig(rig_of(cameras)).warnings)
    for part in ("field of view", "principal point", "fx and fy", "cam3 looks"):
        assert part in text


def test_copied_calibration(make_ring):
    a, b = make_ring(2)
    twin = replace(a, name="twin")
    assert any("copied" in text for text in check_rig(rig_of([a, b, twin])).warnings)


def test_text_has_the_numbers(make_ring):
    """Four cameras 3 m around and 1.2 m above the origin: neighbours 4.24 m apart, distance 3.23 m, pitch -22."""
    text = check_rig(rig_of(make_ring(4))).text
    for part in ("baselines 4.24 .. 6.00 m", "1.20 m", "3.23 m", "-22°", "45°x45°", "128x128", "pinhole"):
        assert part in text


def test_doubts_of_the_calibration_are_shown(rig):
    report = check_rig(replace(rig, doubts=["cam0: known to 9 degrees"]))
    assert report.warnings == [
        "every body fitted with this calibration is doubtful: cam0: known to 9 degrees"
    ]
    assert "no fault found" not in report.text and not report.errors


def test_picture(rig, tmp_path):
    file = check_rig(rig).write_layout(tmp_path / "sub" / "layout.png")
    image = cv2.imread(str(file))
    assert image.shape == (720, 1440, 3)
    assert (image != 255).any() and not list(file.parent.glob("*.tmp"))


def test_picture_of_an_absurd_rig_is_still_drawn(rig, tmp_path):
    assert check_rig(rig.scaled(1e5)).write_layout(tmp_path / "a.png").is_file()
    assert check_rig(rig.inverted()).write_layout(tmp_path / "b.png").is_file()


# ---------------------------------------------------------------- the command


def test_command_check(rig, tmp_path, capsys):
    save_rig(rig, tmp_path)
    assert main(["check", str(tmp_path), f"layout={tmp_path / 'a.png'}"]) == 0
    out = capsys.readouterr().out
    assert "no fault found" in out and "calibration only" in out and (tmp_path / "a.png").is_file()


def test_command_check_then_convert_what_it_says(make_ring, tmp_path, capsys):
    truth = rig_of(make_ring(4, target=(0, 1, 0)))
    save_rig(truth.inverted().scaled(1000), tmp_path)
    assert main(["check", str(tmp_path)]) == 1
    assert f"convert {tmp_path} units=mm" in capsys.readouterr().out
    assert main(["convert", str(tmp_path), "units=mm", "invert=true", "up=+Y"]) == 0
    assert main(["check", str(tmp_path)]) == 0
    np.testing.assert_allclose(load_rig(tmp_path).centers_world, truth.centers_world, atol=1e-9)


def test_command_reports_pictures(make_ring, tmp_path, capsys):
    save_rig(rig_of(make_ring(2)), tmp_path)
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "cam0.png"), np.zeros((64, 64, 3), np.uint8))
    assert main(["check", str(tmp_path)]) == 1
    assert "nothing for cam1" in capsys.readouterr().err
    assert main(["check", str(tmp_path), "open_images=false"]) == 0
    cv2.imwrite(str(tmp_path / "images" / "cam1.png"), np.zeros((64, 64, 3), np.uint8))
    assert main(["check", str(tmp_path)]) == 0
    assert "resized, scale 2" in capsys.readouterr().out


def test_command_errors_without_traceback(tmp_path, capsys):
    assert main(["check", str(tmp_path / "nowhere")]) == 2
    error = capsys.readouterr().err
    assert "does not exist" in error and "Traceback" not in error
    (tmp_path / "rig.json").write_text("{")
    assert main(["check", str(tmp_path)]) == 2


def test_command_help_names_the_formats(capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert "Qualisys" in out and "check" in out
    assert main(["convert", "--help"]) == 0 and "up=" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "message"),
    [("units=km", "units as one of m"), ("up=up", "up as one of"), ("invert=perhaps", "true or false")],
)
def test_command_refuses_wrong_options(tmp_path, capsys, word, message):
    assert main(["convert", str(tmp_path), word]) == 2
    assert message in capsys.readouterr().err


# ---------------------------------------------------------------- advice that is followed


def opengl(rig: Rig) -> Rig:
    flip = np.diag([1.0, -1.0, -1.0])
    cameras = [
        replace(c, R_cam_world=flip @ c.R_cam_world, t_cam_world=flip @ c.t_cam_world) for c in rig.cameras
    ]
    return replace(rig, cameras=tuple(cameras))


MISTAKES = {
    "mm": lambda rig: rig.scaled(1000),
    "cm": lambda rig: rig.scaled(100),
    "poses": lambda rig: rig.inverted(),
    "opengl": opengl,
    "blender": lambda rig: opengl(rig).inverted(),
    "blender in cm": lambda rig: opengl(rig).inverted().scaled(100),
}


@pytest.mark.parametrize("name", list(MISTAKES))
@pytest.mark.parametrize("cameras", [3, 4, 8])
def test_each_advice_that_is_followed_gives_the_right_rig(name, cameras, make_ring, tmp_path):
    truth = rig_of(make_ring(cameras, target=(0, 1, 0)))
    save_rig(MISTAKES[name](truth), tmp_path)
    for _ in range(3):
        report = check_rig(load_rig(tmp_path))
        if not report.errors:
            break
        assert " ; or: " not in report.errors[0], report.errors[0]
        words = report.errors[0].partition("Type: python -m diffproxy.cameras ")[2].split()
        assert main(words) == 0
    found = load_rig(tmp_path)
    assert not check_rig(found).errors
    for c, want in zip(found.cameras, truth.cameras, strict=True):
        np.testing.assert_allclose(c.R_cam_world, want.R_cam_world, atol=1e-9)
        np.testing.assert_allclose(c.t_cam_world, want.t_cam_world, atol=1e-9)


def _stray(cameras):
    turn = cv2.Rodrigues(np.array([0, np.radians(80), 0]))[0]
    c = cameras[3]
    cameras[3] = replace(c, R_cam_world=turn @ c.R_cam_world, t_cam_world=turn @ c.t_cam_world)


def _copied(cameras):
    cameras[3] = replace(cameras[0], name="cam3")


@pytest.mark.parametrize("mistake", [_stray, _copied])
def test_the_advice_to_leave_a_camera_out_leaves_a_right_rig(mistake, make_ring, tmp_path, capsys):
    cameras = list(make_ring(6, target=(0, 1, 0)))
    mistake(cameras)
    save_rig(rig_of(cameras), tmp_path)
    assert main(["check", str(tmp_path)]) == 0
    word = capsys.readouterr().out.partition("out: ")[2].split()[0]
    assert "cam3" not in word
    assert main(["check", str(tmp_path), word]) == 0
    assert "no fault found" in capsys.readouterr().out


def test_cameras_without_images_can_be_left_out_as_advised(make_ring, tmp_path, capsys):
    save_rig(rig_of(make_ring(3)), tmp_path)
    (tmp_path / "images").mkdir()
    for name in ("cam0", "cam2"):
        cv2.imwrite(str(tmp_path / "images" / f"{name}.png"), np.zeros((128, 128, 3), np.uint8))
    assert main(["check", str(tmp_path)]) == 1
    word = capsys.readouterr().err.partition("out: ")[2].split()[0]
    assert word == "views=cam0,cam2" and main(["check", str(tmp_path), word]) == 0
    assert main(["check", str(tmp_path), "views=cam9"]) == 2


@pytest.mark.parametrize("factor", [0.1, 0.01, 0.001])
def test_a_tiny_rig_is_scaled_as_advised(factor, make_ring, tmp_path):
    save_rig(rig_of(make_ring(4, radius=3.0)).scaled(factor / 10), tmp_path)
    (text,) = [t for t in check_rig(load_rig(tmp_path)).warnings if "mm apart" in t]
    for command in text.partition("Type: ")[2].split(" ; or: "):
        assert main(command.removeprefix("python -m diffproxy.cameras ").split()) == 0
        assert not check_rig(load_rig(tmp_path)).warnings
        save_rig(rig_of(make_ring(4)).scaled(factor / 10), tmp_path)


def test_conventions_are_told_apart_on_random_rigs():
    """The right option is always among those advised, and alone in most; see `implausibility_deg`."""
    rng = np.random.default_rng(1)
    alone = errors = 0
    for _ in range(40):
        advice = [e for e in check_rig(opengl(random_rig(rng))).errors if "extrinsics" in e]
        errors += bool(advice)
        options = advice[0].partition("Type: ")[2].split(" ; or: ") if advice else []
        assert not advice or any(o.endswith("RIG axes=opengl") for o in options)
        alone += len(options) == 1
    assert errors >= 38 and alone >= 34


def test_cameras_in_one_place_are_an_error(make_ring):
    """At the origin that is certain; elsewhere poses that were not inverted look the same, and are advised first."""
    cameras = make_ring(3)
    at_origin = [replace(c, t_cam_world=np.zeros(3)) for c in cameras]
    assert any("one place" in text for text in check_rig(rig_of(at_origin)).errors)
    center = cameras[0].center_world
    assert check_rig(rig_of([replace(c, t_cam_world=-c.R_cam_world @ center) for c in cameras])).errors
