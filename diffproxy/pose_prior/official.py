"""Reader of published DPoser-X checkpoints (PyTorch Lightning files) that unpickles tensors only.

A folder laid out as published: `body/**/*.ckpt`, `hand/**/*.ckpt`, for the whole-body model `wholebody/**/*.ckpt`,
and the normalisers `body_normalizer/axis_normalize2.pt` and `hand_normalizer/axis_normalize2.pt` (in their
repository under data/). The averaged weights are used. Source: moonbow721/DPoser-X, MIT.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from diffproxy.pose_prior.model import PosePrior
from diffproxy.pose_prior.network import BODY, HAND, NetConfig, TimeNet, WholeBodyNet
from diffproxy.utils.errors import InputError

FIX = "lay the folder out as docs/prior.md says"


def load_official(folder: Path) -> PosePrior:
    """Load published checkpoints.

    Args:
        folder: The folder.

    Returns:
        The whole-body model if it is there, else body and hand, else the body alone.

    Raises:
        InputError: missing or unexpected files.
    """
    whole, body, hand = (_find(folder, f"{k}/**/*.ckpt") for k in ("wholebody", "body", "hand"))
    if whole is not None:
        net = _wholebody(whole)
    elif body is not None:
        net = WholeBodyNet(_base(body, BODY), None if hand is None else _base(hand, HAND))
    else:
        raise InputError("body/**/*.ckpt or wholebody/**/*.ckpt", f"neither in {folder}", FIX)
    moments = [_normaliser(folder, "body", BODY)]
    if net.hand is not None:
        moments += [_normaliser(folder, "hand", HAND)] * 2
    mean, std = (torch.cat(column) for column in zip(*moments, strict=True))
    return PosePrior(net, mean, std, f"DPoser-X ({folder.name})").eval().requires_grad_(False)


def _find(folder: Path, pattern: str) -> Path | None:
    found = sorted(folder.glob(f"**/{pattern}"))
    return found[0] if found else None


def _read(path: Path) -> dict[str, Any]:
    try:
        data = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise InputError(
            "a file of tensors",
            f"{path}: {str(error).splitlines()[0]}",
            "in a machine you can lose, save only its 'state_dict' and 'model_ema' again",
        ) from error
    if not isinstance(data, dict):
        raise InputError("a dictionary of tensors", f"{path}: {type(data).__name__}", FIX)
    return data


def _weights(path: Path) -> tuple[dict[str, Tensor], list[Tensor]]:
    """Tensors of the network (prefix `model.` removed) and the averaged ones; body models inside are left out."""
    data = _read(path)
    if "state_dict" not in data:
        raise InputError("'state_dict' in a checkpoint", f"{path}: {sorted(data)[:5]}", FIX)
    state = {k[len("model.") :]: v for k, v in data["state_dict"].items() if k.startswith("model.")}
    return state, list(data.get("model_ema", {}).get("shadow_params", []))


def _make(state: dict[str, Tensor], path: Path) -> TimeNet:
    """A network with the sizes of its tensors."""
    try:
        hidden, given = state["pre_dense.weight"].shape
        config = NetConfig(
            len(state["post_dense.bias"]), hidden, state["pre_dense_t.weight"].shape[1], input=given
        )
        net = TimeNet(config)
        net.load_state_dict(state)
    except (KeyError, RuntimeError) as error:
        raise InputError("the layers of a DPoser-X network", f"{path}: {str(error)[:200]}", FIX) from error
    return net


def _average(parameters: list[nn.Parameter], shadow: list[Tensor], path: Path) -> None:
    """Load averaged weights, a list in the order of the parameters."""
    if not shadow:
        return
    if [p.shape for p in parameters] != [s.shape for s in shadow]:
        raise InputError(
            f"{len(parameters)} averaged tensors of known shapes", f"{path}: {len(shadow)} others", FIX
        )
    with torch.no_grad():
        for p, s in zip(parameters, shadow, strict=True):
            p.copy_(s)


def _base(path: Path, dim: int) -> TimeNet:
    state, shadow = _weights(path)
    net = _make(state, path)
    if (net.config.dim, net.config.input) != (dim, dim):
        raise InputError(f"a network of {dim} values (axis-angle)", f"{path}: {net.config.dim}", FIX)
    _average(list(net.parameters()), shadow, path)
    return net


def _wholebody(path: Path) -> WholeBodyNet:
    state, shadow = _weights(path)

    def under(prefix: str) -> dict[str, Tensor]:
        return {k[len(prefix) :]: v for k, v in state.items() if k.startswith(prefix)}

    parts = [_make(under(f"base_model.{k}_model."), path) for k in ("body", "hand", "face")]
    correction = _make(under("mask_fc."), path)
    net = WholeBodyNet(parts[0], parts[1], parts[2], correction)
    dims = [p.config.dim for p in parts]
    total = dims[0] + 2 * dims[1] + dims[2]
    if dims[:2] != [BODY, HAND] or correction.config.dim != total:
        raise InputError(
            f"parts of {BODY}, {HAND} and a face", f"{path}: {dims} in {correction.config.dim}", FIX
        )
    net.output.load_state_dict(under("output_linear."))
    _average([*correction.parameters(), *net.output.parameters()], shadow, path)
    return net


def _normaliser(folder: Path, part: str, dim: int) -> tuple[Tensor, Tensor]:
    path = _find(folder, f"{part}_normalizer/axis_normalize2.pt")
    if path is None:
        raise InputError(f"{part}_normalizer/axis_normalize2.pt", f"none in {folder}", FIX)
    data = _read(path)
    try:
        mean, std = (torch.as_tensor(data[k]).float().flatten() for k in ("mean_poses", "std_poses"))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("mean_poses and std_poses", f"{path}: {error}", FIX) from error
    if mean.shape != (dim,) or std.shape != (dim,) or not bool((std > 0).all()):
        raise InputError(f"{dim} means and deviations", f"{path}: {tuple(mean.shape)}", FIX)
    return mean, std
