"""Every calibration format: files written here are read back to the same cameras; bad files are explained."""

import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from diffproxy.cameras import Camera, PixelGrid, Rig, load_rig, save_rig
from diffproxy.cameras.formats import all_formats
from diffproxy.utils.errors import InputError


@pytest.fixture
def rig(make_ring):
    """Three upright cameras of 160 x 120 with distortion, up +Y."""
    d = np.array([-0.05, 0.13, 0.001, -0.002])
    cameras = [replace(c, width=160, height=120, distortion=d * (i + 1)) for i, c in enumerate(make_ring(3))]
    return Rig("written", tuple(cameras), notes=["hello"])


def same(got: Rig, expected: Rig, atol: float = 0.0):
    assert [c.name for c in got.cameras] == [c.name for c in expected.cameras]
    for a, b in zip(got.cameras, expected.cameras, strict=True):
        for key in ("K", "R_cam_world", "t_cam_world", "distortion"):
            np.testing.assert_allclose(
                getattr(a, key), getattr(b, key), atol=atol, rtol=0, err_msg=f"{key} {a.name}"
            )
        assert (a.width, a.height, a.lens, a.pixel_grid) == (b.width, b.height, b.lens, b.pixel_grid)


def write_yaml(path, entries: dict):
    """With OpenCV's own writer, as users do."""
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for key, value in entries.items():
        storage.write(key, value)
    storage.release()


def opencv_K(c: Camera) -> np.ndarray:
    K = c.K.copy()
    K[:2, 2] -= 0.5  # OpenCV counts from the centre of the first pixel
    return K


# ---------------------------------------------------------------- rig.json


def test_rig_json_round_trip_is_exact(rig, tmp_path):
    cameras = (replace(rig.cameras[0], pixel_grid=PixelGrid(1.5, (0.0, -7.1))), *rig.cameras[1:])
    fisheye = replace(rig.cameras[2], name="gopro", lens="fisheye")
    written = replace(rig, cameras=(*cameras, fisheye), up_axis="-Z")
    file = save_rig(written, tmp_path)
    assert file == tmp_path / "rig.json" and not list(tmp_path.glob("*.tmp"))
    got = load_rig(tmp_path)
    same(got, written)
    assert (got.name, got.up_axis, got.notes, got.root) == ("written", "-Z", ["hello"], tmp_path)
    same(load_rig(file), written)


def test_rig_json_by_hand_in_millimetres_world_from_camera_and_opencv_pixels(rig, tmp_path):
    save_rig(rig, tmp_path)
    data = json.loads((tmp_path / "rig.json").read_text())
    data |= {"units": "mm", "extrinsics": "world_from_cam", "pixel_center": 0}
    for entry, c in zip(data["cameras"], rig.cameras, strict=True):
        entry["R_cam_world"] = c.R_cam_world.T.tolist()
        entry["t_cam_world"] = (1000 * c.center_world).tolist()
        entry["K"] = opencv_K(c).tolist()
    (tmp_path / "rig.json").write_text(json.dumps(data))
    same(load_rig(tmp_path), rig, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": "inch"}, "units m, cm or mm"),
        ({"up_axis": "up"}, "up_axis"),
        ({"pixel_center": 1}, "pixel_center"),
        ({"extrinsics": "world"}, "cam_from_world"),
        ({"version": 2}, "version 1"),
        ({"format": "other"}, "format diffproxy-rig"),
        ({"cameras": {}}, 'list "cameras"'),
        ({"cameras": []}, "at least one camera"),
        ({"cameras": [{"name": "a"}]}, "R_cam_world"),
        ({"upaxis": "+Z"}, "upaxis"),
        ({"units": ["mm"]}, "at units"),
        ({"notes": 5}, "at notes"),
    ],
)
def test_bad_rig_json(rig, tmp_path, change, message):
    file = save_rig(rig, tmp_path)
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(InputError, match=message):
        load_rig(tmp_path)


def test_rig_json_with_a_byte_order_mark_and_translations_of_three_rows(rig, tmp_path):
    file = save_rig(rig, tmp_path)
    data = json.loads(file.read_text())
    for entry in data["cameras"]:
        entry["t_cam_world"] = [[x] for x in entry["t_cam_world"]]
    file.write_text(json.dumps(data), encoding="utf-8-sig")
    same(load_rig(file), rig)


def test_broken_json_names_the_line(tmp_path):
    (tmp_path / "rig.json").write_text('{\n"cameras": [,]\n}')
    with pytest.raises(InputError, match="line 2"):
        load_rig(tmp_path)


# ---------------------------------------------------------------- EasyMocap


def write_easymocap(rig: Rig, folder, sizes=True, rodrigues=False):
    names = [c.name for c in rig.cameras]
    intri, extri = {"names": names}, {"names": names}
    for c in rig.cameras:
        intri |= {f"K_{c.name}": opencv_K(c), f"dist_{c.name}": c.distortion.reshape(-1, 1)}
        if sizes:
            intri |= {f"W_{c.name}": c.width, f"H_{c.name}": c.height}
        extri[f"R_{c.name}"] = cv2.Rodrigues(c.R_cam_world)[0]
        if not rodrigues:
            extri[f"Rot_{c.name}"] = c.R_cam_world
        extri[f"T_{c.name}"] = c.t_cam_world.reshape(3, 1)
    write_yaml(folder / "intri.yml", intri)
    write_yaml(folder / "extri.yml", extri)


@pytest.mark.parametrize("rodrigues", [False, True])
def test_easymocap_round_trip(rig, tmp_path, rodrigues):
    write_easymocap(rig, tmp_path, rodrigues=rodrigues)
    got = load_rig(tmp_path)
    same(got, rig, atol=1e-9)
    assert got.up_axis == "+Y" and any("up axis +Y guessed" in note for note in got.notes)
    same(load_rig(tmp_path / "extri.yml"), rig, atol=1e-9)


def test_easymocap_numeric_names_survive(rig, tmp_path):
    numbered = replace(rig, cameras=tuple(replace(c, name=f"0{i}") for i, c in enumerate(rig.cameras)))
    write_easymocap(numbered, tmp_path)
    same(load_rig(tmp_path), numbered, atol=1e-9)


def test_easymocap_size_from_pictures_or_stated_guess(rig, tmp_path):
    write_easymocap(rig, tmp_path, sizes=False)
    got = load_rig(tmp_path)
    assert got.cameras[0].width == round(2 * opencv_K(rig.cameras[0])[0, 2])
    assert any("no image size" in note for note in got.notes)
    (tmp_path / "images").mkdir()
    for c in rig.cameras:
        cv2.imwrite(str(tmp_path / "images" / f"{c.name}.png"), np.zeros((120, 160, 3), np.uint8))
    same(load_rig(tmp_path), rig, atol=1e-9)


def test_easymocap_faults(rig, tmp_path):
    write_easymocap(rig, tmp_path)
    extri = (tmp_path / "extri.yml").read_text()
    (tmp_path / "extri.yml").write_text(extri.replace("T_cam1", "T_camX"))
    with pytest.raises(InputError, match="T_cam1"):
        load_rig(tmp_path)
    (tmp_path / "extri.yml").write_text(extri.replace("- cam2\n", "- cam3\n"))
    with pytest.raises(InputError, match="same cameras"):
        load_rig(tmp_path)
    (tmp_path / "extri.yml").unlink()
    with pytest.raises(InputError, match=r"extri.yml in"):
        load_rig(tmp_path)


def test_not_a_number_in_yaml(rig, tmp_path):
    broken = replace(rig.cameras[0])
    object.__setattr__(broken, "t_cam_world", np.array([0, np.nan, 1]))
    write_easymocap(replace(rig, cameras=(broken, *rig.cameras[1:])), tmp_path)
    with pytest.raises(InputError, match=r"finite numbers for t_cam_world of camera cam0"):
        load_rig(tmp_path)


# ---------------------------------------------------------------- OpenCV YAML


def entries(c: Camera, suffix="") -> dict:
    return {
        f"camera_matrix{suffix}": opencv_K(c),
        f"distortion_coefficients{suffix}": c.distortion.reshape(1, -1),
        f"R{suffix}": c.R_cam_world,
        f"T{suffix}": c.t_cam_world.reshape(3, 1),
    }


def test_opencv_one_file_per_camera(rig, tmp_path):
    (tmp_path / "calibration").mkdir()
    for c in rig.cameras:
        sizes = {"image_width": c.width, "image_height": c.height}
        write_yaml(tmp_path / "calibration" / f"{c.name}.yml", entries(c) | sizes)
    got = load_rig(tmp_path)
    same(got, rig, atol=1e-9)
    assert got.root == tmp_path


def test_opencv_one_file_with_suffixes_and_common_size(rig, tmp_path):
    data = {"image_width": 160, "image_height": 120}
    for c in rig.cameras:
        data |= entries(c, f"_{c.name}")
    write_yaml(tmp_path / "cameras.yml", data)
    same(load_rig(tmp_path), rig, atol=1e-9)


def test_opencv_one_file_with_a_mapping_per_camera(rig, tmp_path):
    storage = cv2.FileStorage(str(tmp_path / "cameras.yaml"), cv2.FILE_STORAGE_WRITE)
    for c in rig.cameras:
        storage.startWriteStruct(c.name, cv2.FILE_NODE_MAP)
        for key, value in (entries(c) | {"image_size": np.array([c.width, c.height])}).items():
            storage.write(key, value)
        storage.endWriteStruct()
    storage.release()
    same(load_rig(tmp_path), rig, atol=1e-9)


def test_plain_yaml_lists_with_extrinsic_matrix_and_fisheye(rig, tmp_path):
    c = rig.cameras[0]
    RT = np.concatenate([c.R_cam_world, c.t_cam_world[:, None]], 1)
    text = (
        f"cameras:\n  - name: 07\n    K: {opencv_K(c).tolist()}\n    dist: {c.distortion.tolist()}\n"
        f"    extrinsics: {RT.tolist()}\n    size: [160, 120]\n    lens: fisheye\n"
    )
    (tmp_path / "rig.yaml").write_text(text)
    same(load_rig(tmp_path), replace(rig, cameras=(replace(c, name="07", lens="fisheye"),)), atol=1e-9)


def test_rounded_rotation_is_made_a_rotation(rig, tmp_path):
    c = rig.cameras[0]
    write_yaml(
        tmp_path / "a.yml", entries(c) | {"R": np.round(c.R_cam_world, 3), "image_size": np.array([160, 120])}
    )
    got = load_rig(tmp_path).cameras[0]
    np.testing.assert_allclose(got.R_cam_world, c.R_cam_world, atol=2e-3)
    np.testing.assert_allclose(got.R_cam_world @ got.R_cam_world.T, np.eye(3), atol=1e-12)


def test_opencv_faults(rig, tmp_path):
    c, file = rig.cameras[0], tmp_path / "a.yml"
    write_yaml(file, {k: v for k, v in entries(c).items() if k not in "RT"})
    with pytest.raises(InputError, match="intrinsics only"):
        load_rig(tmp_path)
    write_yaml(file, entries(c) | {"R": np.diag([1.0, 1, -1])})
    with pytest.raises(InputError, match="rotation matrix"):
        load_rig(tmp_path)
    write_yaml(file, entries(c) | {"T": np.zeros((2, 1))})
    with pytest.raises(InputError, match="translation"):
        load_rig(tmp_path)
    file.write_text("camera_matrix: [[1, 2], [3]]\nR: [0,0,0]\nT: [0,0,1]")
    with pytest.raises(InputError, match="equal length"):
        load_rig(tmp_path)
    file.write_text("camera_matrix: {a: [}")
    with pytest.raises(InputError, match="as YAML"):
        load_rig(tmp_path)


# ---------------------------------------------------------------- Qualisys


def write_qualisys(rig: Rig, path, extra="", model="Miqus Video"):
    """z up, millimetres, 1/64 pixel, camera axes y up and z backward."""
    cameras = []
    for c in rig.cameras:
        M, C, d = np.diag([1.0, -1, -1]) @ c.R_cam_world, 1000 * c.center_world, c.distortion
        r = " ".join(f'r{i + 1}{j + 1}="{M[i, j]!r}"' for i in range(3) for j in range(3)).replace(
            "np.float64(", ""
        )
        cameras.append(
            f'<camera active="1" serial="{c.name}" model="{model}" viewrotation="0">'
            f'<fov_video left="8" top="4" right="{8 + c.width - 1}" bottom="{4 + c.height - 1}"/>'
            f'<transform {r.replace(")", "")} x="{C[0]}" y="{C[1]}" z="{C[2]}"/>'
            f'<intrinsic focalLengthU="{64 * c.K[0, 0]}" focalLengthV="{64 * c.K[1, 1]}" skew="0"'
            f' centerPointU="{64 * (c.K[0, 2] + 8)}" centerPointV="{64 * (c.K[1, 2] + 4)}"'
            f' radialDistortion1="{d[0]}" radialDistortion2="{d[1]}" radialDistortion3="0"'
            f' tangentalDistortion1="{d[2]}" tangentalDistortion2="{d[3]}"/></camera>'
        )
    path.write_text(
        f"<?xml version='1.0'?><calibration><cameras>{''.join(cameras)}{extra}</cameras></calibration>"
    )


def test_qualisys_round_trip(rig, tmp_path):
    (tmp_path / "calibration").mkdir()
    write_qualisys(rig, tmp_path / "calibration" / "Calib.qca.txt")
    got = load_rig(tmp_path)
    same(got, rig, atol=1e-9)
    assert got.up_axis == "+Z" and any("divides it by 64" in note for note in got.notes)


def test_qualisys_golden_camera(tmp_path):
    """A camera 2 m up at x = 3 m looking along -x: a point 1 m up and nearer is below the middle of the picture."""
    R = np.array([[0.0, 1, 0], [0, 0, -1], [-1, 0, 0]])  # right = +y, down = -z, forward = -x
    camera = Camera("1", 200, 100, np.array([[100.0, 0, 100], [0, 100, 50], [0, 0, 1]]), R, -R @ [3, 0, 2.0])
    camera = replace(camera, distortion=np.array([1e-9, 0, 0, 0]))
    write_qualisys(Rig("q", (camera,)), tmp_path / "a.qca.txt")
    got = load_rig(tmp_path / "a.qca.txt").cameras[0]
    np.testing.assert_allclose(got.center_world, [3, 0, 2], atol=1e-12)
    np.testing.assert_allclose(got.project(np.array([1.0, 1.0, 1.0])), [150, 100], atol=1e-6)


def test_qualisys_leaves_marker_cameras_out(rig, tmp_path):
    write_qualisys(rig, tmp_path / "a.qca.txt", extra='<camera active="1" serial="99" model="Oqus 300"/>')
    got = load_rig(tmp_path)
    assert len(got.cameras) == 3 and any("1 marker cameras" in note for note in got.notes)


def test_qualisys_faults(rig, tmp_path):
    file = tmp_path / "a.qca.txt"
    write_qualisys(rig, file, extra='<camera active="1" serial="99" model="Video"/>')
    with pytest.raises(InputError, match="camera 99"):
        load_rig(tmp_path)
    file.write_text("<calibration><cameras></calibration>")
    with pytest.raises(InputError, match="XML"):
        load_rig(tmp_path)
    file.write_text("<calibration><cameras/></calibration>")
    with pytest.raises(InputError, match="none that are active"):
        load_rig(tmp_path)
    write_qualisys(rig, file)
    file.write_text(file.read_text().replace('focalLengthU="', 'focalLengthU="x'))
    with pytest.raises(InputError, match="number for focalLengthU"):
        load_rig(tmp_path)


# ---------------------------------------------------------------- detection


def test_every_format_keeps_the_interface():
    formats = all_formats()
    assert formats[0].NAME == "DiffProxy rig.json" and len(formats) >= 4
    for module in formats:
        assert isinstance(module.NAME, str) and isinstance(module.PRIORITY, int)
        assert all(callable(getattr(module, name)) for name in ("find", "is_format", "read"))


def test_rig_json_wins_and_others_must_be_named(rig, tmp_path):
    write_easymocap(rig, tmp_path)
    write_qualisys(rig, tmp_path / "a.qca.txt")
    with pytest.raises(InputError, match="calibration=<file>"):
        load_rig(tmp_path)
    assert load_rig(tmp_path, calibration="a.qca.txt").up_axis == "+Z"
    assert load_rig(tmp_path, calibration=tmp_path / "intri.yml").up_axis == "+Y"
    save_rig(rig, tmp_path)
    assert load_rig(tmp_path).name == "written"


@pytest.mark.parametrize("name", ["Rig.JSON", "RIG.JSON", "calibration.json"])
def test_a_rig_json_of_another_name_is_one(rig, tmp_path, name):
    """As Windows and hands write it; it was read as a file of OpenCV without extrinsics."""
    save_rig(rig, tmp_path).rename(tmp_path / name)
    same(load_rig(tmp_path), rig)


def test_endings_in_capitals_are_found(rig, tmp_path):
    save_rig(rig, tmp_path / "a" / "cal.toml", "pose2sim").rename(tmp_path / "a" / "CAL.TOML")
    save_rig(rig, tmp_path / "b" / "transforms.json", "transforms").rename(tmp_path / "b" / "T.JSON")
    for folder in ("a", "b"):
        same(load_rig(tmp_path / folder), rig, atol=1e-6)


def test_two_files_of_one_format(rig, tmp_path):
    for name in ("a", "b"):
        write_qualisys(rig, tmp_path / f"{name}.qca.txt")
    with pytest.raises(InputError, match=r"a.qca.txt, b.qca.txt"):
        load_rig(tmp_path)


def test_nothing_readable(rig, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_rig(tmp_path / "nowhere")
    with pytest.raises(InputError, match="an empty folder"):
        load_rig(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InputError, match=r"notes.txt"):
        load_rig(tmp_path)
    with pytest.raises(InputError, match="known format"):
        load_rig(tmp_path / "notes.txt")
    with pytest.raises(InputError, match="neither here nor"):
        load_rig(tmp_path, calibration="cal.yml")


def test_the_example_of_the_documentation_is_read(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "rigs.md").read_text()
    (tmp_path / "rig.json").write_text(re.search(r"```json\n(.*?)```", text, re.DOTALL)[1])
    np.testing.assert_allclose(load_rig(tmp_path).cameras[0].center_world, [0, 1, 3])


def test_the_folder_of_the_videos_leads_to_the_rig_above(rig, tmp_path):
    (tmp_path / "videos").mkdir()
    with pytest.raises(InputError, match="see docs"):
        load_rig(tmp_path / "videos")
    save_rig(rig, tmp_path)
    with pytest.raises(InputError, match=f"name the folder above.*{tmp_path}"):
        load_rig(tmp_path / "videos")
