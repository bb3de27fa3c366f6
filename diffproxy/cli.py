"""What the entry points share: friendly overrides in, one readable message out when the input is wrong."""

from __future__ import annotations

import difflib
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from diffproxy.utils.errors import InputError

USAGE_ERROR = 2


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


def friendly_overrides(argv: list[str], schema: type, conf: Path, paths: Mapping[str, str]) -> list[str]:
    """Command-line words as Hydra wants them.

    Text needs no quotes (`frames=3,7,9`, `out=a b`). A group in `paths` takes a path where a preset's name is
    meant: `rig=/data/x` becomes `rig=folder rig.path=/data/x` (group -> name of the preset that has the path).
    Raises InputError for an option or preset that does not exist.
    """
    if "-m" in argv or "--multirun" in argv:
        return argv  # there a comma separates runs
    types = option_types(schema)
    out: list[str] = []
    for before, word in zip(["", *argv], argv, strict=False):
        key, equals, value = word.partition("=")
        name = key.lstrip("+~")
        if word.startswith("-") or before.startswith("-") or name.startswith("hydra"):
            out.append(word)
        elif not equals:
            raise InputError(
                "options as name=value", repr(word), f"write {word}=... ; --help lists all options"
            )
        elif name in types and "dict" in str(types[name]):
            out.append(
                word if key.startswith("+") else f"+{word}"
            )  # the fields of a dictionary are new to Hydra
        elif name in types:
            out.append(f"{key}={_quoted(value)}" if types[name] is str and value != "null" else word)
        elif (conf / name).is_dir():
            out += _group(name, value, conf, paths)
        elif any(name.startswith(f"{known}.") for known, kind in types.items() if "dict" in str(kind)):
            out.append(word if key.startswith("+") else f"++{word}")
        else:
            groups = sorted(p.name for p in conf.iterdir() if p.is_dir() and f"{p.name}." in " ".join(types))
            near = difflib.get_close_matches(name, [*types, *groups], n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise InputError("an option that exists", name, f"{hint}--help lists all options")
    return out


def _quoted(value: str) -> str:
    if value[:1] in "'\"" and value[:1] == value[-1:] and len(value) > 1:
        return value
    return "'" + value.replace("\\'", "\\\\'").replace("'", "\\'") + "'"


def _group(name: str, value: str, conf: Path, paths: Mapping[str, str]) -> list[str]:
    presets = sorted(p.stem for p in (conf / name).glob("*.yaml"))
    if value in presets:
        return [f"{name}={value}"]
    is_path = "/" in value or "\\" in value or Path(value).exists()
    if name in paths and is_path:
        preset, _, leaf = paths[name].partition(".")
        return [f"{name}={preset}", f"{name}.{leaf}={_quoted(value)}"]
    near = difflib.get_close_matches(value, presets, n=1)
    hint = f"did you mean {name}={near[0]}?" if near else f"write {name}={presets[0]}"
    path = " or a path that exists" if name in paths else ""
    raise InputError(f"{name} as one of {', '.join(presets)}{path}", f"{name}={value}", hint)


def check(overrides: list[str], config_name: str, conf: Path) -> None:
    """Compose once ahead of Hydra, to turn its errors into an InputError."""
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    if any(word.startswith("-") for word in overrides):
        return
    try:
        with initialize_config_dir(str(conf.resolve()), version_base="1.3"):
            compose(config_name, overrides)
    except (HydraException, OmegaConfBaseException) as error:
        cause = error.__cause__ or error
        found = " ".join(str(cause).split())
        raise InputError("a configuration that fits its schema", found, "--help lists all options") from error


def run_readably(task: Callable[[], Any]) -> Any:
    """`task()`; an InputError is printed without traceback and ends the program with exit code 2."""
    try:
        return task()
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(USAGE_ERROR)
    except KeyboardInterrupt:
        sys.stderr.write("stopped; finished frames are kept, the same command goes on from there\n")
        sys.exit(130)


class ProgressBarHandler(logging.Handler):
    """Writes to stderr above any progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        tqdm.write(self.format(record), file=sys.stderr)


def show_messages(level: int = logging.INFO) -> None:
    """Messages of this package on the console, without clutter, in step with progress bars."""
    logger = logging.getLogger("diffproxy")
    if not logger.handlers:
        handler = ProgressBarHandler()
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
        logger.propagate = False
    logger.setLevel(level)
