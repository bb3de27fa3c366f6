"""How a person is to look, decided before any clothes are drawn."""

from __future__ import annotations

from dataclasses import dataclass

#: Looks that are frequent among captured people, and their share: bare or tight sportswear; swim and skull caps.
LOOKS = {"sport": 0.15, "skull_cap": 0.1}


@dataclass(frozen=True)
class Look:
    """What clothes and hair are drawn under.

    Attributes:
        words: Of `LOOKS`; "tight": clothes are layers on the body's surface.
        hair_volume: Metres that scalp hair stands farther off the head than usual; above 0 nobody is bald or wears a
            hat.
    """

    words: frozenset[str] = frozenset()
    hair_volume: float = 0.0
