"""`Palette`: label ids, their names and their colours in proxy images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Palette:
    """Labels of a body: id 0 is the (black) background, then the body ids, then the hand ids.

    `colors[id]` is RGB in [0, 1]. Body ids are far apart from each other and from black, and so are hand ids; a body
    and a hand id may look alike, since one image only ever uses one of the two sets.
    """

    names: dict[int, str]
    colors: Float[np.ndarray, "L 3"]
    body_ids: tuple[int, ...]
    hand_ids: tuple[int, ...]

    @staticmethod
    def of(
        body_names: list[str], body_colors: np.ndarray, hand_names: list[str], hand_colors: np.ndarray
    ) -> Palette:
        """Body names start with the background; hand names do not."""
        first = len(body_names)
        names = dict(enumerate([*body_names, *hand_names]))
        colors = np.concatenate([body_colors, hand_colors]).astype(np.float32)
        return Palette(names, colors, tuple(range(1, first)), tuple(range(first, len(names))))

    def id_of(self, name: str) -> int:
        return next(i for i, n in self.names.items() if n == name)
