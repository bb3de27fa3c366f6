"""Fits that are computed once in a session, for tests of what surrounds a fit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from copy import deepcopy
from dataclasses import is_dataclass
from typing import Any

import numpy as np
from torch import Tensor

from diffproxy.body import BodyModel
from diffproxy.fitting import FitResult


class RememberedFits:
    """Stands in for `fitting.fit`: the same arguments, to the last bit, give the result that they gave before.

    The first arguments that come back are computed again all the same, and must give the same body.
    """

    def __init__(self, fit: Callable[..., FitResult]):
        self.fit, self.results, self.is_compared = fit, {}, False

    def __call__(self, *args: Any, **more: Any) -> FitResult:
        digest = hashlib.sha256()
        _add(digest, [args, more])
        key = digest.digest()
        if key not in self.results:
            self.results[key] = self.fit(*args, **more)
        elif not self.is_compared:
            self.is_compared = True
            again, before = self.fit(*args, **more), self.results[key]
            assert np.array_equal(again.joints, before.joints) and again.status == before.status
            assert all(np.array_equal(v, getattr(before.params, k)) for k, v in vars(again.params).items())
        return deepcopy(self.results[key])


def _add(digest: Any, value: Any) -> None:
    """Add the content of an argument to a hash."""
    if isinstance(value, Tensor):
        value = value.numpy(force=True)
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype}{value.shape}".encode() + value.tobytes())
    elif isinstance(value, BodyModel):
        _add(digest, [value.topology_id, value.v_template, value.joint_template])
    elif is_dataclass(value):
        _add(digest, vars(value))
    elif isinstance(value, dict):
        _add(digest, list(value.items()))
    elif isinstance(value, list | tuple):
        digest.update(f"[{len(value)}".encode())
        for part in value:
            _add(digest, part)
    else:
        digest.update(f"{value!r},".encode())
