"""Words `name=value` of a script: a misspelt name must not measure the default under another command."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from diffproxy.utils.errors import InputError


def read_words(words: Sequence[str], names: Iterable[str]) -> dict[str, str]:
    """The values of a script's options by name.

    Args:
        words: As typed.
        names: All that the script reads.

    Raises:
        InputError: a word that is no `name=value`, or a name that the script does not read.
    """
    known, values = sorted(names), {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}=?" if near else "the script's docstring describes them"
            raise InputError(f"name=value, with a name among {', '.join(known)}", word, hint)
        values[name] = value
    return values
