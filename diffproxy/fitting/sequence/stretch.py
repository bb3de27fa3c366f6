"""Consecutive frames that are smoothed together, and their results."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float

from diffproxy.body import BodyModel, BodyParams
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.result import FitResult
from diffproxy.fitting.sequence.interpolation import bracketing_frames, interpolate_pose
from diffproxy.fitting.sequence.outlier_limbs import LIMBS, replace_outlier_limbs
from diffproxy.fitting.state import State, centered
from diffproxy.fitting.uncertainty import calibrated


@dataclass(frozen=True)
class Stretch:
    """K consecutive frames of a sequence.

    Attributes:
        rows: Their positions in the sequence.
        fits: The result of each frame by itself.
        times: Seconds, rising.
        seen: Those of the K frames that have a body of their own.
        centers: The pelvis of each frame, world, metres; bodies are smoothed relative to it.
        start: The fitted bodies, with limbs that jump replaced; frames without one lie between their neighbours.
        outliers: Of each limb, the frames in which it was replaced.
    """

    rows: list[int]
    fits: list[FitResult]
    times: Float[np.ndarray, " K"]
    seen: list[int]
    centers: Float[np.ndarray, "K 3"]
    start: State
    outliers: dict[str, Bool[np.ndarray, " K"]]

    @classmethod
    def of(
        cls, rows: list[int], frames: list[FitResult], times: Float[np.ndarray, " F"], body: BodyModel
    ) -> Stretch:
        """The frames `rows` of all `frames`, whose times are `times`."""
        fits = [frames[i] for i in rows]
        seen = [k for k, fit in enumerate(fits) if fit.has_body]
        params: list[BodyParams] = []
        for k, fit in enumerate(fits):
            before, after, share = bracketing_frames(k, seen)
            ends = fits[before].params, fits[after].params
            params.append(fit.params if before == after else interpolate_pose(*ends, share))
        fitted = np.stack([fits[k].joints for k in seen]).astype(np.float64)
        whole, outliers = replace_outlier_limbs(BodyParams.cat(params), fitted, seen, times[rows])
        centers = body.joints(whole)[:, 0].double().cpu().numpy()
        return cls(rows, fits, times[rows], seen, centers, centered(whole, centers), outliers)

    def results(
        self,
        state: State,
        joint_std: Float[np.ndarray, "K 55"],
        body: BodyModel,
        config: FitConfig,
    ) -> list[FitResult]:
        """The results of the smoothed bodies `state`; `joint_std` as computed, metres."""
        params = state.to_params()
        shift = torch.as_tensor(self.centers, dtype=torch.float64, device=params.transl.device)
        params = params.replace(transl=(params.transl.double() + shift).to(params.transl.dtype))
        with torch.no_grad():
            joints = body.joints(params).cpu().numpy()
        out = []
        for k, own in enumerate(self.fits):
            std = calibrated(joint_std[k], own.joint_observed, own.joint_cameras, config)
            result = replace(own, params=params[k], joints=joints[k], vertices=None, joint_std=std)
            out.append(self._judged(k, result))
        return out

    def _judged(self, k: int, result: FitResult) -> FitResult:
        """The result of frame `k` with the status of a frame whose limbs, or whose body, come from other frames."""
        if jumped := [limb for limb, jumps in self.outliers.items() if jumps[k]]:
            said = f"{' and '.join(jumped)} taken from other frames: too far from where it was to have moved there"
            gone = np.isin(np.arange(55), [j for limb in jumped for j in LIMBS[limb]])
            observed = np.where(gone, 0.0, result.joint_observed)
            warning, reason = (
                "; ".join(x for x in (old, said) if x) for old in (result.warning, result.reason)
            )
            result = replace(
                result, warning=warning, reason=reason, status="doubtful", joint_observed=observed
            )
        if k not in self.seen:
            reason = f"no body of its own ({self.fits[k].reason}): between its neighbours"
            result = replace(result, status="filled", reason=reason, joint_observed=np.zeros(55))
        return result
