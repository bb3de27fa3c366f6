"""Files of other tools, written from a rig: those for which the package has no writer."""

from __future__ import annotations

import json
import pickle
import struct
from pathlib import Path

import cv2
import numpy as np
import scipy.io
from scipy.spatial.transform import Rotation

from diffproxy.cameras import Camera, Rig


def opencv_K(c: Camera, shift: float = 0.5) -> np.ndarray:
    """K with pixels counted from the centre of the first one (or from (1, 1): shift -0.5)."""
    K = c.K.copy()
    K[:2, 2] -= shift
    return K


def rotation_vector(c: Camera) -> list[float]:
    return cv2.Rodrigues(c.R_cam_world)[0].ravel().tolist()


def five(c: Camera) -> list[float]:
    return np.pad(c.distortion, (0, 5 - c.distortion.size)).tolist()


def write_json(path: Path, data) -> None:
    path.write_text(json.dumps(data))


def anipose_tables(rig: Rig, unit: float, extra: str = "") -> str:
    return "".join(
        f'[cam_{i}]\nname = "{c.name}"\nsize = [{c.width}, {c.height}]\nmatrix = {opencv_K(c).tolist()}\n'
        f"distortions = {five(c)}\nrotation = {rotation_vector(c)}\n"
        f"translation = {(unit * c.t_cam_world).tolist()}\n{extra}\n"
        for i, c in enumerate(rig.cameras)
    )


def aniposelib(rig: Rig, folder: Path) -> None:
    (folder / "calibration.toml").write_text(
        anipose_tables(rig, 1) + "[metadata]\nadjusted = false\nerror = 0.3\n"
    )


def freemocap(rig: Rig, folder: Path) -> None:
    text = anipose_tables(rig, 1000, "world_position = [0.0, 0.0, 0.0]\n")
    (folder / "camera_calibration.toml").write_text(text + "[metadata.board]\nsquare_length_mm = 58.0\n")


def freemocap_older(rig: Rig, folder: Path) -> None:
    (folder / "older.toml").write_text(anipose_tables(rig, 1000) + "[metadata]\ncharuco_square_size = 39\n")


def caliscope(rig: Rig, folder: Path) -> None:
    text = "".join(
        f"[cameras.{c.name.removeprefix('cam_')}]\ncam_id = {i}\nsize = [{c.width}, {c.height}]\nrotation_count = 0\n"
        f"matrix = {opencv_K(c).tolist()}\ndistortions = {five(c)}\nrotation = {rotation_vector(c)}\n"
        f"translation = {c.t_cam_world.tolist()}\nfisheye = false\n"
        for i, c in enumerate(rig.cameras)
    )
    (folder / "camera_array.toml").write_text(text + "[cameras.99]\nsize = [1, 1]\nmatrix = [[1.0]]\n")


def colmap_binary(rig: Rig, folder: Path) -> None:
    cameras = images = struct.pack("<Q", len(rig.cameras))
    for i, c in enumerate(rig.cameras, 1):
        numbers = [
            c.K[0, 0],
            c.K[1, 1],
            c.K[0, 2],
            c.K[1, 2],
            *np.pad(c.distortion, (0, 4 - c.distortion.size)),
        ]
        cameras += struct.pack("<IiQQ8d", i, 4, c.width, c.height, *numbers)
        x, y, z, w = Rotation.from_matrix(c.R_cam_world).as_quat()
        images += struct.pack("<I7dI", i, w, x, y, z, *c.t_cam_world, i) + f"{c.name}.jpg".encode() + b"\0"
        images += struct.pack("<QddQ", 1, 3.0, 4.0, 7)
    (folder / "sparse").mkdir()
    (folder / "sparse" / "cameras.bin").write_bytes(cameras)
    (folder / "sparse" / "images.bin").write_bytes(images)


def kalibr(rig: Rig, folder: Path) -> None:
    """The world is the first camera; `relative` gives the rig to compare with."""
    lines, before = [], None
    for c in rig.cameras:
        K, T = opencv_K(c), np.eye(4)
        T[:3, :3], T[:3, 3] = c.R_cam_world, c.t_cam_world
        lines += [
            f"{c.name}:",
            "  camera_model: pinhole",
            f"  intrinsics: {[K[0, 0].item(), K[1, 1].item(), K[0, 2].item(), K[1, 2].item()]}",
            "  distortion_model: radtan",
            f"  distortion_coeffs: {c.distortion.tolist()}",
            f"  resolution: [{c.width}, {c.height}]",
            "  rostopic: /image",
        ]
        if before is not None:
            lines += ["  T_cn_cnm1:"] + [f"  - {row}" for row in (T @ np.linalg.inv(before)).tolist()]
        before = T
    (folder / "camchain.yaml").write_text("\n".join(lines) + "\n")


def opencv(rig: Rig, folder: Path, ending: str) -> None:
    for c in rig.cameras:
        storage = cv2.FileStorage(str(folder / f"{c.name}{ending}"), cv2.FILE_STORAGE_WRITE)
        storage.write("image_width", c.width)
        storage.write("image_height", c.height)
        storage.write("camera_matrix", opencv_K(c))
        storage.write("distortion_coefficients", c.distortion)
        storage.write("rvec", np.array(rotation_vector(c)))
        storage.write("tvec", c.t_cam_world)
        storage.release()


def opencv_halves(rig: Rig, folder: Path) -> None:
    for c in rig.cameras:
        for half, values in (
            (
                "intrinsics",
                {"K": opencv_K(c), "D": c.distortion, "image_size": np.array([c.width, c.height])},
            ),
            ("extrinsics", {"R": c.R_cam_world, "T": c.t_cam_world}),
        ):
            storage = cv2.FileStorage(str(folder / f"{c.name}_{half}.yml"), cv2.FILE_STORAGE_WRITE)
            for key, value in values.items():
                storage.write("camera_matrix" if key == "K" else key, value)
            storage.release()


def relative(rig: Rig) -> tuple[np.ndarray, np.ndarray]:
    """R and t of the second camera against the first."""
    a, b = rig.cameras[:2]
    R = b.R_cam_world @ a.R_cam_world.T
    return R, b.t_cam_world - R @ a.t_cam_world


def opencv_stereo(rig: Rig, folder: Path, split: bool) -> None:
    """As OpenCV's sample stereo_calib names things, in one file or two."""
    R, T = relative(rig)
    values: dict = {"image_size": np.array([rig.cameras[0].width, rig.cameras[0].height])}
    for i, c in enumerate(rig.cameras[:2], 1):
        values |= {f"M{i}": opencv_K(c), f"D{i}": c.distortion}
    files = [("intrinsics.yml", values), ("extrinsics.yml", {"R": R, "T": T})]
    for name, entries in files if split else [("stereo.xml", values | {"R": R, "T": T})]:
        storage = cv2.FileStorage(str(folder / name), cv2.FILE_STORAGE_WRITE)
        for key, value in entries.items():
            storage.write(key, value)
        storage.release()


def matlab_part(c: Camera) -> dict:
    d = five(c)
    return {
        "RadialDistortion": [d[0], d[1], d[4]],
        "TangentialDistortion": d[2:4],
        "ImageSize": [float(c.height), float(c.width)],
        "IntrinsicMatrix": opencv_K(c, -0.5).T,
        "WorldUnits": "millimeters",
    }


def matlab_stereo(rig: Rig, folder: Path) -> None:
    R, T = relative(rig)
    a, b = (matlab_part(c) for c in rig.cameras[:2])
    pair = {
        "CameraParameters1": a,
        "CameraParameters2": b,
        "RotationOfCamera2": R.T,
        "TranslationOfCamera2": 1000 * T,
    }
    scipy.io.savemat(folder / "stereo.mat", {"s": pair})


def matlab_single(rig: Rig, folder: Path) -> None:
    for c in rig.cameras:
        pose = {"RotationMatrices": c.R_cam_world.T, "TranslationVectors": 1000 * c.t_cam_world}
        scipy.io.savemat(folder / f"{c.name}.mat", {"params": matlab_part(c) | pose})


def bouguet_single(rig: Rig, folder: Path) -> None:
    for c in rig.cameras:
        K = opencv_K(c)
        values = {
            "fc": [[K[0, 0]], [K[1, 1]]],
            "cc": [[K[0, 2]], [K[1, 2]]],
            "alpha_c": 0.0,
            "kc": np.array(five(c))[:, None],
            "nx": c.width,
            "ny": c.height,
            "Rc_ext": c.R_cam_world,
            "Tc_ext": 1000 * c.t_cam_world[:, None],
        }
        scipy.io.savemat(folder / f"{c.name}.mat", values)


def bouguet_stereo(rig: Rig, folder: Path) -> None:
    R, T = relative(rig)
    values: dict = {"nx": rig.cameras[0].width, "ny": rig.cameras[0].height, "R": R, "T": 1000 * T[:, None]}
    for c, side in zip(rig.cameras[:2], ("left", "right"), strict=True):
        K = opencv_K(c)
        values |= {f"fc_{side}": [K[0, 0], K[1, 1]], f"cc_{side}": [K[0, 2], K[1, 2]], f"kc_{side}": five(c)}
    scipy.io.savemat(folder / "Calib_Results_stereo.mat", values)


def vicon(rig: Rig, folder: Path) -> None:
    """Radial distortion only: the format has no tangential part."""
    text = ""
    for c in rig.cameras:
        q = " ".join(map(repr, Rotation.from_matrix(c.R_cam_world).as_quat().tolist()))
        C = " ".join(map(repr, (1000 * c.center_world).tolist()))
        k1, k2, _, _, k3 = five(c)
        text += (
            f'<Camera DEVICEID="{c.name}" TYPE="VideoInputDevice" SENSOR_SIZE="{c.width} {c.height}" '
            f'PIXEL_ASPECT_RATIO="{float(c.K[0, 0] / c.K[1, 1])!r}"><KeyFrames><KeyFrame '
            f'FOCAL_LENGTH="{float(c.K[0, 0])!r}" PRINCIPAL_POINT="{float(c.K[0, 2])!r} {float(c.K[1, 2])!r}" '
            f'ORIENTATION="{q}" POSITION="{C}" VICON_RADIAL2="ViconRadial2 {c.K[0, 2]} {c.K[1, 2]} {k1} {k2} {k3}"/>'
            "</KeyFrames></Camera>"
        )
    text += '<Camera DEVICEID="7" TYPE="MX-T40"><KeyFrames><KeyFrame/></KeyFrames></Camera>'
    (folder / "take.xcp").write_text(f"<Cameras>{text}</Cameras>")


def optitrack(rig: Rig, folder: Path) -> None:
    text = ""
    for c in rig.cameras:
        M, C, d = (np.diag([1.0, -1, -1]) @ c.R_cam_world).T, c.center_world, five(c)
        orient = " ".join(f'OrientMatrix{i}="{v!r}"' for i, v in enumerate(M.ravel().tolist()))
        text += (
            f'<Camera Serial="{c.name}"><Attributes ImagerPixelWidth="{c.width}" ImagerPixelHeight="{c.height}"/>'
            f'<Intrinsic HorizontalFocalLength="1"/><IntrinsicStandardCameraModel '
            f'HorizontalFocalLength="{c.K[0, 0]}" VerticalFocalLength="{c.K[1, 1]}" '
            f'LensCenterX="{c.K[0, 2]}" LensCenterY="{c.K[1, 2]}" k1="{d[0]}" k2="{d[1]}" k3="{d[4]}" '
            f'TangentialX="{d[2]}" TangentialY="{d[3]}"/>'
            f'<Extrinsic X="{C[0]}" Y="{C[1]}" Z="{C[2]}" {orient}/></Camera>'
        )
    text = f'<?xml version="1.0"?><Profile><Calibration><Cameras>{text}</Cameras></Calibration></Profile>'
    (folder / "System.mcal").write_bytes(text.encode("utf-16-le"))


def panoptic(rig: Rig, folder: Path) -> None:
    cameras = [
        {
            "name": c.name,
            "type": "hd",
            "resolution": [c.width, c.height],
            "K": opencv_K(c).tolist(),
            "distCoef": five(c),
            "R": c.R_cam_world.tolist(),
            "t": (100 * c.t_cam_world[:, None]).tolist(),
        }
        for c in rig.cameras
    ]
    cameras.append(cameras[0] | {"type": "vga"})
    write_json(folder / "calibration_take.json", {"calibDataSource": "x", "cameras": cameras})


def four_d_association(rig: Rig, folder: Path) -> None:
    """The format has no distortion of its own; `distCoeff` is what forks add."""
    data = {
        c.name: {
            "K": opencv_K(c).ravel().tolist(),
            "RT": np.concatenate([c.R_cam_world, c.t_cam_world[:, None]], 1).ravel().tolist(),
            "imgSize": [c.width, c.height],
            "distCoeff": five(c),
        }
        for c in rig.cameras
    }
    write_json(folder / "calibration.json", data)


def human36m(rig: Rig, folder: Path) -> None:
    poses = {
        c.name: {"R": c.R_cam_world.tolist(), "t": (1000 * c.t_cam_world[:, None]).tolist()}
        for c in rig.cameras
    }
    lenses = {
        c.name: {
            "calibration_matrix": opencv_K(c).tolist(),
            "distortion": five(c),
            "size": [c.width, c.height],
        }
        for c in rig.cameras
    }
    write_json(folder / "camera-parameters.json", {"intrinsics": lenses, "extrinsics": {"S1": poses}})


def aist(rig: Rig, folder: Path) -> None:
    data = [
        {
            "name": c.name,
            "size": [c.width, c.height],
            "matrix": opencv_K(c).tolist(),
            "rotation": rotation_vector(c),
            "translation": (100 * c.t_cam_world).tolist(),
            "distortions": five(c),
        }
        for c in rig.cameras
    ]
    write_json(folder / "setting1.json", data)


def zju(rig: Rig, folder: Path, payload=None) -> None:
    """The size comes from images, one black one a camera."""
    for c in rig.cameras:
        (folder / "images" / c.name).mkdir(parents=True)
        cv2.imwrite(
            str(folder / "images" / c.name / "000000.png"), np.zeros((c.height, c.width, 3), np.uint8)
        )
    cams = {
        "K": [opencv_K(c) for c in rig.cameras],
        "D": [np.array(five(c))[:, None] for c in rig.cameras],
        "R": [c.R_cam_world for c in rig.cameras],
        "T": [1000 * c.t_cam_world[:, None] for c in rig.cameras],
    }
    data = {"cams": cams, "ims": [{"ims": [f"{c.name}/000000.jpg" for c in rig.cameras]}]}
    np.save(folder / "annots.npy", np.array(data if payload is None else payload, dtype=object))


def dna_rendering(rig: Rig, folder: Path) -> None:
    import h5py

    with h5py.File(folder / "0012_09_annots.smc", "w") as file:
        for c in rig.cameras:
            group = file.create_group(f"Camera_Parameter/{c.name}")
            RT = np.eye(4)
            RT[:3, :3], RT[:3, 3] = c.R_cam_world.T, c.center_world
            for key, value in (("K", opencv_K(c)), ("D", np.array(five(c))), ("RT", RT)):
                group[key] = value
            file.create_group(f"Camera_5mp/{c.name}")
        file["Camera_5mp"].attrs["resolution"] = [rig.cameras[0].height, rig.cameras[0].width]


class Evil:
    """Runs a command when it is read by pickle."""

    def __reduce__(self):
        return pickle.loads, (pickle.dumps("harmless"),)
