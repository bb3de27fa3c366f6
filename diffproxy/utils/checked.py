"""Arguments of the public functions against their annotations, so that a wrong one is named before it is used."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from functools import cache, wraps
from typing import Any, TypeVar

from jaxtyping import jaxtyped

from diffproxy.utils.annotations import Check, Unfit, check_of, resolved, shown_hint, shown_value
from diffproxy.utils.errors import InputError

T = TypeVar("T")
ENTRIES = ("__init__", "__call__")


def checked(target: T) -> T:
    """A function whose arguments are checked on each call (`annotations`: what is converted, and what is refused).

    Args:
        target: A function; or a class, for its constructor and the public methods that it defines itself. Sizes of
            arrays that share a letter must agree within a call. Types, shapes and dtypes are checked, not values.

    Returns:
        The same, with the same name and signature. It raises InputError for an argument that is missing, unknown or
        of another kind than its annotation says.
    """
    if not isinstance(target, type):
        return _checked_function(target)  # type: ignore[return-value,arg-type]
    for name, value in list(vars(target).items()):
        is_static = isinstance(value, staticmethod)
        function = value.__func__ if is_static else value
        if isinstance(function, types.FunctionType) and (name in ENTRIES or not name.startswith("_")):
            wrapped = _checked_function(function, target.__name__ if name == "__init__" else "")
            setattr(target, name, staticmethod(wrapped) if is_static else wrapped)
    return target


def _checked_function(function: Callable[..., Any], title: str = "") -> Callable[..., Any]:
    signature = inspect.signature(function)
    parameters = signature.parameters
    named = [p.name for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    needed = {p.name for p in parameters.values() if p.default is p.empty and p.kind is not p.VAR_KEYWORD}
    title = title or function.__qualname__
    fix = f'see help("{function.__module__}.{title}")'

    names = inspect.unwrap(function).__globals__

    @cache
    def checks() -> dict[str, tuple[Any, Check]]:  # on the first call: annotations may name what comes later
        hints = {
            name: resolved(p.annotation, names)
            for name, p in parameters.items()
            if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.annotation is not p.empty
        }
        found = {name: (hint, check_of(hint)) for name, hint in hints.items()}
        return {name: (hint, check) for name, (hint, check) in found.items() if check is not None}

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        values = dict(zip(named, args, strict=False)) | kwargs
        if len(args) + len(kwargs) != len(values) or not needed <= values.keys() <= parameters.keys():
            try:
                values = dict(signature.bind(*args, **kwargs).arguments)
            except TypeError as error:
                shown = ", ".join(name for name in parameters if name != "self")
                raise InputError(f"{title}({shown})", str(error), fix) from None
        fits = {}
        with jaxtyped("context"):
            for name, (hint, check) in checks().items():
                if name not in values:
                    continue
                try:
                    fits[name] = check(values[name])
                except Unfit:
                    expected = f"{name} of {title}: {shown_hint(hint)}"
                    raise InputError(expected, _found(name, hint, values), fix) from None
        args = (
            *(fits.get(name, value) for name, value in zip(named, args, strict=False)),
            *args[len(named) :],
        )
        return function(*args, **{name: fits.get(name, value) for name, value in kwargs.items()})

    call.is_checked = True  # type: ignore[attr-defined]
    return call


def _found(name: str, hint: Any, values: Mapping[str, Any]) -> str:
    """The value that does not fit, and the shapes that it may have to agree with."""
    others = {k: v for k, v in values.items() if k != name and hasattr(v, "shape")}
    beside = "".join(f"; {k} of shape {tuple(v.shape)}" for k, v in others.items())
    return shown_value(values[name]) + (beside if "of shape" in shown_hint(hint) else "")
