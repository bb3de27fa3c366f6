"""Arguments of the public functions against their annotations, so that a wrong one is named before it is used."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from functools import cache, wraps
from typing import Any, TypeVar, get_type_hints

from jaxtyping import jaxtyped
from pydantic import ConfigDict, ValidationError, validate_call

from diffproxy.utils.annotations import as_pydantic_takes_it, shown_hint, shown_value
from diffproxy.utils.errors import InputError

T = TypeVar("T")
ENTRIES = ("__init__", "__call__")


def checked(target: T) -> T:
    """A function whose arguments pydantic checks on each call (`annotations`: what is converted besides).

    Args:
        target: A function; or a class, for its constructor and the public methods that it defines itself, except those
            that are `unchecked`. Sizes of arrays that share a letter must agree within a call. Types, shapes and dtypes
            are checked, not values.

    Returns:
        The same, with the same name and signature. It raises InputError for an argument that is missing, unknown or
        of another kind than its annotation says.
    """
    if not isinstance(target, type):
        return _checked_function(target)  # type: ignore[return-value,arg-type]
    for name, value in list(vars(target).items()):
        is_static = isinstance(value, staticmethod)
        function = value.__func__ if is_static else value
        is_public = name in ENTRIES or not name.startswith("_")
        if isinstance(function, types.FunctionType) and is_public and not hasattr(function, "is_checked"):
            wrapped = _checked_function(function, target.__name__ if name == "__init__" else "")
            setattr(target, name, staticmethod(wrapped) if is_static else wrapped)
    return target


def unchecked(function: T) -> T:
    """A method that `checked` leaves alone: the solver calls it in each step, with what it has made itself."""
    function.is_checked = False  # type: ignore[attr-defined]
    return function


def _checked_function(function: Callable[..., Any], title: str = "") -> Callable[..., Any]:
    title = title or function.__qualname__
    fits = cache(lambda: _arguments_of(function))  # on the first call: annotations may name what comes later

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            with jaxtyped("context"):
                args, kwargs = fits()(*args, **kwargs)
        except ValidationError as error:
            raise _told(error, function, title, args, kwargs) from None
        return function(*args, **kwargs)

    call.is_checked = True  # type: ignore[attr-defined]
    return call


def _arguments_of(function: Callable[..., Any]) -> Callable[..., tuple[tuple, dict[str, Any]]]:
    """A function of the same signature that returns its arguments, converted."""

    def arguments(*args: Any, **kwargs: Any) -> tuple[tuple, dict[str, Any]]:
        return args, kwargs

    hints = {
        k: as_pydantic_takes_it(h)
        for k, h in get_type_hints(inspect.unwrap(function)).items()
        if k != "return"
    }
    arguments.__annotations__ = hints
    arguments.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return validate_call(config=ConfigDict(arbitrary_types_allowed=True))(arguments)


def _told(
    error: ValidationError, function: Callable[..., Any], title: str, args: tuple, kwargs: Mapping[str, Any]
) -> InputError:
    """What pydantic found wrong first, in the words of the annotation."""
    fix = f'see help("{function.__module__}.{title}")'
    signature = inspect.signature(function)
    try:
        values = signature.bind(*args, **kwargs).arguments
    except TypeError as unbound:
        shown = ", ".join(name for name in signature.parameters if name != "self")
        return InputError(f"{title}({shown})", str(unbound), fix)
    place = error.errors(include_url=False)[0]["loc"][0]
    name = list(values)[place] if isinstance(place, int) else str(place)
    shown = shown_hint(get_type_hints(inspect.unwrap(function))[name])
    others = {k: v for k, v in values.items() if k != name and hasattr(v, "shape")}
    beside = (
        "".join(f"; {k} of shape {tuple(v.shape)}" for k, v in others.items()) if "of shape" in shown else ""
    )
    return InputError(f"{name} of {title}: {shown}", shown_value(values[name]) + beside, fix)
