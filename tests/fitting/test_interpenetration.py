"""Interpenetration is measured exactly, and resolved by how firmly each body is held."""

import numpy as np
import pytest
import torch
import trimesh

from diffproxy.body import BodyParams
from diffproxy.fitting.interpenetration import (
    FREE,
    TOUCH,
    deepest,
    interpenetration,
    pushed_apart,
    separate_people,
)
from diffproxy.fitting.state import State
from diffproxy.proxies import render_proxies


@pytest.mark.parametrize("depth", [-0.01, 0.02, 0.05])
def test_depth_of_spheres_is_exact(depth):
    """Of three spheres in a row, the first two overlap by `depth`; the poles of an icosphere are vertices."""
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.3)
    axis = ball.vertices[0] / np.linalg.norm(ball.vertices[0])
    rows = np.stack([ball.vertices, ball.vertices + (0.6 - depth) * axis, ball.vertices + 3 * axis])
    found = deepest(torch.as_tensor(rows), torch.as_tensor(ball.faces.astype(np.int64)))
    assert found == pytest.approx((max(depth, 0), max(depth, 0), 0.0), abs=1e-6)


def behind(distance):
    """Two people who face the same way, one behind the other; their trunks touch at 0.26 m."""
    return BodyParams.rest(2).replace(transl=torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, distance]]))


def pushed(body, params, firmness):
    """Moves (2, 3) of bodies that cannot turn; `firmness`: of each one's place."""
    H = torch.diag_embed(torch.full((2, len(FREE.columns())), 1e9))
    for k in range(2):
        H[k, -3:, -3:] = torch.eye(3) * firmness[k]
    moved = pushed_apart(body, State.from_params(params), torch.zeros(2, 3), H).to_params()
    return moved.transl - params.transl, interpenetration(body, [moved[:1], moved[1:]])


def test_equally_firm_bodies_move_by_the_same(body):
    params = behind(0.2)
    before = interpenetration(body, [params[:1], params[1:]])
    shift, after = pushed(body, params, (1e3, 1e3))
    assert min(before) > 0.03 and max(after) < TOUCH + 0.001
    assert shift[0, 2] < -0.01 and torch.allclose(shift[0], -shift[1], atol=1e-3)


def test_the_body_that_is_held_firmly_stays(body):
    shift, after = pushed(body, behind(0.2), (1e6, 1e2))
    assert max(after) < TOUCH + 0.001 and shift[0].norm() < 0.001 < 0.02 < shift[1, 2]


def test_fitted_bodies_are_separated_and_others_untouched(body, make_ring):
    """Two bodies held by exact proxies of theirs intersect by 3 cm; a third one stands apart."""
    places = [(0.0, 0.0, 0.0), (0.0, 0.0, 0.2), (0.0, 0.0, -1.0)]
    people = [BodyParams.rest(1).replace(transl=torch.tensor([place])) for place in places]
    cameras = make_ring(2, size=64, radius=3.0)
    with torch.no_grad():
        maps = [render_proxies(body, body(p).vertices[0].numpy(), cameras, ["body"] * 2) for p in people]
    found = separate_people(maps, people, body)
    assert found.moved == (True, True, False) and found.params[2] is people[2]
    assert min(found.before[:2]) > 0.03 and max(found.after) < TOUCH + 0.002
    for before, after in zip(people, found.params, strict=True):
        assert (body.joints(before) - body.joints(after)).norm(dim=-1).max() < 0.06
        torch.testing.assert_close(after.betas, before.betas)
    apart = separate_people([maps[0], maps[2]], [people[0], people[2]], body)
    assert apart.before == apart.after == (0.0, 0.0) and apart.params == (people[0], people[2])
    assert separate_people(maps[:1], people[:1], body).params == (people[0],)
