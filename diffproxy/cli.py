"""What the entry points share: friendly overrides in, one readable message out when the input is wrong."""

from __future__ import annotations

import difflib
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diffproxy.utils.errors import InputError
from diffproxy.utils.exit_status import RESUMES, exit_status
from diffproxy.utils.hydra_compose import VERSION_BASE, compose_options
from diffproxy.utils.options import (
    converted,
    expanded,
    named_twice,
    option_types,
    require_finite,
    unknown_option,
)
from diffproxy.utils.subcommand import HELP_WORDS, help_text

MULTIRUN = ("-m", "--multirun")
PACKAGE = Path(__file__).resolve().parent
#: Where `conf/` and `examples/` lie: inside an installed package, beside it in a checkout.
SHIPPED = PACKAGE if (PACKAGE / "conf").is_dir() else PACKAGE.parent
CLOSING = (
    "Also: --cfg job prints the resolved options; -m runs once per value of a comma list. More: docs/usage.md"
)


@dataclass(frozen=True)
class Command:
    """A command whose options are a dataclass, its presets in `conf/`.

    Args:
        config: Name of the configuration in `conf/`, below `folder`.
        schema: Options dataclass: types, defaults and help texts.
        intro: What the command does, with examples; `--help` begins with it.
        paths: Groups that also take a path: group -> preset and its field, as `folder.path`.
        folder: Subfolder of `conf/`.
    """

    config: str
    schema: type
    intro: str
    paths: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""

    @property
    def conf(self) -> Path:
        """Folder of the configuration and its groups."""
        return SHIPPED / "conf" / self.folder

    def overrides(self, words: Sequence[str]) -> list[str]:
        """Command-line words as Hydra wants them, checked. Raises InputError."""
        from hydra.core.config_store import ConfigStore

        ConfigStore.instance().store(name=f"{self.config}_schema", node=self.schema)
        checked = friendly_overrides(list(words), self.schema, self.conf, self.paths)
        check(checked, self.config, self.conf)
        return checked

    def compose(self, words: Sequence[str]) -> Any:
        """The options of these words, an instance of `schema`. Raises InputError, also for words to Hydra itself."""
        from omegaconf import OmegaConf

        for word in words:
            if word.startswith("-") or word.lstrip("+~").startswith("hydra"):
                raise InputError("options as name=value", word, f"leave {word} out")
        overrides = self.overrides(words)
        options = OmegaConf.to_object(compose_options(self.conf, self.config, overrides))
        require_finite(options)
        return options

    def run(self, words: Sequence[str], task: Callable[[Any], Any]) -> int:
        """Call `task(options)` with the options of these words (-m: several times); returns the exit status."""
        return exit_status(lambda: self._run(words, task), RESUMES)

    def _run(self, words: Sequence[str], task: Callable[[Any], Any]) -> int:
        if HELP_WORDS & set(words):
            sys.stdout.write(help_text(self.schema, self.intro, CLOSING))
            return 0
        import hydra
        from omegaconf import OmegaConf

        sys.argv[1:] = self.overrides(words)

        def start(config: Any) -> None:
            show_messages()
            # Here, since Hydra would write a traceback for each error that leaves this function.
            status = exit_status(lambda: self._start(OmegaConf.to_object(config), task), RESUMES)
            if status:
                sys.exit(status)

        hydra.main(version_base=VERSION_BASE, config_path=str(self.conf.resolve()), config_name=self.config)(
            start
        )()
        return 0

    @staticmethod
    def _start(options: Any, task: Callable[[Any], Any]) -> None:
        require_finite(options)
        task(options)


def friendly_overrides(argv: list[str], schema: type, conf: Path, paths: Mapping[str, str]) -> list[str]:
    """Command-line words as Hydra wants them.

    Text needs no quotes (`frames=3,7,9`, `out=a b`). A group in `paths` takes a path where a preset's name is
    meant: `rig=/data/x` becomes `rig=folder rig.path=/data/x` (group -> name of the preset that has the path).
    Raises InputError for an option or preset that does not exist, or that has two values.
    """
    types = option_types(schema)
    sweep = bool({*MULTIRUN} & {*argv})  # there a comma separates runs
    out: list[str] = []
    for before, word in zip(["", *argv], argv, strict=False):
        key, equals, value = word.partition("=")
        name, flag = key.lstrip("+~"), key.lstrip("-").replace("-", "_")
        is_option = name in types or (name.isidentifier() and (conf / name).is_dir())
        is_value = before.startswith("-") and before not in MULTIRUN
        if key.startswith("--") and (flag in types or (conf / flag).is_dir()):
            fix = f"write {flag}={value or '...'} ; --help lists all options"
            raise InputError("options as name=value", word, fix)
        if word.startswith("-") or is_value or name.startswith("hydra"):
            out.append(word)
        elif not equals:
            if is_option:
                fix = f"write {word}=..."
            else:
                fix = f"write rig={word}" if "rig" in paths and Path(word).exists() else f"write NAME={word}"
            raise InputError("options as name=value", repr(word), f"{fix} ; --help lists all options")
        elif sweep and is_option:
            out.append(word)
        elif name in types:
            out.append(_option(word, types[name]))
        elif is_option:
            out += _group(name, expanded(name, value), conf, paths)
        elif any(name.startswith(f"{known}.") for known, kind in types.items() if "dict" in str(kind)):
            out.append(word if key.startswith("+") else f"++{word}")
        else:
            groups = sorted(p.name for p in conf.iterdir() if p.is_dir() and f"{p.name}." in " ".join(types))
            raise unknown_option(name, [*types, *groups])
    _refuse_repeats(out)
    return out


def _option(word: str, kind: Any) -> str:
    """`name=value` of an option of this type as Hydra wants it. InputError for a value of another type."""
    key, _, value = word.partition("=")
    name = key.lstrip("+~")
    if "dict" in str(kind):
        return word if key.startswith("+") else f"+{word}"  # the fields of a dictionary are new to Hydra
    if kind in (bool, int, float) and "${" not in value:  # as Hydra does, but with messages for people
        found = converted(name, value, kind)
        return f"{key}={str(found).lower()}" if kind is bool else word
    is_text = kind is str and value != "null"
    return f"{key}={_quoted(expanded(name, value))}" if is_text else word


def _refuse_repeats(words: Sequence[str]) -> None:
    named: set[str] = set()
    for word in words:
        name = word.partition("=")[0].lstrip("+~")
        if "=" in word and name in named:
            raise named_twice(name, word)
        named.add(name)


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
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    if any(word.startswith("-") for word in overrides):
        return
    try:
        compose_options(conf, config_name, overrides)
    except (HydraException, OmegaConfBaseException) as error:
        cause = error.__cause__ or error
        found = " ".join(str(cause).split())
        raise InputError("a configuration that fits its schema", found, "--help lists all options") from error


class ProgressBarHandler(logging.Handler):
    """Writes to stderr above any progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        tqdm.write(self.format(record), file=sys.stderr)


def show_messages() -> None:
    """Messages of this package on the console, without clutter, in step with progress bars."""
    logger = logging.getLogger("diffproxy")
    if not logger.handlers:
        handler = ProgressBarHandler()
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
        logger.propagate = False
    logger.setLevel(logging.INFO)
