"""Proxies of views whose cameras are not known yet."""

import numpy as np
import torch

from diffproxy.body import BodyParams
from diffproxy.calibration.view_proxies import detections, in_order
from diffproxy.keypoints.layouts import COCO17, INDEX
from diffproxy.pipeline.generate_proxies import Generated
from diffproxy.proxies import ProxyMaps, render_proxies


def test_views_of_several_calls_become_one_with_bodies_first(body, make_ring):
    cameras = make_ring(2, size=48)
    with torch.no_grad():
        vertices = body(BodyParams.rest(1)).vertices[0].numpy()
    each = []
    for number, camera in enumerate(cameras):
        maps = ProxyMaps.cat(
            [render_proxies(body, vertices, [camera], [kind]) for kind in ("body", "left_hand")]
        )
        points = np.full((2, 17, 4), float(number))
        boxes = ((0.0, 0.0, 96.0, 96.0), (1.0, 1.0, 2.0, 2.0))
        each.append(Generated(maps, boxes, (f"note {number}",), {"left": [camera.name], "right": []}, points))
    made = in_order(each)
    assert made.maps.kind == ("body", "body", "left_hand", "left_hand")
    assert made.hands == {"left": ["cam0", "cam1"], "right": []} and made.notes == ("note 0", "note 1")
    people = detections(made, cameras)
    nose = people[1][0].points[INDEX[COCO17[0]]]
    assert nose.tolist() == [2.0, 2.0, 1.0]  # 96 pixels of the image are 48 of the map
