"""A rig: up axis, meeting point of the axes, unit and direction corrections, selection."""

import numpy as np
import pytest

from diffproxy.cameras import Camera, Rig
from diffproxy.cameras.rig import guess_up_axis
from diffproxy.cameras.up_axis import UP_AXES, rotation_to_y_up, up_vector
from diffproxy.utils.errors import InputError


@pytest.fixture
def rig(make_ring):
    return Rig("ring", make_ring(4, target=(0.5, 1.0, -0.25)))


@pytest.mark.parametrize("axis", UP_AXES)
def test_y_up_rotation(rig, axis):
    turned = Rig("r", rig.cameras, up_axis=axis)
    R = turned.R_yup_world
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-15)
    assert np.linalg.det(R) == pytest.approx(1)
    np.testing.assert_allclose(R @ turned.up, [0, 1, 0], atol=1e-15)


def test_y_up_rotation_golden():
    camera = Camera("c", 10, 10, np.diag([10.0, 10, 1]), np.eye(3), np.zeros(3))
    z_up, y_down = Rig("r", (camera,), up_axis="+Z"), Rig("r", (camera,), up_axis="-Y")
    np.testing.assert_allclose(z_up.R_yup_world @ [1, 2, 3], [1, 3, -2])
    np.testing.assert_allclose(y_down.R_yup_world @ [1, 2, 3], [1, -2, -3])
    np.testing.assert_array_equal(Rig("r", (camera,)).R_yup_world, np.eye(3))


def test_axes_meet_where_the_cameras_look(rig):
    np.testing.assert_allclose(rig.scene_center_world, [0.5, 1.0, -0.25], atol=1e-12)


def test_meeting_point_of_one_or_parallel_cameras_is_in_front(rig):
    alone = rig.subset(["cam1"])
    camera = alone.cameras[0]
    np.testing.assert_allclose(alone.scene_center_world, camera.center_world + 3 * camera.direction_world)
    K = np.diag([500.0, 500, 1])
    pair = Rig(
        "p", tuple(Camera(n, 9, 9, K, np.eye(3), np.array([x, 0.0, 0])) for n, x in (("a", 0.5), ("b", -0.5)))
    )
    np.testing.assert_allclose(pair.scene_center_world, [0, 0, 3])


def test_up_axis_is_guessed_from_upright_images(rig):
    assert guess_up_axis(rig.cameras) == "+Y"


def test_inverted_twice_and_scaled_back_is_the_same(rig):
    again = rig.inverted().inverted().scaled(1000.0).scaled(0.001)
    for a, b in zip(again.cameras, rig.cameras, strict=True):
        np.testing.assert_allclose(a.t_cam_world, b.t_cam_world, atol=1e-12)
        np.testing.assert_allclose(a.R_cam_world, b.R_cam_world, atol=1e-12)
    assert len(again.notes) == 4


def test_scaling_moves_centers_not_directions(rig):
    small = rig.scaled(0.5)
    np.testing.assert_allclose(small.centers_world, rig.centers_world / 2)
    np.testing.assert_allclose(small.cameras[0].direction_world, rig.cameras[0].direction_world)


def test_subset_keeps_the_order_asked_for(rig):
    assert [c.name for c in rig.subset(["cam2", "cam0"]).cameras] == ["cam2", "cam0"]
    with pytest.raises(InputError, match="cam9"):
        rig.subset(["cam9"])


def test_impossible_rigs_are_refused(rig):
    with pytest.raises(InputError, match="at least one camera"):
        Rig("r", ())
    with pytest.raises(InputError, match=r"twice: \['cam0'\]"):
        Rig("r", (rig.cameras[0], rig.cameras[0]))
    with pytest.raises(InputError, match="up_axis"):
        Rig("r", rig.cameras, up_axis="Z")
    with pytest.raises(InputError, match="metres"):
        Rig("r", rig.cameras, units="mm")


def test_every_up_axis_comes_to_plus_y_exactly():
    for axis in UP_AXES:
        assert (rotation_to_y_up(axis) @ up_vector(axis) == [0, 1, 0]).all()
        assert set(np.abs(rotation_to_y_up(axis)).ravel()) == {0.0, 1.0}
    assert (rotation_to_y_up("+Z") @ [1.0, 2.0, 3.0] == [1, 3, -2]).all()
    assert (rotation_to_y_up("-Y") @ [1.0, 2.0, 3.0] == [1, -2, -3]).all()
    with pytest.raises(InputError, match="up_axis one of"):
        up_vector("Z")


def test_cameras_by_the_thousand_are_refused(rig):
    with pytest.raises(InputError, match="at most 2000 cameras"):
        Rig("r", rig.cameras * 501)
