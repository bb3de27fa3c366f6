"""What the readers of published data sets share: from one instant on disk to an `EvalSubject`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float, UInt8

from diffproxy.cameras import Camera
from diffproxy.cameras.image_files import read_image
from diffproxy.cameras.undistortion import sampling_maps, undistort_image
from diffproxy.evaluation.config import DatasetOption, EvaluateOptions
from diffproxy.evaluation.datasets.subject import EvalSubject, PendingSubject
from diffproxy.evaluation.true_body import TrueBody
from diffproxy.geometry.boxes import Box
from diffproxy.pipeline.results import FrameResult
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.errors import InputError
from diffproxy.utils.validation import array_of, validated

T = TypeVar("T")
MARGIN = 0.05  # of the box of the projected truth, on each side: clothes and hair are outside of the body


@dataclass(frozen=True)
class Moment:
    """One subject at one instant; nothing is read or posed before it is needed.

    Args:
        cameras: of the image files, with their lenses.
        images: gives the images of these cameras, as stored.
        truth: gives the body, in the cameras' world.
    """

    sequence: str
    frame: str
    cameras: tuple[Camera, ...]
    images: Callable[[], list[UInt8[np.ndarray, "H W 3"]]]
    truth: Callable[[], TrueBody]

    @property
    def key(self) -> str:
        return f"{self.sequence}/{self.frame}"


def subject_of(moment: Moment, options: EvaluateOptions) -> EvalSubject:
    """Images undistorted, and boxes around the projected truth (`images=crops`) or none (`images=full`).

    Of the protocol's cameras the first `views` are used, of `dataset.views` all.

    Raises:
        InputError: an image does not have the size of its camera.
    """
    images, cameras = [], []
    used = None if options.dataset.views else options.views
    for camera, image in list(zip(moment.cameras, moment.images(), strict=True))[:used]:
        camera = fit_size(shift_pixels(camera, options.dataset.pixel_center), image, moment.key)
        target = camera.undistorted()
        images.append(image if camera.is_pinhole else undistort_image(image, sampling_maps(camera, target)))
        cameras.append(target)
    truth = moment.truth()
    boxes = None if options.images == "full" else [projected_box(truth, c, moment.key) for c in cameras]
    info: dict[str, Any] = {"views": len(cameras), "sequence": moment.sequence}
    return EvalSubject(moment.key, images, cameras, FrameResult(0, "ok"), "", boxes, None, info, truth)


def shift_pixels(camera: Camera, pixel_center: float) -> Camera:
    """The camera in our convention, where the centre of the first pixel is at 0.5."""
    K = camera.K.copy()
    K[:2, 2] += 0.5 - pixel_center
    return replace(camera, K=K)


def fit_size(camera: Camera, image: np.ndarray, key: str) -> Camera:
    """The camera of an image that was shrunk as a whole; InputError where the sides do not shrink alike."""
    height, width = image.shape[:2]
    if (width, height) == (camera.width, camera.height):
        return camera
    sx, sy = width / camera.width, height / camera.height
    if abs(sx - sy) > 0.01 * max(sx, sy):
        raise InputError(
            f"an image of {camera.width}x{camera.height} or a smaller copy of it in {key}, {camera.name}",
            f"{width}x{height}",
            "use the released images, or copies shrunk alike on both sides",
        )
    K = camera.K.copy()
    K[0], K[1] = K[0] * sx, K[1] * sy
    return replace(camera, K=K, width=width, height=height)


def projected_box(truth: TrueBody, camera: Camera, key: str) -> Box:
    """Box around the projected true body, pixels, with `MARGIN` of its sides around it. Raises InputError."""
    pixels = camera.project(truth.points)
    pixels = pixels[np.isfinite(pixels).all(-1)]
    if not len(pixels):
        raise InputError(
            f"a body in front of camera {camera.name} in {key}", "none", "check units and axes of the data"
        )
    (x0, y0), (x1, y1) = pixels.min(0), pixels.max(0)
    dx, dy = MARGIN * (x1 - x0), MARGIN * (y1 - y0)
    return (float(x0 - dx), float(y0 - dy), float(x1 + dx), float(y1 + dy))


def every(items: Sequence[T], dataset: DatasetOption) -> list[T]:
    """Every n-th item from `start` on."""
    return list(items[dataset.start :: dataset.step])


def chosen_sequences(names: Sequence[str], dataset: DatasetOption, where: Path) -> list[str]:
    """The sequences that the options name, in the order of the data; all where they name none."""
    unknown = [n for n in dataset.sequences if n not in names]
    if unknown:
        shown = ", ".join(list(names)[:5])
        raise InputError(
            f"dataset.sequences in {where} (such as {shown})", ", ".join(unknown), "check the names"
        )
    return [n for n in names if not dataset.sequences or n in dataset.sequences]


def root_folder(dataset: DatasetOption, wanted: str, source: str) -> Path:
    """The folder of a data set; InputError that says what is expected where, and where one gets it."""
    root = Path(dataset.path).expanduser() if dataset.path else None
    if root is None or not (root / wanted).exists():
        raise InputError(
            f"{dataset.name} with {wanted} in dataset.path",
            "no dataset.path" if root is None else f"no {wanted} in {root}",
            f"give dataset.path=DIR; the data are at {source}",
        )
    return root


def need(path: Path, what: str, fix: str) -> Path:
    """The path, if it exists; otherwise InputError: which file was expected where."""
    if not path.exists():
        raise InputError(what, f"nothing at {path}", fix)
    return path


def read_as(schema: Any, path: Path, what: str, fix: str) -> Any:
    """The content of a JSON file as `schema`; InputError where it is missing or deviates."""
    return validated(schema, read_json(need(path, what, fix), what), f"{what} in {path}", fix)


def images_of(paths: Sequence[Path]) -> Callable[[], list[np.ndarray]]:
    return lambda: [read_image(p) for p in paths]


def read_mesh(path: Path) -> Float[np.ndarray, "Nv 3"]:
    """Vertices of a .ply, in the order of the file."""
    import trimesh

    try:
        mesh: Any = trimesh.load(path, process=False)  # a mesh, or a cloud where the file has no faces
        return array_of((-1, 3), mesh.vertices)
    except (OSError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise InputError("a readable mesh", f"{path}: {error}", "download it again") from error


def read_pickle(schema: Any, path: Path, what: str, options: EvaluateOptions) -> Any:
    """A pickle of plain data as `schema`, by the reader that runs nothing in it; behind dataset.allow_pickle. `what` it
    is, for errors. InputError where it is missing or deviates."""
    from diffproxy.body.unpickle import load_plain_pickle

    fix = "get it again"
    if not options.dataset.allow_pickle:
        raise InputError(
            "permission to read the pickles of the data set",
            str(path),
            "add dataset.allow_pickle=true (nothing in them is run)",
        )
    return validated(schema, load_plain_pickle(need(path, what, fix)), f"{what} in {path}", fix)


def reader_of_moments(
    moments: Callable[[EvaluateOptions], Iterator[Moment]],
) -> Callable[[EvaluateOptions], Iterator[PendingSubject]]:
    """Decorator: a reader that yields moments becomes one of subjects, as `datasets.registry` expects it."""

    def read(options: EvaluateOptions) -> Iterator[PendingSubject]:
        for moment in moments(options):
            yield PendingSubject(moment.key, partial(subject_of, moment, options))

    return read
