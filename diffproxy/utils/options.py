"""Options of a command: one dataclass field holds type, default and help; parsers and `--help` read it."""

from __future__ import annotations

import difflib
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, field, fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

from diffproxy.utils.errors import InputError

T = TypeVar("T")
DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")
WITH_UNIT = re.compile(r"([-+]?\d+(?:\.\d+)?) ?[a-zA-Zµ°%/]+")
LARGEST = 2**63 - 1  # of a number: more fits no integer of torch or numpy, and squares of it no float32
BOOLS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


def option(default: Any, text: str, value: str = "", section: str = "Method") -> Any:
    """A dataclass field with its help.

    Args:
        default: Its default, or a function that makes one (a nested dataclass, dict).
        text: One sentence for `--help`.
        value: What to write after `name=`, such as DIR or lm|adam; by default derived from the type.
        section: Heading of `--help` under which the option stands, one of `subcommand.SECTIONS`.
    """
    metadata = {"help": text, "value": value, "section": section}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    """InputError unless `value` is one of `allowed`."""
    if value not in allowed:
        fix = f"write {option}={allowed[0]}"
        raise InputError(f"{option} as one of {', '.join(allowed)}", f"{option}={value}", fix)


def at_least(option: str, value: float | int, low: float | int) -> None:
    """InputError unless `value` is finite and >= `low`."""
    if not low <= value < math.inf:
        fix = f"write {option}={low:g} or more"
        raise InputError(f"{option} of at least {low:g}", f"{option}={value}", fix)


def within(option: str, value: float, low: float, high: float, unit: str = "") -> None:
    """InputError unless `low` <= `value` <= `high`; with a `unit`, the value may have been meant in another one."""
    if not low <= value <= high:
        fix = f"give it in {unit}" if unit else f"write {option}={high if value > high else low:g}"
        what = f"{option} between {low:g} and {high:g} {unit}".rstrip()
        raise InputError(what, f"{option}={value:g}", fix)


def one_each(what: str, found: int, due: int, of: str) -> None:
    """InputError unless there are as many of `what` as of what they belong to."""
    if found != due:
        raise InputError(f"{due} {what}, one per {of}", f"{found}", f"give one per {of}")


def refuse_unread(options: Any, names: Sequence[str], needed: str, prefix: str = "") -> None:
    """InputError for an option that somebody has set though nothing reads it.

    Args:
        options: Options dataclass.
        names: Its fields that are not read as the other options are; their defaults are fine.
        needed: With what they are read, such as cameras=none.
        prefix: What stands before the names on the command line.
    """
    for f in fields(options):
        default = f.default if f.default_factory is MISSING else f.default_factory()
        value = getattr(options, f.name)
        if f.name in names and value != default:
            name = prefix + f.name
            found = (
                f"{name}={str(value).lower() if isinstance(value, bool) else value}, which nothing would read"
            )
            raise InputError(f"{needed} beside {name}", found, f"leave {name} out")


def require_finite(options: Any, prefix: str = "") -> None:
    """InputError for a number anywhere in an options dataclass (or its dictionaries) that is nan, infinite or above
    `LARGEST`."""
    values = vars(options) if is_dataclass(options) else options
    for name, value in values.items():
        if isinstance(value, int | float) and not abs(value) <= LARGEST:
            found = f"{prefix}{name}={str(value)[:40]}"
            raise InputError(f"{prefix}{name} as a finite number", found, f"write {prefix}{name}=1")
        if is_dataclass(value) or isinstance(value, Mapping):
            require_finite(value, f"{prefix}{name}.")


def option_types(schema: type, prefix: str = "") -> dict[str, Any]:
    """Dotted name -> type of every value of a (nested) options dataclass."""
    hints = get_type_hints(schema)
    out: dict[str, Any] = {}
    for f in fields(schema):
        kind = hints[f.name]
        if isinstance(kind, type) and is_dataclass(kind):
            out |= option_types(kind, f"{prefix}{f.name}.")
        else:
            out[prefix + f.name] = kind
    return out


def unknown_option(name: str, known: Sequence[str]) -> InputError:
    """The error for an option that does not exist, with the nearest one that does."""
    near = [k for k in known if k.rpartition(".")[2] == name] or difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {' or '.join(near[:3])}? " if near else ""
    return InputError("an option that exists", name, f"{hint}--help lists all options")


def named_twice(name: str, word: str) -> InputError:
    """The error for an option that has a value already when `word` comes."""
    return InputError(f"{name} once", f"a second value, {word}", "leave one of them out")


def parse_options(
    schema: Callable[..., T],
    words: Sequence[str],
    required: Sequence[str] = (),
    positional: Sequence[str] = (),
) -> T:
    """Command-line words `name=value` as an instance of a flat options dataclass.

    Args:
        schema: Options dataclass.
        words: Command-line words.
        required: Options that need a value.
        positional: Options that words without `name=` fill, in this order.

    Returns:
        The options; what no word names has its default.

    Raises:
        InputError: a word without `=`, an unknown name, one that comes twice, a value of the wrong type, a missing
            required option.
    """
    types = option_types(schema)  # type: ignore[arg-type]  # a dataclass type
    values: dict[str, Any] = {}
    places = list(positional)
    for word in words:
        name, equals, value = word.partition("=")
        if places and name not in types and not (equals and name.isidentifier()):
            name, value = places.pop(0), word
        elif not equals:
            raise InputError(
                "options as name=value", repr(word), f"write {word}=... ; --help lists all options"
            )
        elif name not in types:
            raise unknown_option(name, [*types])
        if name in values:
            raise named_twice(name, word)
        values[name] = converted(name, value, types[name])
    for name in required:
        if not values.get(name):
            raise InputError(f"{name}=...", f"no {name}", "--help lists all options")
    return schema(**values)


def converted(name: str, text: str, kind: Any) -> Any:
    """The text of an option as a value of its type; InputError if it is none."""
    if kind is bool:
        if text.lower() not in BOOLS:
            raise InputError(f"{name} as true or false", f"{name}={text}", f"write {name}=true")
        return BOOLS[text.lower()]
    if kind in (int, float):
        try:
            value = kind(text)
            if not abs(value) <= LARGEST:
                raise ValueError(text)
            return value
        except (ValueError, OverflowError) as error:
            raise no_number(name, text, kind) from error
    return expanded(name, text)


def no_number(name: str, text: str, kind: type) -> InputError:
    """The error for a number with a unit, a decimal comma, or no number at all."""
    what = "a whole number" if kind is int else "a finite number"
    point = text.replace(",", ".")
    fix = f"write {name}=1"
    if DECIMAL_COMMA.fullmatch(text) and kind is float:
        fix = f"write {name}={point}"
    elif number := WITH_UNIT.fullmatch(point):
        fix = f"write the number alone, as {name}={number[1]}, in the unit that --help states"
    return InputError(f"{name} as {what}", f"{name}={text[:40]}", fix)


def expanded(name: str, text: str) -> str:
    """`text` with its home folder in place of ~; InputError where there is none."""
    path = os.path.expanduser(text)  # noqa: PTH111 (Path changes texts that are no paths)
    if path.startswith("~"):
        raise InputError(f"{name} in a home folder that exists", f"{name}={text}", "write the path in full")
    return path
