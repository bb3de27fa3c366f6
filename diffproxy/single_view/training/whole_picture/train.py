"""Training of the network of whole pictures."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from diffproxy.body import load_body
from diffproxy.datasets.held_out import refuse_shared_subjects
from diffproxy.single_view.regressor_weights import load_regressor
from diffproxy.single_view.training.run import TrainingRun, run_training, step_seed
from diffproxy.single_view.training.whole_picture.losses import (
    PictureLossWeights,
    picture_losses,
    queries_of,
)
from diffproxy.single_view.training.whole_picture.options import PictureTrainOptions
from diffproxy.single_view.training.whole_picture.pictures import COMPOSED, PictureBatch, Pictures
from diffproxy.single_view.training.whole_picture.validation import validate
from diffproxy.single_view.whole_picture.network import WholePictureConfig, WholePictureNetwork
from diffproxy.single_view.whole_picture.weights import FILE, save_whole_picture


def train_whole_picture(options: PictureTrainOptions, config: WholePictureConfig | None = None) -> Path:
    """Train, or resume from the last checkpoint in `options.out`.

    Args:
        options: The options.
        config: Sizes of the network.

    Returns:
        The file of the finished network.

    Raises:
        InputError: a checkpoint of other options, no shards with whole frames, or held-out subjects among the others.
    """
    run = PictureTraining(options, config)
    path = run_training(run) / FILE
    with run.ema.applied(run.network):
        said = {**asdict(options), "out": "", "shards": "", "val_shards": ""}
        save_whole_picture(run.network, path, {"steps": run.step, "training": said})
    return path


class PictureTraining(TrainingRun):
    """A network with its optimiser, averaged weights and pictures."""

    network: WholePictureNetwork

    def __init__(self, options: PictureTrainOptions, config: WholePictureConfig | None = None):
        body, regressor = load_body(options.body), load_regressor()
        torch.manual_seed(options.seed)
        super().__init__(WholePictureNetwork(body, config, regressor), options)
        self.network.encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs
        self.options, self.weights = options, PictureLossWeights()
        self.pictures = Pictures(options.shards, body, options.photometric)
        self.held_out: list[PictureBatch] = []
        if options.val_shards:
            held_out = Pictures(options.val_shards, body, 0.0)
            refuse_shared_subjects(self.pictures.index, held_out.index)
            rows = np.linspace(0, len(held_out.frames) - 1, options.val_pictures).round().astype(int)
            frames = [held_out.frames[r] for r in rows]
            self.held_out = [held_out.batch([f], np.random.default_rng(i)) for i, f in enumerate(frames)]

    def losses(self, step: int) -> dict[str, Tensor]:
        o, network = self.options, self.network
        rng = np.random.default_rng(step_seed(o.seed, step))
        rows = [int(rng.choice(self._drawn(float(rng.random())))) for _ in range(o.batch)]
        batch = self.pictures.batch(rows, rng)
        images = batch.images.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            maps, heads = network.look(images, batch.camera)
        queried = queries_of(batch, maps)
        out = network.people(maps, heads, batch.camera, queried.cells, queried.valid)
        return picture_losses(out, queried, batch, network.neck.bins, network.skeleton, self.weights)

    def validate(self) -> dict[str, float]:
        with self.ema.applied(self.network):
            return validate(self.network, self.held_out)

    def _drawn(self, kind: float) -> list[int]:
        """The rows that a picture is drawn from; `kind`: a number from 0 to 1."""
        o, pictures = self.options, self.pictures
        if not pictures.crops or kind >= o.crop_share + o.composed_share:
            return pictures.frames
        return pictures.crops if kind < o.crop_share else [COMPOSED]
