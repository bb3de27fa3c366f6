"""RICH, test split: the cameras of `view_id`, gendered SMPL-X bodies.

    dataset.path/images/test/SEQ/cam_XX/FFFFF_XX.{bmp,png,jpeg}       or images_test/..., test/SEQ/...
                /bodies/test/SEQ/FFFFF/SSS.pkl                        or test_body/SEQ/...
                /scan_calibration/SCENE/calibration/CCC.xml           world to camera, metres
                /test.txt, /gender.json                               resource/meta and resource of rich_toolkit

World is camera 0. A sequence is SCENE_SSS_action; hands are 12 PCA coefficients about the mean hand. Nine of the 52
test sequences list three calibrated cameras. The toolkit projects without the lens coefficients of the calibration,
posepile with them: they are used unless dataset.lens=false.
Sources: github.com/paulchhuang/rich_toolkit, posepile, HeatFormer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from diffproxy.body.smpl_family import PosedBodies, SmplFamilyBody, find_model, load_smpl_family
from diffproxy.cameras import Camera
from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.evaluation.datasets.moment import (
    Moment,
    chosen_sequences,
    every,
    images_of,
    need,
    read_as,
    read_pickle,
    reader_of_moments,
    root_folder,
)
from diffproxy.evaluation.true_body import TrueBody
from diffproxy.utils.errors import InputError
from diffproxy.utils.validation import Numbers, OpenSchema, Vector

MAX_VIEWS = 4
LANDSCAPE, PORTRAIT = (4112, 3008), (3008, 4112)
PORTRAIT_CAMERAS = {("Pavallion", 3), ("Pavallion", 5)}
SOURCE = "rich.is.tue.mpg.de, test.txt and gender.json in github.com/paulchhuang/rich_toolkit (resource/)"
BODY_KEYS = ("global_orient", "body_pose", "jaw_pose", "leye_pose", "reye_pose")
ENDINGS = (".bmp", ".png", ".jpeg", ".jpg")


@reader_of_moments
def read(options: EvaluateOptions) -> Iterator[Moment]:
    """Frames with a body and an image of all chosen cameras."""
    data = options.dataset
    root = root_folder(data, "scan_calibration", SOURCE)
    rows = read_split(need(root / "test.txt", "the list of test sequences", f"get it from {SOURCE}"))
    path = root / "gender.json"
    genders = read_as(dict[str, str], path, "the subjects' genders", f"get it from {SOURCE}")
    if unknown := sorted({str(int(s)) for _, s, _ in rows} - set(genders)):
        lacking = f"nothing of {', '.join(unknown[:5])} in {path}"
        raise InputError("the gender of every subject of test.txt", lacking, f"get it from {SOURCE}")
    images = first_folder(root, ("images/test", "images_test", "test"), "images")
    bodies = first_folder(root, ("bodies/test", "test_body"), "bodies")
    models: dict[str, SmplFamilyBody] = {}
    for name in chosen_sequences([*dict.fromkeys(n for n, _, _ in rows)], data, root):
        for subject, view_ids in [(s, v) for n, s, v in rows if n == name]:
            if len(view_ids) < MAX_VIEWS and data.three_views == "skip":
                continue
            scene = name.split("_")[0]
            calibration = root / "scan_calibration" / scene / "calibration"
            views = [int(v) for v in data.views] or [
                v for v in view_ids if (calibration / f"{v:03d}.xml").is_file()
            ]
            views = views[:MAX_VIEWS] if not data.views else views
            rig = tuple(read_camera(calibration / f"{v:03d}.xml", scene, v) for v in views)
            if not data.lens:
                rig = tuple(replace(camera, distortion=np.zeros(0)) for camera in rig)
            found = {}
            for body in sorted((bodies / name).glob(f"*/{subject}.pkl")):
                paths = [image(images / name, body.parent.name, v) for v in views]
                if all(paths):
                    found[body] = [p for p in paths if p]
            for body in every([*found], data):
                gender = genders[str(int(subject))]
                frame = f"{body.parent.name}/{subject}"
                yield Moment(
                    name, frame, rig, images_of(found[body]), truth_of(body, gender, models, options)
                )


def read_split(path: Path) -> list[tuple[str, str, list[int]]]:
    """Sequence, subject (three digits) and cameras of each row; `view_id` is the last column."""
    lines = [line.rstrip("\n").split("\t") for line in path.read_text().splitlines() if line.strip()]
    try:
        at = lines[0].index("id")
        return [(w[0], f"{int(w[at]):03d}", [int(v) for v in w[-1].split(",")]) for w in lines[1:]]
    except (ValueError, IndexError) as error:
        found = f"{error} in {path}"
        raise InputError(
            "tab-separated rows with sequence_name first, id and view_id last", found, "get it again"
        ) from error


def first_folder(root: Path, names: tuple[str, ...], what: str) -> Path:
    """The first of the folders `names` that exists below `root`. Raises InputError."""
    for name in names:
        if (root / name).is_dir():
            return root / name
    raise InputError(
        f"the {what} of RICH's test split in {' or '.join(names)}",
        f"neither in {root}",
        f"get them from {SOURCE}",
    )


def image(folder: Path, frame: str, view: int) -> Path | None:
    """The image of a frame and camera, whatever its ending; None without any."""
    stem = folder / f"cam_{view:02d}" / f"{frame}_{view:02d}"
    return next((p for e in ENDINGS if (p := stem.with_name(stem.name + e)).is_file()), None)


def read_camera(path: Path, scene: str, number: int) -> Camera:
    """One camera of the XML calibration: 3 x 4 pose, world to camera, metres; intrinsics; distortion k1 k2 ...

    The number of distortion coefficients is not documented; four or more are read in OpenCV's order.
    """
    need(path, f"the calibration of camera {number}", f"get scan_calibration from {SOURCE}")
    try:
        tree = ElementTree.parse(path).getroot()
        pose, K, lens = (
            np.array(re.split(r"[\s,]+", (tree.findtext(f"{k}/data") or "").strip()), dtype=np.float64)
            for k in ("CameraMatrix", "Intrinsics", "Distortion")
        )
        pose, K = pose.reshape(3, 4), K.reshape(3, 3)
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(
            "CameraMatrix, Intrinsics and Distortion", f"{error} in {path}", "download it again"
        ) from error
    size = PORTRAIT if (scene, number) in PORTRAIT_CAMERAS else LANDSCAPE
    return Camera(f"cam_{number:02d}", *size, K, pose[:, :3], pose[:, 3], lens)


def truth_of(
    path: Path, gender: str, models: dict[str, SmplFamilyBody], options: EvaluateOptions
) -> Callable[[], TrueBody]:
    """What reads and poses the true body of one person when it is called; models are kept in `models` by gender."""

    def truth() -> TrueBody:
        if options.dataset.models is None:
            raise InputError("the SMPL-X models, to pose RICH's bodies", "none", "give dataset.models=DIR")
        if gender not in models:
            file = find_model(options.dataset.models, "smplx", gender)
            models[gender] = load_smpl_family(file, options.dataset.allow_pickle)
        return TrueBody.of(
            pose_smplx(models[gender], read_pickle(SmplxBody, path, "a body of RICH", options))
        )

    return truth


class SmplxBody(OpenSchema):
    """One SMPL-X body; hands are PCA coefficients about the mean hand."""

    global_orient: Vector
    body_pose: Numbers
    jaw_pose: Vector
    leye_pose: Vector
    reye_pose: Vector
    left_hand_pose: Numbers
    right_hand_pose: Numbers
    betas: Numbers
    transl: Vector
    expression: Numbers | None = None


def pose_smplx(model: SmplFamilyBody, body: SmplxBody) -> PosedBodies:
    """One body, posed."""
    left = model.hand_pose("left", body.left_hand_pose[None], flat_hand_mean=False)
    right = model.hand_pose("right", body.right_hand_pose[None], flat_hand_mean=False)
    pose = np.concatenate([*(getattr(body, k) for k in BODY_KEYS), left[0], right[0]])
    expression = body.expression[None] if body.expression is not None and body.expression.size else None
    return model.pose(pose[None], body.betas[None], body.transl[None], expression)
