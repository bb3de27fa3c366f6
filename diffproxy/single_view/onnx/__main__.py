"""`python -m diffproxy.single_view.onnx`: everybody in a picture with numpy, OpenCV and onnxruntime alone."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from diffproxy.single_view.onnx.options import BenchOptions, CameraOptions, ImageOptions, VideoOptions
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.subcommand import Subcommand, run_subcommand

USAGE = """\
usage: python -m diffproxy.single_view.onnx COMMAND PATH models=DIR [name=value ...]

SMPL-X bodies of everybody in one picture by numpy, OpenCV and onnxruntime alone (no torch), from the files of
`python -m diffproxy.single_view export out=DIR`.

  python -m diffproxy.single_view.onnx image PHOTO|FOLDER models=DIR
  python -m diffproxy.single_view.onnx video FILE models=DIR
  python -m diffproxy.single_view.onnx camera 0 models=DIR
  python -m diffproxy.single_view.onnx bench FILE models=DIR      speed and accuracy at several detector strides, JSON

COMMAND --help lists the options. Results are those of `python -m diffproxy.single_view`, without meshes.
"""


def _image(options: ImageOptions) -> None:
    from diffproxy.single_view.onnx.backend import OnnxBackend
    from diffproxy.single_view.run import run_images

    _print_paths(run_images(options, OnnxBackend(options)))


def _video(options: VideoOptions) -> None:
    from diffproxy.single_view.onnx.backend import OnnxBackend
    from diffproxy.single_view.run import run_video

    _print_paths([run_video(options, OnnxBackend(options))])


def _camera(options: CameraOptions) -> None:
    from diffproxy.single_view.onnx.backend import OnnxBackend
    from diffproxy.single_view.run import run_camera

    _print_paths([run_camera(options, OnnxBackend(options))])


def _bench(options: BenchOptions) -> None:
    from diffproxy.single_view.onnx.bench import run_bench

    sys.stdout.write(json.dumps(run_bench(options), indent=1) + "\n")


def _print_paths(folders: list[Path]) -> None:
    sys.stdout.write("".join(f"{folder}\n" for folder in folders))


def _command(schema: type, usage: str, text: str, task: Callable[[Any], None]) -> Subcommand:
    intro = f"usage: python -m diffproxy.single_view.onnx {usage} models=DIR [name=value ...]\n\n{text}\n"
    return Subcommand(schema, intro, task, ("path", "models"), ("path",))


COMMANDS = {
    "image": _command(ImageOptions, "image PHOTO|FOLDER", "Each picture has its own focal length.", _image),
    "video": _command(VideoOptions, "video FILE", "All frames share one focal length.", _video),
    "camera": _command(CameraOptions, "camera NUMBER", "Until limit= frames, or Ctrl-C.", _camera),
    "bench": _command(BenchOptions, "bench FILE", "Nothing is written.", _bench),
}


def main(words: list[str]) -> int:
    """Returns the exit status: 0 fine, 2 wrong input."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    return exit_status(lambda: run_subcommand(USAGE, COMMANDS, words))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
