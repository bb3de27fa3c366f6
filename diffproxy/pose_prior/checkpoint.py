"""Files of pose priors: safetensors with half-precision weights, the normaliser, and the sizes as JSON metadata."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Literal, get_args

import torch
from pydantic import Field
from torch import Tensor

from diffproxy.pose_prior.model import PosePrior
from diffproxy.pose_prior.network import NetConfig, TimeNet, WholeBodyNet
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.safetensors_file import write_safetensors
from diffproxy.utils.validation import Schema, validated

PACKAGED = "pose_diffusion.safetensors"
FORMAT = "diffproxy-pose-prior"
FIX = "fetch or train the prior again"
WIDEST = 16384  # of a network, which is built before its weights are compared
Part = Literal["body", "hand", "face", "correction"]
PARTS: tuple[Part, ...] = get_args(Part)


@checked
def save_prior(prior: PosePrior, path: Path, notes: dict[str, object] | None = None) -> None:
    """Write a prior with `notes` in its metadata; the same prior gives the same bytes."""
    nets = {k: getattr(prior.net, k) for k in PARTS}
    sizes = {k: asdict(net.config) for k, net in nets.items() if net is not None}
    tensors = {
        k: v.detach().cpu().to(torch.float16 if _is_weight(k) else torch.float32).contiguous()
        for k, v in prior.state_dict().items()
        if not k.endswith("sigmas") and k != "signs"
    }
    text = {"format": FORMAT, "version": 1, "name": prior.name, "nets": sizes}
    write_safetensors(path, tensors, {"prior": json.dumps({**text, **(notes or {})}, sort_keys=True)})


def _is_weight(name: str) -> bool:
    return name.startswith("net.") and ".linear." not in name


@checked
def load_prior(path: Path | str | None = None) -> PosePrior:
    """Load a pose prior.

    Args:
        path: .safetensors file of `save_prior`, the folder of a training, or one of published DPoser-X checkpoints;
            None: the packaged prior.

    Returns:
        The prior in evaluation mode, on the CPU, float32.

    Raises:
        InputError: another file.
    """
    if path is None:
        path = Path(str(files("diffproxy.pose_prior") / "weights" / PACKAGED))
    path = Path(path).expanduser()
    if (path / PACKAGED).is_file():
        path = path / PACKAGED
    if path.is_dir():
        from diffproxy.pose_prior.official import load_official

        return load_official(path)
    if not path.is_file():
        raise InputError(
            "a pose prior", f"no file at {path}", "write prior=diffusion, gaussian, none or a path"
        )
    sizes, name, tensors = _read(path)
    nets = {k: TimeNet(NetConfig(**v.model_dump())) for k, v in sizes.items()}
    net = WholeBodyNet(**{k: nets.get(k) for k in PARTS})  # type: ignore[arg-type]
    mean, std = tensors.pop("mean").float(), tensors.pop("std").float()
    if not (std > 0).all():
        raise InputError("standard deviations above 0", f"{path}: {float(std.min()):g}", FIX)
    prior = PosePrior(net, mean, std, name)
    computed = {k for k in prior.state_dict() if k.endswith("sigmas")} | {"signs", "mean", "std"}
    expected = {k: tuple(v.shape) for k, v in prior.state_dict().items() if k not in computed}
    found = {k: tuple(v.shape) for k, v in tensors.items()}
    if expected != found or mean.shape != (net.dim,) or std.shape != (net.dim,):
        odd = sorted(k for k in {*expected, *found} if expected.get(k) != found.get(k))
        raise InputError("weights that fit their sizes", f"{path}: {odd[:3]}", FIX)
    prior.load_state_dict({k: v.float() for k, v in tensors.items()}, strict=False)
    return prior.eval().requires_grad_(False)


class _Sizes(Schema):
    """Sizes of a network, as `NetConfig` has them."""

    dim: int = Field(ge=1, le=WIDEST)
    hidden: int = Field(1024, ge=32, le=WIDEST, multiple_of=32)
    embed: int = Field(512, ge=4, le=WIDEST, multiple_of=2)
    scaled: bool = True
    dropout: float = Field(0.1, ge=0, le=1)
    input: int = Field(0, ge=0, le=WIDEST)
    linear: bool = False


def _read(path: Path) -> tuple[dict[str, _Sizes], str, dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            text = json.loads((file.metadata() or {}).get("prior", "{}"))
            if not isinstance(text, dict) or (text.get("format"), text.get("version")) != (FORMAT, 1):
                raise InputError("a pose prior of version 1", f"{path}: {text}"[:200], "see docs/prior.md")
            tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
    except InputError:
        raise
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise InputError("a pose prior as safetensors", f"{path}: {error}", "see docs/prior.md") from error
    if missing := sorted({"mean", "std"} - {*tensors}):
        raise InputError(f"{' and '.join(missing)} in {path}", "none", FIX)
    if odd := [k for k, v in tensors.items() if not torch.isfinite(v).all()]:
        raise InputError(f"finite weights in {path}", f"NaN or infinite ones in {odd[0]}", FIX)
    nets = validated(dict[Part, _Sizes], text.get("nets"), f"nets of {path}", FIX)
    if "body" not in nets:
        raise InputError(f"the network of the body in {path}", ", ".join(nets) or "none", FIX)
    return nets, str(text.get("name", "")), tensors
