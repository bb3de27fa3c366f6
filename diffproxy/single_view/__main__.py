"""`python -m diffproxy.single_view`: everybody in a picture, a video or before a camera, in metres."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from diffproxy.single_view.options import (
    BenchOptions,
    CameraOptions,
    ExportModelsOptions,
    ImageOptions,
    VideoOptions,
)
from diffproxy.single_view.training.options import RegressorTrainOptions
from diffproxy.single_view.training.whole_picture.options import PictureTrainOptions
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.subcommand import Subcommand, run_subcommand

USAGE = """\
usage: python -m diffproxy.single_view COMMAND [PATH] [name=value ...]

SMPL-X bodies of everybody in one picture, in metres in the camera's axes, with the focal length that they share.

  python -m diffproxy.single_view image PHOTO|FOLDER     pictures, each of its own camera
  python -m diffproxy.single_view video FILE             one camera, people with ids over time
  python -m diffproxy.single_view camera 0               a connected camera
  python -m diffproxy.single_view bench FILE|FOLDER      speed and accuracy at several detector strides, JSON
  python -m diffproxy.single_view train out=DIR          the network that the bodies start from
  python -m diffproxy.single_view train_whole_picture    a network that sees the whole picture, of rendered ones
  python -m diffproxy.single_view export out=DIR         ONNX files for python -m diffproxy.single_view.onnx

COMMAND --help lists the options. Results: OUT/<name>/people.json, person_<id>/result.npz and mesh/, overlay/.
"""


def _image(options: ImageOptions) -> None:
    from diffproxy.single_view.run import run_images
    from diffproxy.single_view.torch_backend import TorchBackend

    _print_paths(run_images(options, TorchBackend(options)))


def _video(options: VideoOptions) -> None:
    from diffproxy.single_view.run import run_video
    from diffproxy.single_view.torch_backend import TorchBackend

    _print_paths([run_video(options, TorchBackend(options))])


def _camera(options: CameraOptions) -> None:
    from diffproxy.single_view.run import run_camera
    from diffproxy.single_view.torch_backend import TorchBackend

    _print_paths([run_camera(options, TorchBackend(options))])


def _bench(options: BenchOptions) -> None:
    from diffproxy.single_view.bench import run_bench

    sys.stdout.write(json.dumps(run_bench(options), indent=1) + "\n")


def _train(options: RegressorTrainOptions) -> None:
    from diffproxy.single_view.training.train import train

    _print_paths([train(options)])


def _train_whole_picture(options: PictureTrainOptions) -> None:
    from diffproxy.single_view.training.whole_picture.train import train_whole_picture

    _print_paths([train_whole_picture(options)])


def _export(options: ExportModelsOptions) -> None:
    from diffproxy.single_view.export_models import export_models

    _print_paths([export_models(options)])


def _print_paths(folders: list[Path]) -> None:
    sys.stdout.write("".join(f"{folder}\n" for folder in folders))


def _command(schema: type, usage: str, text: str, task: Callable[[Any], None]) -> Subcommand:
    intro = f"usage: python -m diffproxy.single_view {usage} [name=value ...]\n\n{text}\n"
    return Subcommand(schema, intro, task, ("path",), ("path",))


COMMANDS = {
    "image": _command(ImageOptions, "image PHOTO|FOLDER", "Each picture has its own focal length.", _image),
    "video": _command(VideoOptions, "video FILE", "All frames share one focal length.", _video),
    "camera": _command(CameraOptions, "camera NUMBER", "Until limit= frames, or Ctrl-C.", _camera),
    "bench": _command(BenchOptions, "bench FILE|FOLDER", "Nothing is written.", _bench),
    "train": Subcommand(
        RegressorTrainOptions,
        "usage: python -m diffproxy.single_view train out=DIR [name=value ...]\n\n"
        "Trains the network from keypoints to bodies, on people drawn without rendering. The same command resumes.\n",
        _train,
        ("out",),
    ),
    "train_whole_picture": Subcommand(
        PictureTrainOptions,
        "usage: python -m diffproxy.single_view train_whole_picture shards=DIR out=DIR [name=value ...]\n\n"
        "Trains the network of whole pictures on rendered ones with everybody labelled. The same command resumes.\n",
        _train_whole_picture,
        ("shards", "out"),
    ),
    "export": Subcommand(
        ExportModelsOptions,
        "usage: python -m diffproxy.single_view export out=DIR [name=value ...]\n\n"
        "Writes detector, keypoints, dense proxies, regressor and body as ONNX files with a manifest, models.json.\n",
        _export,
        ("out",),
    ),
}


def main(words: list[str]) -> int:
    """Returns the exit status: 0 fine, 2 wrong input."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    return exit_status(lambda: run_subcommand(USAGE, COMMANDS, words))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
