"""Cloth simulated with NVIDIA Warp while the body moves from the rest pose to its pose. Needs `warp-lang`.

Extended position-based dynamics with the body's triangles as obstacle. Constraints that share no point are solved
together, one group after the other, without atomic sums: the result is the same every time on one device.
"""

# No `from __future__ import annotations`: Warp reads the kernels' annotations as types.
import numpy as np
import torch
import warp as wp

from diffproxy.body import BodyParams
from render_synth.humans.body.posed import Obstacle, Posed
from render_synth.humans.garments.cloth_sheet import Sheet, constraint_groups

FRAMES, SUBSTEPS = 24, 8  # of the movement; then as many steps at rest as asked for
DT = 1.0 / 60.0 / SUBSTEPS


@wp.kernel
def _advance(
    x: wp.array(dtype=wp.vec3), v: wp.array(dtype=wp.vec3), before: wp.array(dtype=wp.vec3),
    held: int, dt: float, damping: float,
):  # fmt: skip
    i = wp.tid()
    before[i] = x[i]
    if i >= held:
        v[i] = v[i] * damping + wp.vec3(0.0, -9.81 * dt, 0.0)
        x[i] = x[i] + v[i] * dt


@wp.kernel
def _solve(
    x: wp.array(dtype=wp.vec3), a: wp.array(dtype=int), b: wp.array(dtype=int), length: wp.array(dtype=float),
    share_a: wp.array(dtype=float), share_b: wp.array(dtype=float), only_stretch: int,
):  # fmt: skip
    e = wp.tid()
    d = x[b[e]] - x[a[e]]
    now = wp.length(d) + 1.0e-9
    error = 1.0 - length[e] / now
    if only_stretch == 1:
        error = wp.max(error, 0.0)
    x[a[e]] = x[a[e]] + d * (share_a[e] * error)
    x[b[e]] = x[b[e]] - d * (share_b[e] * error)


@wp.kernel
def _reach(x: wp.array(dtype=wp.vec3), longest: wp.array(dtype=float), held: int, columns: int):
    i = wp.tid() + held
    anchor = x[held - columns + i % columns]
    d = x[i] - anchor
    far = wp.length(d) + 1.0e-9
    if far > longest[i]:
        x[i] = anchor + d * (longest[i] / far)


@wp.kernel
def _collide(
    mesh: wp.uint64, x: wp.array(dtype=wp.vec3), before: wp.array(dtype=wp.vec3), v: wp.array(dtype=wp.vec3),
    held: int, margin: float, floor: float, friction: float, dt: float,
):  # fmt: skip
    i = wp.tid() + held
    p = x[i]
    hit = wp.mesh_query_point_sign_normal(mesh, p, 0.12)
    if hit.result:
        near = wp.mesh_eval_position(mesh, hit.face, hit.u, hit.v)
        n = wp.mesh_eval_face_normal(mesh, hit.face)
        depth = margin - wp.dot(p - near, n)
        if depth > 0.0 and (hit.sign < 0.0 or wp.length(p - near) < margin):
            p = p + n * depth
            p = p - (p - before[i]) * friction + n * (wp.dot(p - before[i], n) * friction)
    if p[1] < floor:
        p = wp.vec3(p[0], floor, p[2])
    x[i] = p
    v[i] = (p - before[i]) / dt


class WarpCloth:
    """The engine of `cloth=warp`. On the CPU everywhere, so that machines agree; the first use compiles it."""

    device = "cpu"

    def __init__(self) -> None:
        if hasattr(wp, "LOG_WARNING"):
            wp.config.log_level = wp.LOG_WARNING
        else:  # older versions
            wp.config.quiet = True
        wp.init()

    def hang(self, posed: Posed, sheet: Sheet, obstacle: Obstacle, margin: float, steps: int) -> np.ndarray:
        """See `ClothEngine`; `obstacle` only gives the floor, for the body's own triangles are used."""
        del_arms = ~posed.is_arm[posed.a.mesh.coarse_faces].any(1)
        faces = posed.a.mesh.coarse_faces[del_arms].astype(np.int32)
        bodies, held_rows = _movement(posed, sheet)
        rows, columns = sheet.rest.shape[:2]
        held = sheet.held * columns

        def array(value: np.ndarray, kind: type):
            return wp.array(np.ascontiguousarray(value), dtype=kind, device=self.device)

        start = held_rows(0, everything=True)
        x, before = array(start, wp.vec3), array(start, wp.vec3)
        v = array(np.zeros_like(start), wp.vec3)
        groups = [
            (len(g.a), [array(g.a.astype(np.int32), int), array(g.b.astype(np.int32), int),
                        array(g.length.astype(np.float32), float), array(g.share_a[:, 0].astype(np.float32), float),
                        array(g.share_b[:, 0].astype(np.float32), float), int(g.only_stretch)])
            for g in constraint_groups(sheet, 0.1)
        ]  # fmt: skip
        down = np.linalg.norm(np.diff(sheet.rest[sheet.held - 1 :], axis=0), axis=-1)
        longest = np.concatenate([np.zeros((sheet.held, columns)), 1.01 * np.cumsum(down, 0)]).astype(
            np.float32
        )
        longest = array(longest.ravel(), float)
        mesh = wp.Mesh(array(bodies[0].astype(np.float32), wp.vec3), array(faces.ravel(), int))
        free = rows * columns - held
        for frame in range(1, FRAMES + steps // 2 + 1):
            at = min(frame, FRAMES)
            floor = float(obstacle.floor if at == FRAMES else bodies[at][:, 1].min()) + 0.004
            for sub in range(SUBSTEPS):
                mix = (sub + 1) / SUBSTEPS
                if frame <= FRAMES:
                    moved = (1 - mix) * bodies[at - 1] + mix * bodies[at]
                    mesh.points.assign(moved.astype(np.float32))
                    mesh.refit()
                    pinned = (1 - mix) * held_rows(at - 1) + mix * held_rows(at)
                    wp.copy(x, array(pinned.astype(np.float32), wp.vec3), 0, 0, held)
                launch = {"device": self.device}
                wp.launch(_advance, rows * columns, [x, v, before, held, DT, 0.985], **launch)
                for size, group in groups:
                    wp.launch(_solve, size, [x, *group], **launch)
                wp.launch(_reach, free, [x, longest, held, columns], **launch)
                wp.launch(_collide, free, [mesh.id, x, before, v, held, margin, floor, 0.5, DT], **launch)
        return x.numpy().reshape(rows, columns, 3).astype(np.float64)


def _movement(posed: Posed, sheet: Sheet):
    """The body's vertices at every frame from the rest pose to its own, and where the sheet's held rows are then."""
    body, params = posed.a.body, posed.params
    t = torch.linspace(0, 1, FRAMES + 1)[:, None]
    t = t * t * (3 - 2 * t)
    batch = BodyParams.cat([params] * (FRAMES + 1))
    poses = {k: getattr(batch, k) * t for k in ("body_pose", "left_hand_pose", "right_hand_pose", "jaw_pose")}
    batch = batch.replace(**poses)
    with torch.no_grad():
        vertices = body(batch).vertices.double().numpy()
        turns, joints = (x.double().numpy() for x in body.joint_transforms(batch))
    rest, weights = sheet.rest.reshape(-1, 3), sheet.weights.reshape(-1, 55)
    held = sheet.held * sheet.rest.shape[1]

    def rows(frame: int, everything: bool = False) -> np.ndarray:
        n = len(rest) if everything else held
        return posed.at(turns[frame], joints[frame]).skin(rest[:n], weights[:n]).astype(np.float32)

    return vertices, rows
