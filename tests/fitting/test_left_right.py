"""Sides misread by the proxies, limbs searched in pairs, and what the foreground says by itself."""

import numpy as np
import pytest
import torch

from benchmarks.corruption import side_pairs, swap_labels
from diffproxy.body import BodyParams
from diffproxy.body.flip import flipped_labels
from diffproxy.fitting.initialization.beam_search import (
    OTHER_SIDE_WEIGHT,
    PAIRS,
    LimbBeamSearch,
    search_limbs,
)
from diffproxy.fitting.initialization.segments import SegmentSearch, distinct
from diffproxy.fitting.pose_statistics import pose_penalty
from diffproxy.fitting.terms.correspondences import (
    Correspondences,
    driving_joints,
    sample_correspondences,
)
from diffproxy.fitting.terms.left_right import LabelFlips, flipped_pixels, reflected_surface
from diffproxy.fitting.terms.silhouette import Silhouette, surface_samples
from diffproxy.geometry.rotations import to_matrix


@pytest.fixture()
def seen(make_scene):
    scene = make_scene()
    found = sample_correspondences(scene.maps, scene.body, 150)
    return scene, found, LabelFlips.of(found, scene.body, driving_joints(scene.body, found.label))


def test_mirroring_twice_comes_back(body):
    rng = np.random.default_rng(0)
    face, bary = rng.integers(len(body.faces), size=50), rng.dirichlet(np.ones(3), size=50)
    mirror = reflected_surface(body)
    point = np.einsum("nk,nkc->nc", bary, mirror.corners[face])
    f, b = mirror(face, bary)
    image = np.einsum("nk,nkc->nc", b, mirror.corners[f])
    off = np.linalg.norm(image - point * [-1, 1, 1], axis=-1)
    assert np.median(off) < 0.002 and off.max() < 0.03


def test_labels_of_the_other_side():
    table = flipped_labels({0: "background", 1: "shin_l", 2: "shin_r", 3: "head"})
    assert table[:4].tolist() == [0, 2, 1, 0]


def test_the_true_body_finds_the_swapped_legs(seen, body):
    scene, _, flips = seen
    assert not flipped_pixels(flips, body, scene.maps.cameras, scene.params).any()
    pairs = side_pairs(dict(body.atlas.palette.names), ("thigh", "shin", "foot"))
    swapped = sample_correspondences(swap_labels(scene.maps, 1, pairs), body, 150)
    flips = LabelFlips.of(swapped, body, driving_joints(body, swapped.label))
    wrong = flipped_pixels(flips, body, scene.maps.cameras, scene.params)
    legs = (swapped.view == 1) & np.isin(swapped.label, [i for pair in pairs for i in pair])
    assert wrong[legs].mean() > 0.9 and not wrong[~legs].any()
    assert (flips.apply(wrong).label[wrong] != swapped.label[wrong]).all()


def limb_search(body, maps, flips) -> LimbBeamSearch:
    return LimbBeamSearch(
        SegmentSearch(
            body, flips.both(OTHER_SIDE_WEIGHT), maps.cameras, pose_penalty(), BodyParams.rest(1), 150
        ),
        flips,
    )


def test_a_limb_that_points_elsewhere_is_found_again(seen, body):
    scene, _, flips = seen
    limbs = limb_search(body, scene.maps, flips)
    assert search_limbs(limbs, scene.params) is None
    pose = scene.params.body_pose.clone()
    pose[0, 45:48] = torch.tensor([0.0, 0.0, 1.2])  # the left arm up
    better = search_limbs(limbs, scene.params.replace(body_pose=pose))
    assert better is not None
    off = np.linalg.norm(body.joints(better)[0].numpy() - scene.joints, axis=-1)
    assert off[18] < 0.08 and off[20] < 0.12


def test_distinct_rotations():
    R = to_matrix(np.array([[0.0, 0, 0], [0.1, 0, 0], [1.5, 0, 0], [1.6, 0, 0]]))
    assert distinct(R, 4) == [0, 2] and distinct(R, 1) == [0]
    assert len(PAIRS) == 2


def test_the_true_body_lies_within_its_outline(seen, body):
    scene, found, _ = seen
    outline = Silhouette(scene.maps, found, body, 30)
    face, bary = surface_samples(body)

    def pairs(shift: float) -> Correspondences:
        params = scene.params.replace(transl=scene.params.transl + torch.tensor([[shift, 0.0, 0.0]]))
        points = body.surface_points(
            params, torch.from_numpy(face)[None], torch.from_numpy(bary)[None].float()
        )
        return outline.matches(points[0].double().numpy())

    kept, moved = pairs(0.0), pairs(0.3)
    assert len(kept) < 0.12 * 4 * len(face)
    assert moved.weight.sum() > 5 * kept.weight.sum()
    assert (kept.label == 0).all() and np.isfinite(moved.pixel).all()
    row, column = np.floor(moved.pixel[moved.weight > 0][:, ::-1]).astype(int).T
    assert (row < scene.maps.labels.shape[1]).all() and (column < scene.maps.labels.shape[2]).all()


def test_a_limb_that_no_view_shows_takes_no_part_in_the_outline(seen, body):
    scene, found, _ = seen
    names = body.atlas.palette.names
    leg = [k for k, name in names.items() if name.endswith(("thigh_l", "shin_l", "foot_l"))]
    without = found[~np.isin(found.label, leg)]
    face, bary = surface_samples(body)
    params = scene.params.replace(transl=scene.params.transl + torch.tensor([[0.3, 0.0, 0.0]]))
    points = body.surface_points(params, torch.from_numpy(face)[None], torch.from_numpy(bary)[None].float())
    world = points[0].double().numpy()
    of_leg = np.flatnonzero(np.isin(body.atlas.face_part, leg))
    for rows, drawn in ((found, True), (without, False)):
        pairs = Silhouette(scene.maps, rows, body, 30).matches(world)
        assert np.isin(pairs.face, of_leg).any() == drawn and len(pairs)
