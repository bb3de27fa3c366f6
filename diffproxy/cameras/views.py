"""The cameras that `views=` names, and what to type to leave others out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from diffproxy.utils.errors import InputError


def all_views(views: str) -> bool:
    """Whether an option `views=` chooses every camera."""
    return views.strip() in ("", "all")


def chosen_names(views: str, names: Sequence[str]) -> list[str]:
    """The cameras that an option `views=` chooses.

    Args:
        views: Names such as "cam01,cam03"; "all" or "" for every camera.
        names: The cameras that there are.

    Returns:
        Names, in the order of the option.

    Raises:
        InputError: a name that does not exist or comes twice, or none at all.
    """
    if all_views(views):
        return list(names)
    chosen = [part.strip() for part in views.split(",") if part.strip()]
    unknown = [name for name in chosen if name not in names]
    if unknown or not chosen or len(set(chosen)) < len(chosen):
        known = ", ".join(names)
        fix = f"write for example views={','.join(names[:2])}"
        raise InputError(f"views among {known}, each once", f"views={views}", fix)
    return chosen


def without(left_out: Iterable[str], names: Iterable[str], otherwise: str = "", least: int = 2) -> str:
    """What to type to go on without some cameras; `otherwise` where fewer than `least` would stay."""
    gone = set(left_out)
    kept = [name for name in names if name not in gone]
    if not gone or len(kept) < least:
        return otherwise
    return f"leave {', '.join(sorted(gone))} out: views={','.join(kept)}"
