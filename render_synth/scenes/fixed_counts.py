"""Fixed numbers of rectangles, lights and texture pixels, so that the renderer compiles its kernels once.

Dr.Jit writes the sizes of textures and the numbers of textured rectangles and of lights into the code it compiles.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from render_synth.scenes.mesh_parts import Lamp, Panel, Quad

TEXTURE = (320, 320)  # rows, columns of floors and walls
SKY = (512, 1024)
QUADS = 6  # floor, walls, ceiling; with posters twice as many
LAMPS = 4
Number = float | int


def resized(image: Float[np.ndarray, "H W 3"], size: tuple[int, int]) -> Float[np.ndarray, "h w 3"]:
    """Another number of (rows, columns)."""
    import cv2

    if image.shape[:2] == size:
        return image
    smaller = image.shape[0] > size[0] and image.shape[1] > size[1]
    mode = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(image, np.float32), size[::-1], interpolation=mode)


def pad_quads(quads: list[Quad]) -> list[Quad]:
    """QUADS or twice as many, with textures of one size: tiny ones far below the floor are added, the 13th left out."""
    out = [Quad(q.corner, q.along, q.up, resized(q.texture, TEXTURE), q.repeat) for q in quads[: 2 * QUADS]]
    while len(out) % QUADS:
        below = np.array([0.1 * len(out), -80.0, 0])
        grey = np.full((*TEXTURE, 3), 0.5, np.float32)
        out.append(Quad(below, np.array([0.01, 0, 0]), np.array([0, 0, -0.01]), grey))
    return out


def pad_lamps(lamps: list[Lamp | Panel]) -> list[Lamp | Panel]:
    """None, or exactly LAMPS: the largest are halved (the same light), the weakest left out and their light shared."""
    if not lamps:
        return []
    panels: list[Lamp | Panel] = [Panel(p.vertices, np.asarray(p.rgb, np.float64)) for p in lamps]
    while len(panels) > LAMPS:
        panels.sort(key=_power)
        gain = 1 + _power(panels[0]) / max(sum(_power(p) for p in panels[1:]), 1e-9)
        panels = [Panel(p.vertices, p.rgb * gain) for p in panels[1:]]
    while len(panels) < LAMPS:
        panels.sort(key=_power)
        whole = panels.pop()
        a, b, c, d = whole.vertices
        ab, dc = (a + b) / 2, (d + c) / 2
        if np.linalg.norm(b - a) < np.linalg.norm(d - a):
            ad, bc = (a + d) / 2, (b + c) / 2
            halves = ((a, b, bc, ad), (ad, bc, c, d))
        else:
            halves = ((a, ab, dc, d), (ab, b, c, dc))
        panels += [Panel(np.stack(h).astype(np.float32), whole.rgb) for h in halves]
    return panels


def _power(lamp: Lamp | Panel) -> float:
    a, b, _, d = lamp.vertices
    return float(np.linalg.norm(np.cross(b - a, d - a))) * float(np.mean(lamp.rgb))
