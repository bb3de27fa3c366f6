"""Shape checks that are made once for each combination of types and shapes that a function is called with.

jaxtyping's import hook checks every call anew, twice over for the arguments, and compiles the checks of a nested
function each time it is defined; in the fits that was a third of the time of the tests. Whether a value fits its
annotation depends on its type, shape and dtype alone (for strings, on the text), so that a call like an earlier one
needs no second check. Values that are too large to describe are checked every time.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import partial, update_wrapper
from types import FunctionType, ModuleType
from typing import Any

import jaxtyping._decorator
import numpy as np
from beartype import BeartypeConf, beartype
from torch import Tensor

from diffproxy.utils import annotations

PLAIN = frozenset({bool, int, float, complex, bytes, type(None)})
LARGEST = 20  # entries of a container, characters of a text
# takes an int where a float is asked for, as PEP 484 does
lenient = beartype(conf=BeartypeConf(is_pep484_tower=True))
_jaxtyped = jaxtyping._decorator.jaxtyped


class TooLarge(ValueError):
    """A value that is not described."""


def description(value: Any) -> Any:
    """All that a type check may depend on, hashable. Raises TooLarge."""
    kind = type(value)
    if kind in PLAIN:
        return kind
    if isinstance(value, Tensor | np.ndarray):
        return kind, value.dtype, tuple(value.shape)
    if kind is str:
        return (kind, value) if len(value) <= LARGEST else kind
    if kind in (tuple, list, dict):
        if len(value) > LARGEST:
            raise TooLarge
        return kind, tuple(map(description, value.items() if kind is dict else value))
    return (type, value) if isinstance(value, type) else kind


def described(value: Any) -> Any:
    """`description`; None for a value that is too large, or whose sizes are symbols, as when a network is exported."""
    try:
        found = description(value)
        hash(found)
    except (TooLarge, TypeError):
        return None
    return found


class Checks:
    """The checks of one function, or of all that one nested definition makes."""

    def __init__(self, fn: FunctionType, typechecker: Any):
        self.fn, self.typechecker, self.checked = fn, typechecker, None
        self.seen: dict[Any, set[Any]] = {}  # description of the arguments -> those of results
        self.next = threading.local()

    def call(self, fn: Callable, args: tuple, kwargs: dict[str, Any]) -> Any:
        """The result of `fn`, arguments and result checked."""
        if self.checked is None:  # not at the definition: most functions are never called in a test process
            self.checked = _jaxtyped(self._stand_in(), typechecker=self.typechecker)
        self.next.fn = fn
        return self.checked(*args, **kwargs)

    def _stand_in(self) -> Callable:
        """Has the signature of the function, and calls the one that is next."""
        following = self.next

        def stand_in(*args, **kwargs):
            return following.fn(*args, **kwargs)

        # With the globals of the function, where its annotations are looked up.
        made = FunctionType(stand_in.__code__, self.fn.__globals__, closure=stand_in.__closure__)
        return update_wrapper(made, self.fn)


_checks: dict[Any, Checks] = {}


def remembering(fn: Any = None, *, typechecker: Any = None) -> Any:
    """Stands in for `jaxtyping.jaxtyped`."""
    if fn == "context":  # the sizes that one call of a checked function has in common
        return _jaxtyped(fn)
    if fn is None:
        return partial(remembering, typechecker=typechecker)
    if getattr(fn, "is_checked", False) or getattr(fn, "__module__", "") == annotations.__name__:
        return fn  # it checks its own arguments, and must not find them checked already; sizes hold for its whole call
    if not isinstance(fn, FunctionType):
        return _jaxtyped(fn, typechecker=typechecker)
    hints = tuple(fn.__annotations__.items())
    checks = Checks(fn, typechecker)
    if all(isinstance(text, str) for _, text in hints):
        key = (fn.__code__, fn.__module__, fn.__qualname__, hints, typechecker)
        checks = _checks.setdefault(key, checks)

    def wrapper(*args, **kwargs):
        __tracebackhide__ = True
        given = described((args, kwargs))
        results = checks.seen.get(given)
        if results is None:
            out = checks.call(fn, args, kwargs)
            if given is not None and (result := described(out)) is not None:
                checks.seen[given] = {result}
            return out
        out = fn(*args, **kwargs)
        if (result := described(out)) not in results:
            checks.call(lambda *_, **__: out, args, kwargs)
            results |= {result} - {None}
        return out

    return update_wrapper(wrapper, fn)


def install(packages: list[str]) -> None:
    """Check what is imported of these packages from now on."""
    checker = ModuleType("lenient_beartype")  # the hook wants the type checker by name
    checker.check = lenient
    sys.modules[checker.__name__] = checker
    jaxtyping.jaxtyped = jaxtyping._decorator.jaxtyped = remembering
    jaxtyping.install_import_hook(packages, "lenient_beartype.check")
