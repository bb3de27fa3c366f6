"""Render the rig that ships with the project: `python examples/make_synthetic_rig.py [out=DIR] [k=N] [seed=N] ...`.

One subject of the test half of the pose bank, four whole frames, a rig.json and ground_truth.npz, which has the
layout of result.npz. Needs Mitsuba, like all of render_synth.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffproxy.cameras import Rig, save_rig
from diffproxy.datasets.shards import FULL
from diffproxy.pipeline.results import FrameResult, params_to_arrays, write_result
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.io import write_atomic
from diffproxy.utils.options import option
from diffproxy.utils.subcommand import Subcommand
from render_synth.config import RenderConfig
from render_synth.rendering.mitsuba_variant import best_variant
from render_synth.run import load_tools
from render_synth.sample import render_sample

VIEWS = 4


@dataclass
class ExampleRig:
    """Options of the script."""

    out: str = option("examples/synthetic_rig", "folder of the rig", "DIR")
    k: int = option(3, "number of the sample")
    seed: int = option(20260, "seed of render_synth")
    size: int = option(720, "longer side of the images, pixels")
    samples_per_pixel: int = option(48, "light paths of each pixel")
    quality: int = option(90, "of the JPEGs, to 100")


def make(options: ExampleRig) -> None:
    """Render one sample and write it as a rig folder."""
    import cv2

    folder = Path(options.out)
    config = RenderConfig(
        seed=options.seed, split="test", views=VIEWS, full_frames=VIEWS, hand_crops=0,
        size=options.size, samples_per_pixel=options.samples_per_pixel, variant=best_variant(),
    )  # fmt: skip
    tools = load_tools(config)
    views, params, meta = render_sample(tools, options.k)
    frames = [v for v in views if v.kind == FULL]
    note = f"rendered by render_synth, seed {config.seed}, sample {options.k}; world +Y up, metres"
    save_rig(Rig("synthetic", tuple(v.camera for v in frames), up_axis="+Y", notes=[note]), folder)
    for view in frames:
        jpeg = [cv2.IMWRITE_JPEG_QUALITY, options.quality]
        data = cv2.imencode(".jpg", view.rgb[..., ::-1], jpeg)[1].tobytes()
        write_atomic(folder / "images" / view.camera.name / "000000.jpg", data)
    joints = tools.body.joints(params)[0].numpy().astype(np.float32)
    truth = FrameResult(0, "ok", "", params_to_arrays(params), joints, np.zeros(55, np.float32))
    write_result(folder / "ground_truth.npz", [truth], tools.body, {"up_axis": "+Y", "render": meta})


if __name__ == "__main__":
    command = Subcommand(ExampleRig, __doc__ or "", make)
    sys.exit(exit_status(lambda: command.run(sys.argv[1:])))
