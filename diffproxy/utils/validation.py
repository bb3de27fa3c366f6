"""The content of JSON files against a schema: pydantic checks, its errors become ours."""

from __future__ import annotations

from functools import cache, partial
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from diffproxy.utils.errors import InputError

Number = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e12, le=1e12)]
"""A finite number of a size that physical quantities and pixels have."""
Size = Annotated[int, Field(ge=1, le=32_767)]
"""Width or height of an image, pixels; 640.0 counts, 640.5 does not."""


def array_of(shape: tuple[int, ...], value: Any) -> np.ndarray:
    """Finite numbers, however they are nested, in float64 of `shape` (-1: any number). ValueError for anything else."""
    try:
        array = np.array(value, dtype=np.float64).reshape(shape)
    except (TypeError, ValueError, OverflowError):
        array = np.array(np.nan)
    if not np.isfinite(array).all():
        raise ValueError(f"{' x '.join('n' if k < 0 else str(k) for k in shape)} finite numbers")
    return array


Vector = Annotated[np.ndarray, BeforeValidator(partial(array_of, (3,)))]
"""(3,) float64, however the numbers are nested."""
Matrix = Annotated[np.ndarray, BeforeValidator(partial(array_of, (3, 3)))]
"""(3, 3) float64, from rows or from nine numbers in a row."""

Numbers = Annotated[np.ndarray, BeforeValidator(partial(array_of, (-1,)))]
"""(n,) float64."""


class Schema(BaseModel):
    """Base of the schemas of files; keys that are not named are refused."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


class OpenSchema(BaseModel):
    """Base of the schemas of files of other tools; keys that are not named are ignored."""

    model_config = ConfigDict(extra="ignore", arbitrary_types_allowed=True)


@cache
def _adapter(schema: Any) -> TypeAdapter:
    return TypeAdapter(schema)


def validated(schema: Any, value: Any, where: str, fix: str) -> Any:
    """`value` as `schema`.

    Args:
        schema: A pydantic model or any type that pydantic understands.
        value: What a file holds.
        where: What is read from where, for the error.
        fix: What to do about an error.

    Returns:
        An instance of `schema`.

    Raises:
        InputError: the first deviation with its place, what was expected and what was found.
    """
    try:
        return _adapter(schema).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "".join(f"[{k}]" if isinstance(k, int) else f".{k}" for k in first["loc"]).lstrip(".")
        shown = repr(first["input"])
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        at = f" at {place}" if place else ""
        expected = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        raise InputError(f"{where}{at}: {expected}", f"{shown}{more}", fix) from error
    except RecursionError as error:
        raise InputError(where, "a value that is nested too deeply", fix) from error
