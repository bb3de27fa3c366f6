"""Training of the pose prior: noise prediction on poses, exact resume, averaged weights, held-out curve."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from diffproxy.pose_prior import sde
from diffproxy.pose_prior.checkpoint import PACKAGED, save_prior
from diffproxy.pose_prior.data import Poses, collect
from diffproxy.pose_prior.evaluate import denoising_errors
from diffproxy.pose_prior.model import PosePrior
from diffproxy.pose_prior.network import BODY, HAND, NetConfig, TimeNet, WholeBodyNet
from diffproxy.pose_prior.options import PriorTrainOptions
from diffproxy.utils.begun_options import keep_finished, require_same
from diffproxy.utils.bounded_arrays import read_npz
from diffproxy.utils.checkpoint import read_state, write_state
from diffproxy.utils.digests import fingerprint
from diffproxy.utils.ema import EMA
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import atomic_path, make_folder, to_json, write_atomic
from diffproxy.utils.one_writer import OneWriter

log = logging.getLogger(__name__)

SPLITS = ("train", "test")
MEASURED, PROBED, REPORTED = 20000, 2000, 6000
"""Poses from which moments are taken, the curve and the final table are made."""


def train(config: PriorTrainOptions) -> Path:
    """Train, or resume from the last checkpoint in `config.out`.

    Args:
        config: The options.

    Returns:
        The file of the finished prior.

    Raises:
        InputError: a checkpoint of other options.
    """
    out = make_folder(Path(config.out).expanduser())
    writer = OneWriter(out)
    poses = _poses(config, out)
    prior = new_prior(config, poses["train"])
    run = _Run(config, prior, poses, out)
    run.resume()
    run.go()
    path = out / PACKAGED
    averaged = run.averaged()
    save_prior(averaged, path, {"training": asdict(config) | {"motion": Path(config.motion).name, "out": ""}})
    rng = np.random.default_rng(1)
    draws = {k: p.draw(rng, REPORTED) for k, p in poses.items()}
    report = {"steps": run.step, "denoising": denoising_errors(averaged, draws["train"], draws["test"])}
    write_atomic(out / "report.json", to_json({**report, "curve": run.curve}))
    writer.release()
    return path


def new_prior(config: PriorTrainOptions, poses: Poses) -> PosePrior:
    """Untrained networks, and the normaliser of these poses."""
    torch.manual_seed(config.seed)
    net = WholeBodyNet(
        TimeNet(NetConfig(BODY, config.hidden, config.embed, False, config.dropout, linear=True)),
        TimeNet(NetConfig(HAND, config.hand_hidden, config.hand_embed, False, config.dropout, linear=True)),
    )
    prior = PosePrior(net, torch.zeros(net.dim), torch.ones(net.dim), "diffproxy")
    x = prior.normalise(torch.as_tensor(poses.draw(np.random.default_rng(config.seed), MEASURED)))
    hands = x[:, BODY:].reshape(-1, HAND)  # both sides as right hands
    mean = torch.cat([x[:, :BODY].mean(0), hands.mean(0), hands.mean(0)])
    std = torch.cat([x[:, :BODY].std(0), hands.std(0), hands.std(0)])
    prior.mean.copy_(mean)
    prior.std.copy_((std.square() + config.limb_width**2).sqrt())
    x = (x - prior.mean) / prior.std
    widen = (jitters(config) / prior.std).square()
    for part, known, wide in ((net.body, x[:, :BODY], widen[:BODY]), (net.hand, x[:, BODY:], widen[BODY:])):
        if part is None or part.linear is None:
            continue
        known = known.reshape(-1, part.config.dim)
        part.linear.set(known.mean(0), torch.cov(known.T) + torch.diag(wide[: part.config.dim]))
    return prior


def jitters(config: PriorTrainOptions) -> Tensor:
    """Standard deviation of the training noise of each of the 153 values, radians."""
    return torch.tensor([config.jitter] * BODY + [config.hand_jitter] * (2 * HAND))


class _Run:
    def __init__(self, config: PriorTrainOptions, prior: PosePrior, poses: dict[str, Poses], out: Path):
        self.config, self.prior, self.poses, self.out = config, prior, poses, out
        self.jitter = jitters(config)
        self.optimizer = torch.optim.AdamW(prior.net.parameters(), lr=config.lr, weight_decay=0.01)
        self.ema = EMA(prior.net, config.ema)
        self.step = 0
        self.curve: list[dict[str, float]] = []
        self.file = out / "checkpoint.pt"
        self.probe = torch.as_tensor(poses["test"].draw(np.random.default_rng(7), PROBED))

    def go(self) -> None:
        began, total = time.monotonic(), 0.0
        self.prior.train()
        bar = tqdm(
            range(self.step, self.config.steps), initial=self.step, total=self.config.steps, desc="prior"
        )
        for k in bar:
            loss = self._update(k)
            total += float(loss)
            self.step = k + 1
            last = self.step == self.config.steps
            late = self.config.time_limit_min and time.monotonic() - began > 60 * self.config.time_limit_min
            if self.step % self.config.save_every == 0 or last or late:
                self.curve.append(
                    {
                        "step": self.step,
                        "train": round(total / (k % self.config.save_every + 1), 5),
                        **self.probed(),
                    }
                )
                total = 0.0
                bar.set_postfix(self.curve[-1])
                self.save()
            if late:
                break

    def _update(self, k: int) -> Tensor:
        """One step; all random numbers follow from the seed and k, so a resumed run repeats it."""
        c = self.config
        rng = np.random.default_rng([c.seed, k])
        torch.manual_seed(int(rng.integers(2**31)))
        pose = torch.as_tensor(self.poses["train"].draw(rng, c.batch))
        x0 = self.prior.normalise(pose + self.jitter * torch.randn_like(pose))
        u = torch.rand(c.batch)
        low = torch.rand(c.batch) < c.low_times
        t = torch.where(low, 0.5 * u, u).clamp_min(sde.T_MIN)
        z = torch.randn_like(x0)
        warm = min(1.0, (k + 1) / max(c.warmup_steps, 1))
        for group in self.optimizer.param_groups:
            group["lr"] = float(c.lr * warm * (0.5 + 0.5 * np.cos(np.pi * k / c.steps)))
        loss = (self.prior.net(sde.diffuse(x0, t, z), t) - z).square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.prior.net.parameters(), 1.0)
        self.optimizer.step()
        self.ema.update(self.prior.net)
        return loss.detach()

    def averaged(self) -> PosePrior:
        """A copy with the averaged weights, in evaluation mode."""
        p = self.prior
        net = WholeBodyNet(*(None if n is None else TimeNet(n.config) for n in (p.net.body, p.net.hand)))  # type: ignore[arg-type]
        net.load_state_dict({**p.net.state_dict(), **self.ema.shadow})
        return PosePrior(net, p.mean.clone(), p.std.clone(), p.name).eval().requires_grad_(False)

    @torch.no_grad()
    def probed(self) -> dict[str, float]:
        """Held-out noise prediction of the averaged weights at two times that the fitter uses."""
        prior, out = self.averaged(), {}
        x0 = prior.normalise(self.probe)
        z = torch.randn(x0.shape, generator=torch.Generator().manual_seed(3))
        for time_ in (0.15, 0.35):
            t = torch.full((len(x0),), time_)
            error = (prior.net(sde.diffuse(x0, t, z), t) - z).square()
            out[f"body t={time_}"] = round(float(error[:, :BODY].mean()), 5)
            out[f"hands t={time_}"] = round(float(error[:, BODY:].mean()), 5)
        return out

    def save(self) -> None:
        state = {
            "config": json.dumps(_fixed(self.config)),
            "step": self.step,
            "net": self.prior.net.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "curve": json.dumps(self.curve),
        }
        write_state(self.file, state)

    def resume(self) -> None:
        keep_finished([self.out / PACKAGED], self.file.exists())
        if not self.file.exists():
            return
        state = read_state(self.file, ("config", "step", "net", "ema", "optimizer", "curve"))
        what = f"the options with which the run in {self.out} was begun"
        require_same(json.loads(state["config"]), _fixed(self.config), what)
        self.prior.net.load_state_dict(state["net"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.curve = int(state["step"]), json.loads(state["curve"])
        log.info("going on after step %d", self.step)


def _fixed(config: PriorTrainOptions) -> dict[str, object]:
    """Options that must be the same in a run and its continuation."""
    free = ("out", "motion", "time_limit_min", "save_every")
    return {f.name: getattr(config, f.name) for f in fields(config) if f.name not in free}


def _poses(config: PriorTrainOptions, out: Path) -> dict[str, Poses]:
    """The collected poses, cached in `out` for resuming. InputError where they were collected from other files."""
    file, names = out / "poses.npz", ("body", "weight", "hand", "paired")
    motion = Path(config.motion).expanduser()
    sizes = {str(p.relative_to(motion)): p.stat().st_size for p in motion.rglob("*") if p.is_file()}
    source = fingerprint({"seed": config.seed, "files": sizes})
    if file.exists():
        data = read_npz(file, "collected poses")
        if missing := sorted({f"{s}_{n}" for s in SPLITS for n in names} - data.keys()):
            raise InputError(
                f"{missing[0]} in {file}", ", ".join(data)[:100], "remove it, or choose another out=DIR"
            )
        if str(data.get("source", "")) != source:
            raise InputError(
                f"the motion files and the seed that {file} was collected with",
                f"others in motion={config.motion} seed={config.seed}",
                "give these, or choose another out=DIR",
            )
        return {s: Poses(*(data[f"{s}_{n}"] for n in names)) for s in SPLITS}
    poses = collect(motion, config.seed)
    with atomic_path(file) as temporary, temporary.open("wb") as stream:
        arrays = {f"{s}_{n}": getattr(p, n) for s, p in poses.items() for n in names}
        np.savez(stream, **arrays, source=np.array(source))
    return poses
