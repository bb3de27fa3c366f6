"""Reader of BVH: any hierarchy, any order of channels; position channels of inner joints are ignored."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from diffproxy.geometry.rotations import to_matrix
from diffproxy.motion.skeleton import SkeletonClip
from diffproxy.utils.bounded_files import read_text
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError

CHANNEL = re.compile(r"[xyz](position|rotation)", re.IGNORECASE)


@checked
def read_bvh(path: Path) -> SkeletonClip:
    """A BVH file as a skeleton clip in its own axes and units; InputError for a damaged or truncated file."""
    tokens = read_text(path, "BVH").split()
    try:
        cut = tokens.index("MOTION")
        names, parents, offsets, channels = _hierarchy(tokens[:cut])
        frames, step, values = _motion(tokens[cut + 1 :], sum(map(len, channels)))
    except (ValueError, IndexError) as error:
        raise InputError(
            "BVH: HIERARCHY, then MOTION with all its frames", f"{path}: {error}", "export again"
        ) from error
    rotations = np.broadcast_to(np.eye(3), (frames, len(names), 3, 3)).copy()
    root = np.broadcast_to(offsets[0], (frames, 3)).copy()
    column = 0
    for joint, joint_channels in enumerate(channels):
        for channel in joint_channels:
            axis = "xyz".index(channel[0].lower())
            if channel.lower().endswith("rotation"):
                vector = np.zeros((frames, 3))
                vector[:, axis] = np.radians(values[:, column])
                rotations[:, joint] = rotations[:, joint] @ to_matrix(vector)
            elif joint == 0:  # inner joints repeat their offset here; they do not move
                root[:, axis] = values[:, column]
            column += 1
    return SkeletonClip(tuple(names), tuple(parents), offsets, rotations, root, 1.0 / step, path.stem)


def _hierarchy(tokens: list[str]) -> tuple[list[str], list[int], np.ndarray, list[list[str]]]:
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[float]] = []
    channels: list[list[str]] = []
    stack: list[int | None] = []  # None: inside an End Site, whose offset moves no joint
    current: int | None = None
    i = 0
    while i < len(tokens):
        word = tokens[i]
        if word in ("ROOT", "JOINT"):
            names.append(tokens[i + 1])
            parents.append(-1 if not stack else _inner(stack))
            offsets.append([0.0, 0.0, 0.0])
            channels.append([])
            current, i = len(names) - 1, i + 2
        elif word == "End":
            current, i = None, i + 2
        elif word == "{":
            stack.append(current)
            i += 1
        elif word == "}":
            stack.pop()
            i += 1
        elif word == "OFFSET":
            if stack[-1] is not None:
                offsets[stack[-1]] = [float(v) for v in tokens[i + 1 : i + 4]]
            i += 4
        elif word == "CHANNELS":
            count = int(tokens[i + 1])
            named = tokens[i + 2 : i + 2 + count]
            if odd := [name for name in named if not CHANNEL.fullmatch(name)]:
                raise ValueError(f"channel {odd[0][:40]!r}, which is no Xposition or Xrotation")
            channels[_inner(stack)] = named
            i += 2 + count
        elif word == "HIERARCHY":
            i += 1
        else:
            raise ValueError(f"unknown word {word!r} in the hierarchy")
    if not names or stack:
        raise ValueError("no joints" if not names else "a brace is not closed")
    return names, parents, np.array(offsets), channels


def _inner(stack: list[int | None]) -> int:
    if stack[-1] is None:
        raise ValueError("a joint or channels inside an End Site")
    return stack[-1]


def _motion(tokens: list[str], width: int) -> tuple[int, float, np.ndarray]:
    """`Frames: n`, `Frame Time: s`, then n rows; space before the colon is allowed."""
    plain = [t for t in tokens[:8] if t != ":"]
    if plain[0].rstrip(":") != "Frames" or plain[2] != "Frame":
        raise ValueError("no 'Frames:' and 'Frame Time:' after MOTION")
    frames, step = int(plain[1]), float(plain[4])
    if frames < 1 or not step > 0:
        raise ValueError(f"{frames} frames of {step} s")
    values = np.array(tokens[5 + tokens[:8].count(":") :], float)
    if values.size != frames * width:
        raise ValueError(
            f"{values.size} values, where {frames} frames of {width} channels need {frames * width}"
        )
    return frames, step, values.reshape(frames, width)
