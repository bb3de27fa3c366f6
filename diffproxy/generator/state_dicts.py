"""State dicts into modules, with errors that name what does not fit."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from diffproxy.utils.errors import InputError


def load_strictly(module: nn.Module, state: dict[str, Tensor], what: str) -> None:
    """`load_state_dict`, strict, with an error that names the first differences.

    Tensors of the module, which may be on the meta device, are replaced by copies of those in `state`, and `state` is
    emptied meanwhile: of a large part only the pages of its file are in memory besides.
    """
    own = module.state_dict()
    check_fit(
        own, state, f"{what} that fit its config.json", "use the config.json the weights were saved with"
    )
    copies = {name: state.pop(name).to(tensor.dtype, copy=True) for name, tensor in own.items()}
    module.load_state_dict(copies, assign=True)


def check_fit(own: Mapping[str, Tensor], state: Mapping[str, Tensor], what: str, fix: str) -> None:
    """InputError unless `state` has the names and shapes of `own`."""
    missing, extra = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    shapes = [k for k in own.keys() & state.keys() if own[k].shape != state[k].shape]
    for problem, names in (("missing", missing), ("unknown", extra), ("of another shape", sorted(shapes))):
        if names:
            raise InputError(f"weights of {what}", f"{len(names)} tensors {problem}, e.g. {names[0]}", fix)
