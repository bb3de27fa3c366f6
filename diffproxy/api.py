"""`diffproxy.fit_rig`: the command `fit` as a function, with results in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from jaxtyping import Float, Int

from diffproxy.cli import SHIPPED
from diffproxy.commands import fit_command, initial_guess, solved_cameras
from diffproxy.export import Result, load_result
from diffproxy.pipeline.fit_rig import run_fit
from diffproxy.pipeline.networks import Networks
from diffproxy.utils.annotations import shown_value
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.short_repr import short_repr

PLAIN = (str, Path, bool, int, float, np.bool_, np.integer, np.floating)
"""Types of the values of options."""


@dataclass(frozen=True)
class FrameFit:
    """The body of one frame; NaN in a frame without a body.

    Args:
        frame_id: Number of the frame.
        status: `ok`, `doubtful`, `one_view`, `filled`, `no_person` or `failed`.
        reason: Why the status is not `ok`.
        params: Arrays by SMPL-X name: betas, body_pose, global_orient, transl, ... (axis-angle radians, metres).
        vertices: (Nv, 3) metres, rig world.
        joints: (55, 3) metres, rig world.
        joint_std: (55,) one standard deviation of each joint's position, metres.
        joint_observed: (55,) support of each joint by pixels, 0 (none) to 1.
    """

    frame_id: int
    status: str
    reason: str
    params: dict[str, np.ndarray]
    vertices: Float[np.ndarray, "Nv 3"]
    joints: Float[np.ndarray, "55 3"]
    joint_std: Float[np.ndarray, "55"]
    joint_observed: Float[np.ndarray, "55"]

    __repr__ = short_repr


class FitResults(Sequence[FrameFit]):
    """The bodies of all frames: a sequence of `FrameFit`, and the same fields stacked over frames.

    Args:
        result: Content of result.npz, with vertices.
        folder: Where the command's files are.
    """

    def __init__(self, result: Result, folder: Path):
        self._result, self.folder = result, folder
        self.frame_ids, self.status, self.reason = result.frame_ids, result.status, result.reason
        self.params, self.joints = result.params, result.joints
        assert result.joint_observed is not None, "results of a fit state it"
        self.joint_std = result.joint_std
        self.joint_observed: Float[np.ndarray, "F 55"] = result.joint_observed
        self.joint_names, self.meta = result.joint_names, result.meta

    @property
    def vertices(self) -> Float[np.ndarray, "F Nv 3"]:
        """Metres, rig world."""
        assert self._result.vertices is not None
        return self._result.vertices

    @property
    def faces(self) -> Int[np.ndarray, "Nf 3"]:
        """Triangles of the body, the same in all frames."""
        assert self._result.faces is not None
        return self._result.faces

    def __repr__(self) -> str:
        counts = Counter(map(str, self.status))
        said = ", ".join(f"{count} {status}" for status, count in counts.most_common())
        return f"FitResults({len(self)} frame{'s' * (len(self) != 1)}: {said}; folder={str(self.folder)!r})"

    def __len__(self) -> int:
        return len(self.frame_ids)

    @overload
    def __getitem__(self, index: int) -> FrameFit: ...
    @overload
    def __getitem__(self, index: slice) -> list[FrameFit]: ...
    def __getitem__(self, index: int | slice) -> FrameFit | list[FrameFit]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        i = range(len(self))[index]
        return FrameFit(
            int(self.frame_ids[i]),
            str(self.status[i]),
            str(self.reason[i]) if self.reason is not None else "",
            {name: values[i] for name, values in self.params.items()},
            self.vertices[i],
            self.joints[i],
            self.joint_std[i],
            self.joint_observed[i],
        )


@checked
def fit_rig(
    rig: str | Path = "synthetic",
    *,
    frames: str | int | Sequence[int] = "all",
    out: str | Path = "out/fit",
    pipe: Any | None = None,
    detector: Any | None = None,
    **options: Any,
) -> FitResults:
    """Fit SMPL-X bodies to the images of a calibrated rig.

    The same as the command `diffproxy fit`: the files of `out` are written too, and a second call with the same
    options resumes there.

    Args:
        rig: `synthetic` (the example rig), `pose2sim`, or a folder with a calibration and images/ or videos/.
        frames: Frame numbers: one, several, or text such as `0:100:10`.
        out: Folder of the results.
        pipe: Generator to use instead of the one that `generator=` names.
        detector: Person detector to use instead of the packaged one.
        **options: Any option of `diffproxy fit --help`: `hands=False`, `save={"mesh": "none"}`.

    Returns:
        The bodies of all frames, in rising order of their numbers.

    Raises:
        InputError: a rig, an option or a value that does not fit.
    """
    given = {"rig": rig, "frames": frames, "out": out, "save": {}, **options}
    if not isinstance(given["save"], Mapping):
        raise InputError("save as a dict", f"save={given['save']}", 'write save={"mesh": "none"}')
    if pipe is not None and not (callable(pipe) and hasattr(pipe, "network")):
        raise InputError(
            "a pipeline such as DiffProxyPipeline", shown_value(pipe), "see docs/usage.md#from-python"
        )
    if detector is not None and not hasattr(detector, "locate"):
        raise InputError("a detector with `locate`", shown_value(detector), "see docs/usage.md#from-python")
    save = {"vertices": True, **given["save"]}
    networks = Networks(pipe, detector)
    with _cpu_by_default():
        asked = solved_cameras(fit_command().compose([*_words({**given, "save": save})]), networks)
        folder = run_fit(asked, SHIPPED, replace(networks, guess=initial_guess(asked)))
    return FitResults(load_result(folder / "result.npz"), folder)


def _cpu_by_default() -> AbstractContextManager[Any]:
    """For tensors made without a device: bodies are fitted on the CPU, whatever default the caller has set."""
    if torch.get_default_device().type == "cpu":  # the context would slow every function of torch down
        return nullcontext()
    return torch.device("cpu")


def _words(options: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Options as command-line words."""
    out = []
    for name, value in options.items():
        if isinstance(value, Mapping):
            out += _words(value, f"{prefix}{name}.")
        else:
            out.append(f"{prefix}{name}={_text(prefix + name, value)}")
    return out


def _text(name: str, value: Any) -> str:
    if isinstance(value, range) and value.step > 0:
        return f"{value.start}:{value.stop}:{value.step}"
    items = value if isinstance(value, list | tuple | range) else [value]
    if not items or not all(isinstance(item, PLAIN) for item in items):
        found = "nothing" if items is value and not items else shown_value(value)
        raise InputError(
            f"{name} as text, a number, or a list of these", found, "write it as on the command line"
        )
    return ",".join(str(item).lower() if isinstance(item, bool | np.bool_) else str(item) for item in items)
