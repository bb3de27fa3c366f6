"""The annotations of the public functions as pydantic takes them, and in words.

Added to pydantic's own rules: arrays with jaxtyping's shapes and dtypes, from lists and tensors where nothing is lost;
numpy's numbers as Python's; 1-D arrays as lists. Classes and protocols are compared as they are, sequences of any class
are kept, and text is never split or parsed.
"""

from __future__ import annotations

import reprlib
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import numpy as np
from pydantic import BeforeValidator, PlainValidator, Strict, WrapValidator

UNIONS = (Union, types.UnionType)
WHOLE_AS: dict[str, Any] = {
    "Float": np.float64,
    "Int": np.int64,
    "Int64": np.int64,
    "UInt8": np.uint8,
    "Bool": bool,
}
"""What whole numbers become; for floats unsigned ones are refused: they are colours more often than lengths."""


def is_array(hint: Any) -> bool:
    """Whether it is one of jaxtyping's."""
    return isinstance(hint, type) and hasattr(hint, "dim_str")


def _is_numpy(hint: Any) -> bool:
    return hint is np.ndarray or (is_array(hint) and hint.array_type is np.ndarray)


def as_pydantic_takes_it(hint: Any) -> Any:
    """An annotation of a public function as one of pydantic's."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in UNIONS:  # first what needs no conversion
        return Union[tuple(map(as_pydantic_takes_it, sorted(args, key=_is_numpy)))]  # noqa: UP007
    if origin is Sequence:
        return Annotated[list[as_pydantic_takes_it(args[0])], WrapValidator(_sequence)]  # type: ignore[misc]
    if origin in (list, tuple):
        inner = tuple(h if h is Ellipsis else as_pydantic_takes_it(h) for h in args)
        return Annotated[origin[inner], BeforeValidator(_listed)]
    if origin in (dict, Mapping):
        return dict[tuple(map(as_pydantic_takes_it, args))]  # type: ignore[misc]
    if origin is Iterable:
        return Annotated[Any, PlainValidator(_iterable)]
    if _is_numpy(hint):
        return Annotated[Any, PlainValidator(partial(_array, hint))]
    if hint in (bool, int, float, str):
        return Annotated[hint, Strict(), BeforeValidator(_python_number)]
    if getattr(hint, "_is_protocol", False) and origin is None and hint is not Callable:
        return Annotated[Any, PlainValidator(partial(_like, _members(hint)))]
    if isinstance(hint, type) and hint not in (object, Any, Path, type(None), Callable):
        return Annotated[Any, PlainValidator(partial(_instance, hint))]
    return hint


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


def _python_number(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _iterable(value: Any) -> Any:
    """Something to go through once, such as a generator, which a look would use up; not a text."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise ValueError
    return value


def _listed(value: Any) -> Any:
    if isinstance(value, Mapping | set | frozenset) or getattr(value, "ndim", 1) == 0:
        raise ValueError
    return value.tolist() if getattr(value, "ndim", 0) == 1 else list(_iterable(value))


def _sequence(value: Any, check: Callable[[list], list]) -> Any:
    if isinstance(value, range):
        check([value.start])
        return value  # whatever its length
    items = _listed(value)
    found = check(items)
    is_same = isinstance(value, Sequence) and all(a is b for a, b in zip(items, found, strict=True))
    return value if is_same else found


def _instance(kind: type, value: Any) -> Any:
    """Without a look at the fields of dataclasses, which pydantic would want to understand."""
    if not isinstance(value, kind):
        raise ValueError
    return value


def _members(protocol: type) -> list[str]:
    bases = [base for base in protocol.__mro__ if getattr(base, "_is_protocol", False)]
    return [name for base in bases for name in vars(base) if not name.startswith("_")]


def _like(members: Sequence[str], value: Any) -> Any:
    """isinstance of a protocol would not find the buffers of torch modules."""
    if not all(hasattr(value, name) for name in members):
        raise ValueError
    return value


def _array(hint: Any, value: Any) -> Any:
    """Numbers of any kind as an array; whole ones as floats, bytes or masks where the annotation wants these."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    if not (isinstance(value, list | tuple | range) or hasattr(value, "__array__")):
        raise ValueError
    array = np.asarray(value)
    if array.dtype.kind == "O":
        raise ValueError
    if isinstance(array, hint):
        return array
    wanted = getattr(hint.dtype, "__name__", "")
    is_empty = isinstance(value, list | tuple) and not array.size  # numpy makes floats of an empty list
    if wanted in WHOLE_AS and (is_empty or array.dtype.kind in ("i" if wanted == "Float" else "iu")):
        cast = array.astype(WHOLE_AS[wanted])
        if (wanted == "Bool" or (cast == array).all()) and isinstance(cast, hint):
            return cast
    raise ValueError
