"""Whether a value fits an annotation, and as what: the checks of `checked`.

Converted where nothing is lost: lists and tensors to numpy, whole numbers to floats, numpy's numbers to Python's, lists
to tuples, text to paths. Everything else that does not fit is refused. Ranges of values are not looked at.
"""

from __future__ import annotations

import collections.abc
import reprlib
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np

Check = Callable[[Any], Any]
"""The value as its annotation wants it; `Unfit` where it is something else."""
UNIONS = (Union, types.UnionType)
LISTS = (tuple, list, collections.abc.Sequence)


class Unfit(Exception):
    """A value that its annotation does not allow."""


def resolved(annotation: Any, names: dict[str, Any]) -> Any:
    """An annotation that may be text; `Any` where it names what is imported for type checkers alone."""
    try:
        return eval(annotation, names) if isinstance(annotation, str) else annotation
    except NameError:
        return Any


def is_array(hint: Any) -> bool:
    """Whether it is one of jaxtyping's."""
    return isinstance(hint, type) and hasattr(hint, "dim_str")


def check_of(hint: Any) -> Check | None:
    """The check of an annotation; None where anything will do."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in UNIONS:
        checks = [check_of(h) for h in args]
        known = [c for c in checks if c is not None]
        return partial(_any_of, known) if len(known) == len(checks) else None
    if origin is Literal:
        return partial(_choice, args)
    if origin in LISTS:
        each = [check_of(h) for h in args if h is not Ellipsis]
        return partial(_items, origin, each, origin is tuple and Ellipsis not in args)
    if origin is collections.abc.Iterable:
        return _several
    if origin in (dict, collections.abc.Mapping):
        return partial(_mapping, check_of(args[1]))
    if is_array(hint):
        return partial(_array if hint.array_type is np.ndarray else _instance, hint)
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    if isinstance(hint, type) and hint not in (object, Any):
        is_protocol = getattr(hint, "_is_protocol", False)
        return partial(_like, _members(hint)) if is_protocol else partial(_instance, hint)
    return None


def shown_hint(hint: Any) -> str:
    """An annotation in words."""
    if is_array(hint):
        kind = "array" if hint.array_type is np.ndarray else "torch tensor"
        return f"{hint.dtype.__name__} {kind} of shape ({', '.join(hint.dim_str.split())})"
    if get_origin(hint) in UNIONS:
        return " or ".join(map(shown_hint, get_args(hint)))
    if hint is type(None):
        return "None"
    return hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")


def shown_value(value: Any) -> str:
    """What a value is, in a few words."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        library = type(value).__module__.partition(".")[0]
        return f"{library} array of {str(value.dtype).removeprefix('torch.')}, shape {tuple(value.shape)}"
    if value is None or isinstance(value, bool | int | float | str):
        return reprlib.repr(value)
    return f"a {type(value).__name__}"


def _instance(kind: Any, value: Any) -> Any:
    if not isinstance(value, kind):
        raise Unfit
    return value


def _members(protocol: type) -> list[str]:
    bases = [base for base in protocol.__mro__ if getattr(base, "_is_protocol", False)]
    return [name for base in bases for name in vars(base) if not name.startswith("_")]


def _like(members: Sequence[str], value: Any) -> Any:
    if not all(hasattr(value, name) for name in members):
        raise Unfit
    return value


def _choice(allowed: tuple[Any, ...], value: Any) -> Any:
    if not (isinstance(value, str | int) and value in allowed):
        raise Unfit
    return value


def _any_of(checks: Sequence[Check], value: Any) -> Any:
    fits = []
    for check in checks:
        try:
            fits.append(check(value))
        except Unfit:
            continue
        if fits[-1] is value:  # as it is, before anything that it would be converted to
            return value
    if not fits:
        raise Unfit
    return fits[0]


def _several(value: Any) -> Any:
    """Something to go through once, such as a generator, which a look would use up; not a text."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise Unfit
    return value


def _items(origin: Any, checks: Sequence[Check | None], fixed: bool, value: Any) -> Any:
    if isinstance(value, Mapping | set | frozenset) or getattr(value, "ndim", 1) == 0:
        raise Unfit
    if isinstance(value, range) and origin is collections.abc.Sequence:
        for check in filter(None, checks):
            check(value.start)
        return value  # whatever its length
    items = value.tolist() if getattr(value, "ndim", 0) == 1 else list(_several(value))
    each = checks if fixed else list(checks) * len(items)
    if len(each) != len(items) and checks:
        raise Unfit
    fit = [item if check is None else check(item) for item, check in zip(items, each, strict=False)] or items
    is_one = isinstance(value, Sequence if origin is collections.abc.Sequence else origin)
    if is_one and all(a is b for a, b in zip(items, fit, strict=True)):
        return value
    return tuple(fit) if origin is tuple else fit


def _mapping(check: Check | None, value: Any) -> Any:
    """Values are checked; a mapping of some type of its own stays what it is where they fit."""
    fit = {k: v if check is None else check(v) for k, v in _instance(Mapping, value).items()}
    return value if all(fit[k] is value[k] for k in fit) else fit


def _array(hint: Any, value: Any) -> Any:
    array = _numbers(value)
    wanted, kind = hint.dtype.__name__, array.dtype.kind
    if array.size == 0 and isinstance(value, list | tuple):
        kind = "i"  # numpy makes floats of an empty list
    if wanted == "Float" and kind == "i":
        array = array.astype(np.float64)
    elif wanted in ("Int", "Int64") and kind in "iu":
        array = array.astype(np.int64) if wanted == "Int64" or array.dtype.kind != "i" else array
    elif wanted == "UInt8" and kind in "iu" and (array == array.astype(np.uint8)).all():
        array = array.astype(np.uint8)
    elif wanted == "Bool" and kind in "iu":
        array = array != 0
    return _instance(hint, array)


def _numbers(value: Any) -> np.ndarray:
    """A list, or the numbers of a tensor, as an array; arrays as they are."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    if not (isinstance(value, np.ndarray | np.generic | list | tuple | range) or hasattr(value, "__array__")):
        raise Unfit
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        raise Unfit from None
    if array.dtype.kind == "O":
        raise Unfit
    return array


def _path(value: Any) -> Any:
    return Path(value) if isinstance(value, str) else _instance(Path, value)


def _bool(value: Any) -> Any:
    return value if isinstance(value, bool) else bool(_instance(np.bool_, value))


def _int(value: Any) -> Any:
    if isinstance(value, bool):
        raise Unfit
    return value if isinstance(value, int) else int(_instance(np.integer, value))


def _float(value: Any) -> Any:
    if isinstance(value, bool):
        raise Unfit
    return value if isinstance(value, int | float) else float(_instance(np.integer | np.floating, value))


def _callable(value: Any) -> Any:
    if not callable(value):
        raise Unfit
    return value


_SIMPLE: dict[Any, Check] = {
    Path: _path, bool: _bool, int: _int, float: _float, np.ndarray: _numbers, Callable: _callable,
}  # fmt: skip
