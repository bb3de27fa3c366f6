"""Cameras around a seated person: webcams and phones on a desk, 0.5 to 1.5 m away, with wide lenses."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from diffproxy.cameras import Camera
from render_synth.cameras import Layout, look_at, visible_box
from render_synth.scenes.desk import Desk, front_of

CHEST, HEAD = 9, 15  # joints
FRAMES = ((1280, 720), (1920, 1080), (640, 480), (1600, 1200))  # width, height
DISTANCE = (0.5, 1.5)  # metres, horizontally from the chest
CLEARANCE = 0.25  # metres between a camera and the body
TRIES = 30


def sample_webcams(
    rng: np.random.Generator,
    count: int,
    vertices: Float[np.ndarray, "N 3"],
    joints: Float[np.ndarray, "55 3"],
    desk: Desk | None,
) -> Layout:
    """`count` cameras within an arc of 40 to 220 degrees around the front of a seated person.

    Three in four stand at desk height (0.78 to 1.35 m), the others up to 1.9 m high. They look between chest and head;
    the field of view along the long side is 60 to 100 degrees, one camera in eight is upright.
    """
    front = front_of(joints)
    middle = np.arctan2(front[0], front[2]) + rng.normal(0, 0.25)
    half_arc = np.radians(rng.uniform(20, 110))
    shared = rng.random() < 0.6  # a rig of equal cameras
    lens = rng.uniform(60, 100), FRAMES[int(rng.integers(len(FRAMES)))]
    cameras = []
    for i in range(count):
        fov, frame = lens if shared else (rng.uniform(60, 100), FRAMES[int(rng.integers(len(FRAMES)))])
        even = (2 * (i + 0.5) / count - 1) if count > 1 else rng.uniform(-1, 1)
        azimuth = middle + half_arc * (even + rng.normal(0, 0.1))
        portrait = rng.random() < 0.125
        cameras.append(_place(rng, f"cam{i}", azimuth, fov, frame, portrait, vertices, joints, desk))
    return Layout("desk", tuple(cameras))


def _place(
    rng: np.random.Generator,
    name: str,
    azimuth: float,
    fov: float,
    frame: tuple[int, int],
    portrait: bool,
    vertices: Float[np.ndarray, "N 3"],
    joints: Float[np.ndarray, "55 3"],
    desk: Desk | None,
) -> Camera:
    """A camera in that direction, clear of body and desk, that sees the person; else one from 1.5 m away."""
    chest, head = joints[CHEST].astype(float), joints[HEAD].astype(float)
    w, h = frame[::-1] if portrait else frame
    f = max(frame) / 2 / np.tan(np.radians(fov) / 2)
    K = np.array(
        [[f, 0, w / 2 + rng.normal(0, 0.006 * w)], [0, f, h / 2 + rng.normal(0, 0.006 * h)], [0, 0, 1.0]]
    )
    for attempt in range(TRIES + 1):
        turned = azimuth + rng.normal(0, 0.1)
        low = rng.random() < 0.75
        distance, height = rng.uniform(*DISTANCE), rng.uniform(0.78, 1.35) if low else rng.uniform(1.35, 1.9)
        if attempt == TRIES:
            distance, height = DISTANCE[1], 1.5
        position = np.array([chest[0], height, chest[2]])
        position += distance * np.array([np.sin(turned), 0, np.cos(turned)])
        target = chest + rng.uniform(0, 1) * (head - chest) + rng.normal(0, 0.05, 3)
        camera = look_at(name, position, target, np.radians(rng.normal(0, 2.5)), K, w, h)
        if attempt == TRIES or _usable(camera, vertices, desk):
            break
    return camera


def _usable(camera: Camera, vertices: Float[np.ndarray, "N 3"], desk: Desk | None) -> bool:
    """Whether a camera is clear of the body, not in or under the desk, and sees enough of the person."""
    position = camera.center_world
    if np.linalg.norm(vertices - position, axis=1).min() < CLEARANCE:
        return False
    if desk is not None and position[1] < desk.height + 0.05 and desk.covers(position[None], 0.05)[0]:
        return False
    return visible_box(camera, vertices) is not None
