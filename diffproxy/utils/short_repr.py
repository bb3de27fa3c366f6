"""`repr` of dataclasses that hold arrays: shapes instead of thousands of numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from itertools import islice
from typing import Any

FEW_NUMBERS = 9
"""Arrays of no more numbers are written out: a point, a 3 x 3 matrix."""
FEW_ITEMS = 4
LONGEST_TEXT = 80


def short_repr(self: Any) -> str:
    """One line for a dataclass; write `__repr__ = short_repr` into its body.

    Arrays and tensors appear as type and shape, small ones as numbers of four digits. Of long lists and mappings the
    first items are named, of a list of dataclasses only how many there are.
    """
    shown = (f"{f.name}={_summary(getattr(self, f.name))}" for f in fields(self) if f.repr)
    return f"{type(self).__name__}({', '.join(shown)})"


def _summary(value: Any) -> str:
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        if math.prod(value.shape) <= FEW_NUMBERS:
            return _numbers(value.tolist())
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    if isinstance(value, str):
        return repr(value if len(value) <= LONGEST_TEXT else f"{value[: LONGEST_TEXT - 3]}...")
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return "{" + _first((f"{name}: {_summary(item)}" for name, item in value.items()), len(value)) + "}"
    if isinstance(value, list | tuple):
        kinds = {type(item) for item in value}
        if len(kinds) == 1 and is_dataclass(kind := kinds.pop()):
            return f"[{len(value)} {kind.__name__}]"
        return "[" + _first(map(_summary, value), len(value)) + "]"
    return repr(value)


def _numbers(value: Any) -> str:
    return f"[{', '.join(map(_numbers, value))}]" if isinstance(value, list) else _summary(value)


def _first(items: Iterable[str], count: int) -> str:
    more = (f"... {count - FEW_ITEMS} more",) if count > FEW_ITEMS else ()
    return ", ".join((*islice(items, FEW_ITEMS), *more))
