"""Takes in the layouts of 3DHP, BEHAVE, RICH, MoYo and 4D-DRESS: each becomes a sequence of one frame."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from diffproxy.body.files import read_arrays
from diffproxy.body.model import PACKAGED
from diffproxy.body.smpl_family import REQUIRED
from diffproxy.cameras import Camera
from diffproxy.evaluation.datasets import behave, dress4d, moyo, mpi_inf_3dhp, rich
from diffproxy.evaluation.rehearsal_take import BODY, Take, opencv_K, save_image
from diffproxy.utils.io import to_json

PCA = 12  # hand coefficients of RICH and 4D-DRESS
LENS = (-0.6, 0.2, 0.001, -0.0015, 0.02, 0.05, 0.01, 0.0)
"""Coefficients of OpenCV's rational model; they move pixels farther than a Kinect's, so that mistakes show."""
RIM = 1.1  # side of a distorted picture over that of the image in its middle


def through_lens(
    image: UInt8[np.ndarray, "H W 3"], camera: Camera, lens: tuple[float, ...], size: tuple[int, int]
) -> tuple[UInt8[np.ndarray, "h w 3"], Camera]:
    """The image in the middle of a small picture as seen through a lens, and its calibration for pictures of `size`."""
    unit = math.ceil(RIM * max(camera.width / size[0], camera.height / size[1]) * math.gcd(*size))
    width, height = (unit * side // math.gcd(*size) for side in size)
    K = camera.K.copy()
    K[:2, 2] += (width - camera.width) / 2, (height - camera.height) / 2
    pose = camera.R_cam_world, camera.t_cam_world
    seen = Camera(camera.name, width, height, K, *pose, np.array(lens))
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    at = seen.normalized(np.stack([x, y], -1)) @ camera.K[:2, :2].T + camera.K[:2, 2] - 0.5
    columns, rows = (at[..., k].astype(np.float32) for k in (0, 1))
    grey = (128,) * 3
    shown = cv2.remap(
        image, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=grey
    )
    return shown, Camera(camera.name, *size, np.diag([size[0] / width, size[1] / height, 1.0]) @ K, *pose)


def save_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_json(content))


def save_pickle(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=2))


def write_mpi_inf_3dhp(root: Path, takes: Sequence[Take]) -> None:
    bodies: dict[str, Any] = {}
    for n, take in enumerate(takes, start=1):
        folder, lines = root / f"S8/Seq{n}", ["Skeletool Camera Calibration File V1.0"]
        by_number = dict(zip(mpi_inf_3dhp.VIEWS, take.cameras, strict=True))
        for number in range(9):
            camera = by_number.get(number, take.cameras[0])
            K, E = np.eye(4), np.eye(4)
            K[:3, :3], E[:3, :3], E[:3, 3] = opencv_K(camera), camera.R_cam_world, camera.t_cam_world * 1000
            text = {
                k: " ".join(f"{v:.12f}" for v in m.ravel()) for k, m in (("intrinsic", K), ("extrinsic", E))
            }
            lines += [
                f"name          {number}",
                "  sensor      10 10 ",
                "  size        2048 2048 ",
                "  animated    0",
            ]
            lines += [*(f"  {k}   {v} " for k, v in text.items()), "  radial      0"]
        for number, image in zip(mpi_inf_3dhp.VIEWS, take.images, strict=True):
            save_image(folder / f"video_{number}/000001.jpg", image, (mpi_inf_3dhp.SIZE,) * 2)
        (folder / "camera.calibration").write_text("\n".join(lines) + "\n")
        pose = np.concatenate([take.full_pose[BODY], np.zeros(6)])
        row = {"pose": pose.tolist(), "shape": take.betas.tolist(), "trans": take.transl.tolist()}
        bodies[str(n)] = {"1": row}
    save_json(root / mpi_inf_3dhp.NEURAL_ANNOT, {"8": bodies})


def write_behave(root: Path, takes: Sequence[Take], lens: tuple[float, ...] = (0.0,) * 8) -> None:
    names = [f"Date03_Sub06_rehearsal{n}" for n in range(len(takes))]
    save_json(root / "split.json", {"train": [], "test": names})
    size = (2048, 1536)
    for name, take in zip(names, takes, strict=True):
        folder, instant = root / "sequences" / name, root / "sequences" / name / "t0001.000"
        where = {"config": f"../../calibs/{name}/config", "intrinsic": f"../../calibs/{name}/intrinsics"}
        save_json(folder / "info.json", {**where, "gender": "female", "kinects": [0, 1, 2, 3]})
        for k, (camera, image) in enumerate(zip(take.cameras, take.images, strict=True)):
            if any(lens):
                image, camera = through_lens(image, camera, lens, size)
            K = opencv_K(camera)
            four = [K[0, 0], K[1, 1], K[0, 2], K[1, 2]]
            color = dict(zip(("fx", "fy", "cx", "cy"), four, strict=True)) | {"opencv": [*four, *lens]}
            color |= {"width": size[0], "height": size[1]}
            save_json(root / f"calibs/{name}/intrinsics/{k}/calibration.json", {"color": color})
            pose = {
                "rotation": camera.R_cam_world.T.ravel().tolist(),
                "translation": camera.center_world.tolist(),
            }
            save_json(root / f"calibs/{name}/config/{k}/config.json", pose)
            save_image(instant / f"k{k}.color.jpg", image, image.shape[1::-1] if any(lens) else size)
        full_pose = np.concatenate([take.full_pose[BODY], take.full_pose[75:]])
        save_pickle(
            instant / f"{behave.FIT}.pkl", {"pose": full_pose, "betas": take.betas, "trans": take.transl}
        )


def smplx_fields(
    take: Take, models: Path, shape: Callable[[np.ndarray], np.ndarray]
) -> dict[str, np.ndarray]:
    """SMPL-X parameters with PCA hands, as RICH and 4D-DRESS store them."""
    file = np.load(models / "smplx/SMPLX_FEMALE.npz")
    p = take.full_pose
    hands = {
        f"{side}_hand_pose": (p[of] - file[f"hands_mean{side[0]}"])
        @ file[f"hands_components{side[0]}"][:PCA].T
        for side, of in (("left", slice(75, 120)), ("right", slice(120, 165)))
    }
    fields = {"global_orient": p[:3], "body_pose": p[3:66], "jaw_pose": p[66:69], "leye_pose": p[69:72]}
    fields |= {
        "reye_pose": p[72:75],
        "betas": take.betas,
        "expression": take.expression,
        "transl": take.transl,
    } | hands
    return {k: shape(np.asarray(v, dtype=np.float64)) for k, v in fields.items()}


def write_rich(root: Path, takes: Sequence[Take], models: Path) -> None:
    rows = ["\t".join(("sequence_name", "capture_name", "id", "gender", "view_id"))]
    for n, take in enumerate(takes):
        scene = f"Rehearsal{n}"
        name = f"{scene}_009_stand"
        rows.append("\t".join((name, scene, "009", "female", "0,1,2,4")))
        for view, camera, image in zip((0, 1, 2, 4), take.cameras, take.images, strict=True):
            pose = np.concatenate([camera.R_cam_world, camera.t_cam_world[:, None]], 1)
            entries = {"CameraMatrix": pose, "Intrinsics": opencv_K(camera), "Distortion": np.zeros(5)}
            text = "".join(
                f"<{k}><data>{' '.join(f'{v:.12g}' for v in np.ravel(m))}</data></{k}>"
                for k, m in entries.items()
            )
            path = root / f"scan_calibration/{scene}/calibration/{view:03d}.xml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f'<?xml version="1.0"?><opencv_storage>{text}</opencv_storage>\n')
            save_image(
                root / f"images/test/{name}/cam_{view:02d}/00001_{view:02d}.png", image, rich.LANDSCAPE
            )
        save_pickle(root / f"bodies/test/{name}/00001/009.pkl", smplx_fields(take, models, lambda v: v[None]))
    (root / "test.txt").write_text("\n".join(rows))
    save_json(root / "gender.json", {"9": "female"})


def write_moyo(root: Path, takes: Sequence[Take]) -> None:
    import trimesh

    session = root / moyo.SESSIONS[0]
    arrays = read_arrays(PACKAGED["anny"], REQUIRED)
    for n, take in enumerate(takes):
        name, params = f"{220923 + n}_yogi_body_hands_03596_rehearsal", {}
        for view, camera, image in zip(moyo.VIEWS, take.cameras, take.images, strict=True):
            K = opencv_K(camera) / moyo.HALF
            params[f"cam_{view}"] = {
                "rotation": camera.R_cam_world.tolist(), "position": (1000 * camera.center_world).tolist(),
                "focal": K[0, 0], "princpt": [K[0, 2], K[1, 2]],
            }  # fmt: skip
            folder = session / f"images/val/{name}/YOGI_Cam_{view:02d}"
            save_image(folder / f"{name}_YOGI_Cam_{view:02d}_0002.jpg", image, moyo.SIZE)
        day = f"{220923 + n}_Afternoon_PROCESSED_CAMERA_PARAMS"
        save_json(session / f"cameras/20{220923 + n}/{day}/cameras_param.json", params)
        rows = np.zeros((5, 165))
        rows[4] = take.full_pose  # image 2 is row 4
        motion = {"fullpose": rows, "trans": np.tile(take.transl, (5, 1)), "betas": np.zeros(400)}
        save_pickle(session / f"mosh/val/{name}_stageii.pkl", motion)
    # One template for all: the first subject's shape, so only its body is exact.
    shape = np.einsum("vck,k->vc", arrays["shapedirs"][..., :10], takes[0].betas) + arrays["v_template"]
    (root / moyo.TEMPLATE).parent.mkdir(parents=True, exist_ok=True)
    trimesh.Trimesh(shape, arrays["f"].astype(np.int64), process=False).export(root / moyo.TEMPLATE)


def write_dress4d(root: Path, takes: Sequence[Take], models: Path) -> None:
    import trimesh

    for n, take in enumerate(takes):
        folder = root / f"{100 + n:05d}/Outer/Take1"
        save_pickle(folder / "basic_info.pkl", {"gender": "female", "scan_frames": ["00011"], "offset": None})
        cameras = {
            view: {
                "intrinsics": opencv_K(c),
                "extrinsics": np.concatenate([c.R_cam_world, c.t_cam_world[:, None]], 1),
            }
            for view, c in zip(dress4d.VIEWS, take.cameras, strict=True)
        }
        save_pickle(folder / "Capture/cameras.pkl", cameras)
        for view, image in zip(dress4d.VIEWS, take.images, strict=True):
            save_image(folder / f"Capture/{view}/images/capture-f00011.png", image, dress4d.SIZE)
        save_pickle(folder / "SMPLX/mesh-f00011_smplx.pkl", smplx_fields(take, models, lambda v: v))
        mesh = trimesh.Trimesh(take.vertices, np.zeros((0, 3), np.int64), process=False)
        mesh.export(folder / "SMPLX/mesh-f00011_smplx.ply")
