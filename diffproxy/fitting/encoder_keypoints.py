"""A fit to proxies together with the keypoints that the generator's encoder predicts beside them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from diffproxy.body import BodyModel, BodyParams
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.fit import fit
from diffproxy.fitting.result import FitResult
from diffproxy.fitting.terms.correspondences import Correspondences
from diffproxy.fitting.terms.keypoints import Keypoints
from diffproxy.keypoints.landmarks import with_encoder_keypoints
from diffproxy.keypoints.layouts import COCO17, INDEX
from diffproxy.proxies import ProxyMaps

#: Keypoints less confident than this are not used: a third of them and more are on another part or person.
MIN_CONFIDENCE = 0.3
#: Of the deviation in the image that the generator states, what the fit takes. Pixels of one limb err together, by more
#: than `independent_pixels` allows for, so that keypoints at their stated deviation count for too little beside them.
#: Measured in docs/results/keypoints.md, "Their weight in the fit".
IMAGE_STD = 0.6


class EncoderKeypointFitter:
    """Fits of one body model with the encoder's keypoints; keeps what does not change from frame to frame."""

    def __init__(self, body: BodyModel, config: FitConfig):
        self.body, self.config = body, config
        self.marked, self.landmarks = with_encoder_keypoints(body)

    def fit(
        self,
        maps: ProxyMaps,
        keypoints: Float[np.ndarray, "V 17 4"],
        start: BodyParams | None = None,
        candidates: Sequence[BodyParams] = (),
    ) -> FitResult:
        """As `fitting.fit`; `keypoints` are those of `DiffProxyOutput`, in pixels of the maps."""
        found = self.evidence_in(maps, keypoints)
        return fit(maps, self.body, self.config, start, keypoints=found, candidates=candidates)

    def evidence_in(self, maps: ProxyMaps, keypoints: Float[np.ndarray, "V 17 4"]) -> Keypoints | None:
        """`evidence` of the keypoints that lie in the picture."""
        return self.evidence(in_picture(maps, keypoints))

    def evidence(self, keypoints: Float[np.ndarray, "V 17 4"]) -> Keypoints | None:
        """The keypoints from `MIN_CONFIDENCE` on; None if there are none."""
        view, number = np.nonzero(keypoints[..., 2] >= MIN_CONFIDENCE)
        if not len(view):
            return None
        name = np.array([INDEX[n] for n in COCO17])[number]
        points, marks = keypoints[view, number].astype(np.float64), self.landmarks
        rows = Correspondences(
            view=view,
            pixel=points[:, :2],
            label=np.zeros(len(view), dtype=np.int64),
            face=marks.face[name],
            bary=marks.bary[name],
            weight=np.ones(len(view)),
            rank=np.zeros(len(view)),
        )
        return Keypoints(self.marked, rows, marks.std[name], IMAGE_STD * points[:, 3])


def in_picture(maps: ProxyMaps, keypoints: Float[np.ndarray, "V 17 4"]) -> Float[np.ndarray, "V 17 4"]:
    """The keypoints with confidence 0 for those beyond the picture: what is guessed there is no evidence."""
    if maps.valid is None:
        return keypoints
    side = maps.labels.shape[1]
    column, row = np.clip(np.nan_to_num(keypoints[..., :2]), 0, side - 1).astype(int).transpose(2, 0, 1)
    inside = maps.valid[np.arange(len(keypoints))[:, None], row, column]
    return np.where((np.arange(4) == 2) & ~inside[..., None], 0.0, keypoints)
