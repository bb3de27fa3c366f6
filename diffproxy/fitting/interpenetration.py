"""Interpenetration of several people in one frame: bodies are moved apart, most where their pixels hold them least.

Each fitted body is replaced by the Gauss-Newton model of its own cost, so that moving it costs what its pixels and the
pose prior say; beside that the depth of vertices inside of other bodies is penalised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from scipy.spatial import cKDTree
from torch import Tensor

from diffproxy.body import BodyModel, BodyParams
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.evidence import ShownFrame
from diffproxy.fitting.normal_equations import frame_normal_equations
from diffproxy.fitting.state import BODY_JOINT_NUMBERS, TANGENT_DIM, Free, State, centered
from diffproxy.fitting.terms.priors import pose_priors
from diffproxy.geometry.meshes import vertex_normals
from diffproxy.proxies import ProxyMaps

TOUCH = 0.005  # metres by which vertices may be inside: skin and cloth give way
DEPTH_STD = 0.004  # metres, of the depth beyond that, in the first round
# factor on it for each further round: proxies state their errors too small where two people meet
FIRMER = 0.5
DEEPEST = 0.2  # metres from the nearest vertex of the other body; thicker parts are resolved from their rim
PIXELS = 250  # of a view, for the Gauss-Newton model
ROUNDS = 8  # of looking for vertices inside of others
STEPS = 8  # of L-BFGS in a round
FREE = Free(BODY_JOINT_NUMBERS, transl=True)  # shapes and fingers stay


@dataclass(frozen=True)
class Separated:
    """`params` of each body (batches of one), whether it was `moved`, its deepest interpenetration in metres."""

    params: tuple[BodyParams, ...]
    moved: tuple[bool, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]


def separate_people(
    maps: Sequence[ProxyMaps], params: Sequence[BodyParams], body: BodyModel, config: FitConfig | None = None
) -> Separated:
    """Resolve the interpenetration of the bodies of one frame.

    Args:
        maps: Proxies of each person, as fitted.
        params: Their fitted bodies (batches of one).
        body: Body model of all of them.
        config: As for `fit`.

    Returns:
        The bodies; the very same parameters where nobody is deeper than `TOUCH` inside of somebody else.
    """
    config = config or FitConfig()
    before = interpenetration(body, params)
    if max(before, default=0.0) <= TOUCH:
        return Separated(tuple(params), (False,) * len(params), before, before)
    who = [k for k, depth in enumerate(before) if depth > 0]
    first = BodyParams.cat([params[k] for k in who])
    centers = body.joints(first)[:, 0].double().cpu().numpy()
    state = centered(first, centers)
    priors = pose_priors(body.v_template, config.prior, config.pose_weight)
    pixels = replace(config, part_regions=False)  # contact is weighed against them alone
    own = frame_normal_equations(
        [ShownFrame(maps[k]) for k in who], body, pixels, priors, state, centers, FREE, PIXELS
    )
    moved = pushed_apart(body, state, torch.as_tensor(centers), own.H).to_params()
    transl = (moved.transl.double() + torch.as_tensor(centers)).to(first.transl)
    placed = first.replace(global_orient=moved.global_orient, body_pose=moved.body_pose, transl=transl)
    out = list(params)
    for row, k in enumerate(who):
        out[k] = placed[row : row + 1]
    return Separated(
        tuple(out), tuple(k in who for k in range(len(out))), before, interpenetration(body, out)
    )


def interpenetration(body: BodyModel, params: Sequence[BodyParams]) -> tuple[float, ...]:
    """`deepest` of bodies given by their parameters (batches of one)."""
    if len(params) < 2:
        return (0.0,) * len(params)
    with torch.no_grad():
        return deepest(body(BodyParams.cat(list(params))).vertices, body.faces)


def deepest(vertices: Float[Tensor, "N Nv 3"], faces: Int64[Tensor, "Nf 3"]) -> tuple[float, ...]:
    """For each body the depth in metres of its deepest vertex inside of another, or of another's inside of it."""
    out = [0.0] * len(vertices)
    for contact in _contacts(vertices, faces):
        depth = float(contact.depth(vertices).max())
        for k in (contact.inside, contact.of):
            out[k] = max(out[k], depth)
    return tuple(out)


def pushed_apart(
    body: BodyModel, state: State, centers: Float[Tensor, "N 3"], H: Float[Tensor, "N P P"]
) -> State:
    """Minimise the cost of moving N bodies plus their interpenetration.

    Args:
        body: Body model of all of them.
        state: The bodies, `transl` counted from `centers`.
        centers: (N, 3) metres.
        H: (N, P, P) normal matrix of each body's own cost over the columns of `FREE`, in units of its noise.

    Returns:
        The bodies, counted from `centers` as before.
    """
    columns = FREE.columns()
    places = (centers - centers.mean(0)).to(state.betas)
    # Steps in units of each body's own cost: all directions are then equally steep.
    H = H.detach().double().cpu()
    ridge = 1e-6 * H.diagonal(dim1=1, dim2=2).mean(1)
    root = torch.linalg.cholesky(H + ridge[:, None, None] * torch.eye(len(columns), dtype=H.dtype))
    to_tangent = torch.linalg.inv(root).mT.to(state.betas)
    step = torch.zeros(len(centers), len(columns), dtype=state.betas.dtype, requires_grad=True)

    def moved() -> State:
        tangent = torch.einsum("npq,nq->np", to_tangent, step)
        full = torch.zeros(len(centers), TANGENT_DIM, dtype=tangent.dtype)
        return state.retract(full.index_copy(1, columns, tangent))

    def posed() -> Tensor:
        return body(moved().to_params()).vertices + places[:, None]

    for k in range(ROUNDS):
        with torch.no_grad():
            vertices = posed()
        contacts = _contacts(vertices, body.faces)
        if not any(bool((c.depth(vertices) > TOUCH).any()) for c in contacts):
            break
        solver = torch.optim.LBFGS([step], max_iter=STEPS, line_search_fn="strong_wolfe")

        std = DEPTH_STD * FIRMER**k

        def cost(solver: Any = solver, contacts: list[_Contact] = contacts, std: float = std) -> Tensor:
            solver.zero_grad()
            vertices = posed()
            total = 0.5 * step.square().sum()
            for contact in contacts:
                beyond = (contact.depth(vertices) - TOUCH).clamp_min(0)
                total = total + 0.5 * (beyond / std).square().sum()
            total.backward()
            return total

        solver.step(cost)
    with torch.no_grad():
        return moved()


@dataclass(frozen=True)
class _Contact:
    """Vertices `which` of body `inside` that lie inside of body `of`, the nearest vertices there and their normals."""

    inside: int
    of: int
    which: Int64[Tensor, " K"]
    nearest: Int64[Tensor, " K"]
    normal: Float[Tensor, "K 3"]

    def depth(self, vertices: Float[Tensor, "N Nv 3"]) -> Float[Tensor, " K"]:
        """Metres below the tangent plane at the nearest vertex."""
        return ((vertices[self.of, self.nearest] - vertices[self.inside, self.which]) * self.normal).sum(-1)


def _contacts(vertices: Float[Tensor, "N Nv 3"], faces: Int64[Tensor, "Nf 3"]) -> list[_Contact]:
    """Vertices of each body inside of each other one, judged by the normal of the nearest vertex there."""
    points = vertices.detach().cpu().numpy()
    low, high = points.min(1), points.max(1)
    normals: dict[int, np.ndarray] = {}
    triangles = faces.cpu().numpy()
    out: list[_Contact] = []
    for a, b in permutations(range(len(points)), 2):
        candidate = np.flatnonzero(((points[a] > low[b]) & (points[a] < high[b])).all(-1))
        if not len(candidate):
            continue
        distance, nearest = cKDTree(points[b]).query(points[a][candidate], distance_upper_bound=DEEPEST)
        near = np.isfinite(distance)
        if b not in normals:
            normals[b] = vertex_normals(points[b], triangles)
        which, at = candidate[near], nearest[near]
        contact = _Contact(a, b, torch.as_tensor(which), torch.as_tensor(at), torch.as_tensor(normals[b][at]))
        behind = contact.depth(vertices.detach()) > 0
        if bool(behind.any()):
            out.append(_Contact(a, b, contact.which[behind], contact.nearest[behind], contact.normal[behind]))
    return out
