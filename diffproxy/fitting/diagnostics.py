"""Whether to believe a fit: what its proxies say against the body, and against each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from diffproxy.body.names import BODY_JOINTS
from diffproxy.body.parts import HAND_PARTS
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.noise import KERNEL_SIGMAS
from diffproxy.fitting.observed import UNOBSERVED, unobserved_note, unobserved_parts
from diffproxy.fitting.rays import RAY_KERNEL
from diffproxy.fitting.result import Status
from diffproxy.fitting.terms.correspondences import Correspondences
from diffproxy.fitting.terms.left_right import LabelFlips
from diffproxy.geometry.robust import geman_mcclure
from diffproxy.proxies import ProxyMaps

ENOUGH = 15
"""Fewer pixels than this say nothing of a view or of a part."""
ENOUGH_KEYPOINTS = 6
"""Fewer than this, in all views together, say nothing of the sides of arms or legs."""
LEGS, ARMS = (1, 2, 4, 5), (16, 17, 18, 19)
"""Joints that move knees and ankles, elbows and wrists."""


@dataclass(frozen=True)
class FitDiagnostics:
    """The first four as in `FitResult`."""

    inlier_ratio: float
    robust_loss: float
    flip_ratio: float
    view_residuals: tuple[float, ...]
    swapped: tuple[str, ...]
    """Parts whose side most of their pixels misstate."""
    swapped_ratio: float
    """Share of the pixels that state these parts, hands aside. Where it is large, the person as a whole is in question;
    a finger that a network takes for the other hand's says nothing of the rest."""
    keypoint_agreement: float = float("nan")
    """`limb_agreement` of the keypoints; NaN without."""


def fit_diagnostics(
    maps: ProxyMaps,
    flips: LabelFlips,
    found: Correspondences,
    distance: Float[np.ndarray, " N"],
    sigma: Float[np.ndarray, " N"],
    view: Int[np.ndarray, " N"],
    weight: Float[np.ndarray, " N"],
    names: dict[int, str],
) -> FitDiagnostics:
    """Numbers that tell how well a body explains its proxies.

    Args:
        maps: The proxies.
        flips: The pixels as they state their sides, and their counterparts.
        found: The pixels with their sides as read in the end.
        distance: How far each row of the last stage misses its surface point, metres.
        sigma: Its standard deviation, metres.
        view: Its map.
        weight: Its weight; 0: not a pixel that states a part.
        names: Of the palette's labels.
    """
    total = max(float(weight.sum()), 1e-12)
    loss = geman_mcclure((np.minimum(distance, 1e3) / RAY_KERNEL) ** 2, 1.0)[0]
    flipped = found.label != flips.stated.label
    swapped, swapped_ratio = _swapped(flips.stated.label, flipped, names)
    return FitDiagnostics(
        inlier_ratio=float(weight[distance < KERNEL_SIGMAS * sigma].sum() / total),
        robust_loss=float((weight * loss).sum() / total),
        flip_ratio=float(flipped.mean()),
        view_residuals=tuple(_median(distance[(view == v) & (weight > 0)]) for v in range(maps.num_views)),
        swapped=swapped,
        swapped_ratio=swapped_ratio,
    )


def _median(distance: Float[np.ndarray, " n"]) -> float:
    return float(np.median(distance)) if len(distance) >= ENOUGH else float("nan")


def limb_agreement(close: Bool[np.ndarray, " n"], joint: Int[np.ndarray, " n"]) -> float:
    """Share of the keypoints of arms, or of legs, that lie at the body: the smaller one.

    Args:
        close: Keypoints at the body.
        joint: The joint that moves each.

    Returns:
        The share; NaN where arms or legs have fewer than `ENOUGH_KEYPOINTS`.
    """
    limbs = [close[np.isin(joint, limb)] for limb in (LEGS, ARMS)]
    return float(np.min([limb.mean() if len(limb) >= ENOUGH_KEYPOINTS else np.nan for limb in limbs]))


_HAND_PARTS = {part.rsplit("_", 1)[0] for part in HAND_PARTS}


def _swapped(label: np.ndarray, flipped: np.ndarray, names: dict[int, str]) -> tuple[tuple[str, ...], float]:
    part = np.array([names.get(k, "").removesuffix("_l").removesuffix("_r") for k in range(256)])[label]
    found, count = [], 0
    for name in np.unique(part[flipped]):
        rows = part == name
        if rows.sum() >= ENOUGH and flipped[rows].mean() > 0.5:
            found.append(str(name).replace("_", " "))
            count += 0 if name in _HAND_PARTS else int(rows.sum())
    return tuple(found), count / max(len(part), 1)


def outlier_views(maps: ProxyMaps, residuals: tuple[float, ...], config: FitConfig) -> list[str]:
    """Names of body views that agree with the body far worse than the others do: of someone else, or misplaced."""
    known = [v for v, kind in enumerate(maps.kind) if kind == "body" and np.isfinite(residuals[v])]
    odd = []
    for v in known:
        others = [residuals[u] for u in known if u != v]
        if others and residuals[v] > max(
            config.outlier_view_distance, config.outlier_view_ratio * float(np.median(others))
        ):
            odd.append(maps.cameras[v].name)
    return odd


MOSTLY_UNSEEN = 11
"""A body of whose 22 joints more than this are unobserved is doubtful, whatever the rest says."""


def single_camera_share(observed: Float[np.ndarray, "55"], cameras: Int[np.ndarray, "55"]) -> float:
    """Share of the observed body joints that one camera alone supports; 0 where none is observed."""
    seen = observed[BODY_JOINTS] >= UNOBSERVED
    return float((cameras[BODY_JOINTS][seen] <= 1).mean()) if seen.any() else 0.0


def fit_status(
    against: FitDiagnostics,
    config: FitConfig,
    finite: bool,
    views: int,
    maps: ProxyMaps,
    observed: Float[np.ndarray, "55"],
    cameras: Int[np.ndarray, "55"],
) -> tuple[Status, str, str]:
    """Status, reason, and what to doubt about a body.

    Strong doubts (high robust loss, few inliers, sides swapped that keypoints do not confirm, most of the body unseen)
    make a body `doubtful`. Weaker ones, and the parts that no view shows, leave it `ok` and are named in the reason.

    Args:
        against: What speaks against the body.
        config: Thresholds.
        finite: The solution is.
        views: Number of body views that see the person.
        maps: The proxies, whose cameras' names a reason may state.
        observed: Support of each joint by pixels, 0 to 1.
        cameras: How many cameras support each joint.
    """
    if not finite:
        return "failed", "the solution is not finite", ""
    if against.inlier_ratio < config.fail_inlier_ratio or against.robust_loss > config.fail_robust_loss:
        explained = min(against.inlier_ratio, 1 - against.robust_loss)
        return "failed", f"the body explains only {explained:.0%} of the proxies", ""
    warnings, strong = [], False
    if against.robust_loss > config.doubtful_robust_loss:
        strong = True
        warnings.append(f"the proxies miss the body by far in {against.robust_loss:.0%}")
    elif against.inlier_ratio < config.warn_inlier_ratio:
        strong = against.inlier_ratio < config.doubtful_inlier_ratio
        warnings.append(f"the body explains only {against.inlier_ratio:.0%} of the proxies")
    odd = outlier_views(maps, against.view_residuals, config)
    if odd:
        warnings.append(f"{', '.join(odd)} disagrees with the other views")
    # Keypoints know left from right by themselves: where they are at the body, the proxies are wrong and not the body.
    if not against.keypoint_agreement > config.trusted_keypoint_agreement:
        strong |= against.swapped_ratio > config.doubtful_swapped_ratio
        strong |= against.flip_ratio > config.doubtful_flip_ratio
    if against.swapped:
        warnings.append(f"most views state the wrong side of: {', '.join(against.swapped)}")
    elif against.flip_ratio > config.doubtful_flip_ratio:
        warnings.append(f"{against.flip_ratio:.0%} of the proxies state the wrong side")
    if (observed[BODY_JOINTS] < UNOBSERVED).sum() > MOSTLY_UNSEEN:
        strong = True
        warnings.append("no view shows most of the body")
    alone = single_camera_share(observed, cameras)
    if views > 2 and alone > config.doubtful_single_camera:
        strong = True
        warnings.append(f"one camera alone shows {alone:.0%} of what is seen of the body")
    status: Status = "doubtful" if strong else "one_view" if views == 1 else "ok"
    flat = ["only one view shows the person: depth rests on an average body size"] if views == 1 else []
    unseen = [note] if (note := unobserved_note(unobserved_parts(observed))) else []
    return status, "; ".join([*warnings, *flat, *unseen]), "; ".join(warnings)
