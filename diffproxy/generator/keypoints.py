"""Keypoints of the views from the joint maps of the encoder, without a further network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from diffproxy.encoders.movenet_keypoints import combine_keypoints, decode_keypoints, flip_keypoints
from diffproxy.generator.network.encoders import EncoderOutput
from diffproxy.generator.network.network import Conditioning
from diffproxy.proxies.maps import Kind


def view_keypoints(
    conditions: Sequence[Conditioning | EncoderOutput], kinds: Sequence[Kind], side: int
) -> Float[np.ndarray, "V 17 4"] | None:
    """Keypoints in the form of `DiffProxyOutput.keypoints`.

    Args:
        conditions: Conditioning or encoding of the views and, optionally, of the flipped views; their mean is taken.
        kinds: Kind of each view.
        side: Side of the maps or images in whose pixels they are stated.

    Returns:
        (V, 17, 4), or None if the encoder has no joint maps.
    """
    if not conditions[0].joint_maps:
        return None
    predicted = [decode_keypoints(c.joint_maps) for c in conditions]
    keypoints = combine_keypoints(predicted[0], *(flip_keypoints(k) for k in predicted[1:]))
    keypoints[..., [0, 1, 3]] *= side
    keypoints[[kind != "body" for kind in kinds], :, 2] = 0
    return keypoints.cpu().numpy()
