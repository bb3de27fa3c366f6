"""Mask of the epipolar attention: latent cells of other views that may see the same surface point.

A cell's central viewing ray, from close to its camera to far away, projects to a segment in every other view. A key is
allowed if its cell centre lies within `w` cells of that segment. This one rule covers what a distance to the
epipolar *line* gets wrong: points behind either camera (the segment ends at the epipole), and pairs without
baseline (a body view and its hand crop: F = 0, lines undefined), where the segment
shrinks to the exact homography point.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffproxy.generator.network.camera_conditioning import CameraBatch, grid_points

HALF_DIAGONAL = 0.71  # from a cell's centre to its corner, in cells
SLACK = 1.25  # perspective: the zoom between two views varies over the subject's depth and off the axis
NEAR, FAR = 0.1, 1e3  # ends of the viewing ray, in distances from the camera to the scene's origin


def epipolar_mask(
    cameras: CameraBatch,
    n: int,
    valid: Bool[Tensor, "G V"] | None = None,
    device: torch.device | str = "cpu",
) -> Bool[Tensor, "G 1 L L"]:
    """Which cells may attend to which. A view attends to all of itself; views that are not `valid` are attended by no
    other.

    Computed on `device` one source view at a time: besides the mask, only the distances of one view are in memory (12
    views at n = 32: 144 MiB and 110 MiB).

    Args:
        cameras: G groups of V cameras in their scene frame.
        n: Cells along a side of the latent grid.
        valid: (G, V) real views; the others are padding. None: all.
        device: Where the mask is computed.

    Returns:
        (G, 1, L, L) True where attention is allowed, L = V·n·n; rows are queries, columns keys, both ordered
            (view, row,
        column).
    """
    G, V = cameras.K.shape[:2]
    segments = [x.to(device) for x in _segments(cameras, n)]
    cells = ((torch.arange(n, device=device) + 0.5) - 0.5 * n).float()  # origin at the middle of the grid
    mask = torch.empty(G, V, n * n, V, n * n, dtype=torch.bool, device=device)
    for source in range(V):
        lines, middle, half, width = (x[:, source] for x in segments)
        normal, tangent, offset = lines[..., 0:2], lines[..., 2:4], lines[..., 4]

        def distance(axis: Tensor, shift: Tensor) -> Float[Tensor, "G V N n n"]:
            """|axis · cell + shift|, as the sum of a part of each row and one of each column."""
            rows = axis[..., 1:] * cells + shift[..., None]
            return (rows[..., None] + (axis[..., :1] * cells)[..., None, :]).abs_()

        width = width[..., None, None, None]
        seen = distance(normal, offset) <= width
        seen &= distance(tangent, -middle) <= half[..., None, None] + width
        if valid is not None:
            seen &= valid.to(device)[:, :, None, None, None]
        seen[:, source] = True
        mask[:, source] = seen.flatten(3).transpose(1, 2)
    return mask.view(G, 1, V * n * n, V * n * n)


def _segments(
    cameras: CameraBatch, n: int
) -> tuple[
    Float[Tensor, "G V V N 5"], Float[Tensor, "G V V N"], Float[Tensor, "G V V N"], Float[Tensor, "G V V"]
]:
    """Per (source view, target view, source cell): line (normal, tangent, offset), middle and half length of its
    interval (-inf: visible nowhere), and w per pair.

    Computed in double precision, because ends may project thousands of cells away; returned as float32 relative to the
    middle of the grid, where they are compared.
    """
    K, R, t, o = cameras.K, cameras.R_cam_world, cameras.t_cam_world, cameras.centers
    # Source depths in units of the distance to the origin: at least a fraction, so that the ray is in front.
    reach = o.norm(dim=-1).clamp_min(1e-6)[:, :, None, None, None]  # (G, s, 1, 1, 1)
    d = cameras.ray_directions(grid_points(n))[:, :, None]  # (G, s, 1, N, 3)
    # In the target camera: x(depth) = a + depth · b
    a = (R[:, None] @ o[:, :, None, :, None])[..., 0] + t[:, None]  # (G, s, t, 3)
    b = d @ R.mT[:, None]  # (G, s, t, N, 3)
    a = a[..., None, :].expand_as(b)
    near = torch.full_like(b[..., :1], NEAR) * reach
    far = torch.full_like(near, FAR) * reach
    # Clip to points at least `floor` in front of the target.
    floor = 0.02 * o.norm(dim=-1).clamp_min(1e-6)[:, None, :, None, None]
    az, bz = a[..., 2:], b[..., 2:]
    crossing = (floor - az) / torch.where(bz.abs() < 1e-12, torch.full_like(bz, 1e-12), bz)
    near = torch.where(bz > 0, torch.maximum(near, crossing), near)
    far = torch.where(bz < 0, torch.minimum(far, crossing), far)
    seen = (far > near) & (az + near * bz > 0.5 * floor)

    def project(depth: Tensor) -> Tensor:
        x = (a + depth * b) @ K.mT[:, None]
        return n * x[..., :2] / x[..., 2:].clamp_min(1e-9) - 0.5 * n

    p, q = project(near), project(torch.maximum(far, near))
    span = q - p
    length = span.norm(dim=-1, keepdim=True)
    axis = span.new_tensor([1.0, 0.0]).expand_as(span)
    tangent = torch.where(length > 1e-6, span / length.clamp_min(1e-12), axis)
    normal = torch.stack([-tangent[..., 1], tangent[..., 0]], -1)
    offset = -(normal * p).sum(-1, keepdim=True)
    lo, hi = (tangent * p).sum(-1), (tangent * q).sum(-1)
    half = torch.where(seen[..., 0], (hi - lo) / 2, -torch.inf)

    # A source cell covers `zoom` target cells at the subject: the band must cover the extents of both cells.
    focal = 0.5 * (K[..., 0, 0] + K[..., 1, 1])
    per_unit = focal / t[..., 2].abs().clamp_min(1e-6)  # image sides per scene unit at the origin
    zoom = per_unit[:, None, :] / per_unit[:, :, None]
    width = HALF_DIAGONAL * (1.0 + SLACK * zoom)
    lines = torch.cat([normal, tangent, offset], -1)
    return lines.float(), ((lo + hi) / 2).float(), half.float(), width.float()
