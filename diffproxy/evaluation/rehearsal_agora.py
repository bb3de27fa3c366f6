"""Single pictures of ours in AGORA's layout (rehearsal): images, and the data frame as pandas 1 pickles it.

Every camera of a take is a picture, turned into one of AGORA's 28 mm lens, in which a second person is wholly hidden by
the first; the takes make one data frame.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np

from diffproxy.body.smpl_family import SmplFamilyBody
from diffproxy.cameras import Camera
from diffproxy.evaluation.datasets.agora import OTHER_LENS_MM, SENSOR_MM
from diffproxy.evaluation.rehearsal_take import Take, opencv_K, save_image

SIZE = (1280, 720)
NAME = "ag_validationset_rehearsal_5_10_{:05d}"
LARGE = 2160 / 720  # gt_joints_2d is in pixels of the large pictures


@dataclass(frozen=True)
class Named:
    """An object of pandas, or a class: pickled by its name, called with `args`, then given `state`."""

    module: str
    name: str
    args: tuple[Any, ...] | None = None
    state: Any = None


_PythonPickler: Any = pickle._Pickler  # type: ignore[attr-defined]  # unlike the C one, its opcodes can be written


class _Pickler(_PythonPickler):  # type: ignore[misc]
    dispatch: ClassVar[dict[Any, Any]] = {**_PythonPickler.dispatch}

    def save_named(self, value: Named) -> None:
        self.write(pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode())
        if value.args is not None:
            self.save(value.args)
            self.write(pickle.REDUCE)
        if value.state is not None:
            self.save(value.state)
            self.write(pickle.BUILD)

    dispatch[Named] = save_named


def write_agora(root: Path, takes: Sequence[Take], model: SmplFamilyBody) -> None:
    """All takes; `model` is the stand-in as SMPL-X."""
    columns: dict[str, list[Any]] = {k: [] for k in ("imgPath", "isValid", "gender", "gt_joints_2d")}
    columns |= {"gt_joints_3d": [], "gt_verts": []}
    for n, take in enumerate(takes):
        joints = model.pose(
            take.full_pose[None], take.betas[None], take.transl[None], take.expression[None]
        ).joints
        for k, (camera, image) in enumerate(zip(take.cameras, take.images, strict=True)):
            name = NAME.format(4 * n + k)
            picture, own = through_agoras_lens(image, camera)
            save_image(root / f"images/validation/{name}_1280x720.png", picture, SIZE)
            R, t = camera.R_cam_world, camera.t_cam_world
            seen = joints[0] @ R.T + t
            pixels = seen @ opencv_K(own).T
            vertices = take.vertices @ R.T + t
            farther = 1.3  # times all lengths: the same rays, so that the person is hidden by the one before
            columns["imgPath"].append(f"{name}.png")
            columns["isValid"].append([False, True])
            columns["gender"].append(["male", "female"])
            columns["gt_joints_2d"].append([LARGE * pixels[:, :2] / pixels[:, 2:]] * 2)
            columns["gt_joints_3d"].append([farther * seen, seen])
            columns["gt_verts"].append([farther * vertices, vertices])
    path = root / "camera_dataframe/validation_0_withjv.pkl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(as_pandas(columns))


def through_agoras_lens(image: np.ndarray, camera: Camera) -> tuple[np.ndarray, Camera]:
    """The picture that AGORA's 28 mm lens takes from the same place."""
    f, (width, height) = OTHER_LENS_MM / SENSOR_MM * SIZE[0], SIZE
    K = np.array([[f, 0, width / 2], [0, f, height / 2], [0, 0, 1]])
    own = Camera(camera.name, width, height, K, camera.R_cam_world, camera.t_cam_world)
    turned = opencv_K(own) @ np.linalg.inv(opencv_K(camera))
    return cv2.warpPerspective(image, turned, SIZE, borderValue=(128,) * 3), own


def as_pandas(columns: dict[str, list[Any]]) -> bytes:
    """The pickle of a data frame of objects, as pandas 1.1 writes it."""
    count = len(next(iter(columns.values())))
    values = np.empty((len(columns), count), dtype=object)
    for row, cells in enumerate(columns.values()):
        for column, cell in enumerate(cells):
            values[row, column] = cell
    names = Named(
        "pandas.core.indexes.base", "_new_Index",
        (Named("pandas.core.indexes.base", "Index"), {"data": np.array([*columns], dtype=object), "name": None}),
    )  # fmt: skip
    numbers = {"name": None, "start": 0, "stop": count, "step": 1}
    rows = Named(
        "pandas.core.indexes.base", "_new_Index", (Named("pandas.core.indexes.range", "RangeIndex"), numbers)
    )
    axes, places = [names, rows], np.arange(len(columns))
    known = {"axes": axes, "blocks": [{"values": values, "mgr_locs": places}]}
    state = (axes, [values], [names], {"0.14.1": known})
    manager = Named("pandas.core.internals.managers", "BlockManager", (), state)
    about = {"_mgr": manager, "_typ": "dataframe", "_metadata": [], "attrs": {}}
    out = io.BytesIO()
    _Pickler(out, protocol=2).dump(Named("pandas.core.frame", "DataFrame", (), about))
    return out.getvalue()
