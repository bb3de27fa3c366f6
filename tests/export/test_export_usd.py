"""USD, opened by Pixar's library, and skinned by UsdSkel."""

import numpy as np
import pytest

from diffproxy.export.usd import joint_paths, write_usd
from diffproxy.utils.errors import InputError


@pytest.mark.parametrize("one_shape", [True, False])
def test_usdskel_computes_the_same_joints_and_skin(motion_of, tmp_path, one_shape):
    pytest.importorskip("pxr")
    from pxr import Usd, UsdGeom, UsdSkel

    motion = motion_of(3, one_shape, up_axis="+Z")
    write_usd(tmp_path / "take.usd", motion)
    turned = motion.with_up_axis("+Y")
    stage = Usd.Stage.Open(str(tmp_path / "take.usd"))
    assert UsdGeom.GetStageUpAxis(stage) == "Y" and UsdGeom.GetStageMetersPerUnit(stage) == 1.0
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode(), stage.GetTimeCodesPerSecond()) == (0, 2, 30)
    root = UsdSkel.Root(stage.GetDefaultPrim())
    cache = UsdSkel.Cache()
    assert cache.Populate(root, Usd.PrimDefaultPredicate)
    (binding,) = cache.ComputeSkelBindings(root, Usd.PrimDefaultPredicate)
    query = cache.GetSkelQuery(binding.GetSkeleton())
    (skinned,) = binding.GetSkinningTargets()
    points = UsdGeom.Mesh(skinned.GetPrim()).GetPointsAttr().Get()
    names = [str(j).rsplit("/", 1)[-1] for j in query.GetJointOrder()]
    assert names == list(motion.body.joint_names) and query.HasBindPose()
    for row in range(3):
        joints = np.array([m.ExtractTranslation() for m in query.ComputeJointSkelTransforms(row)])
        assert np.linalg.norm(joints - turned.joints[row], axis=-1).max() < 1e-3
        moved = type(points)(points)
        assert skinned.ComputeSkinnedPoints(query.ComputeSkinningTransforms(row), moved, row)
        if one_shape:
            assert np.linalg.norm(np.array(moved) - turned.vertices(row), axis=-1).max() < 1e-3


def test_joints_are_named_by_their_way_from_the_root():
    assert joint_paths(("a", "b", "c", "d"), [-1, 0, 1, 0]) == ["a", "a/b", "a/b/c", "a/d"]


def test_without_usd_core_the_extra_is_named(motion_of, tmp_path, monkeypatch):
    monkeypatch.setattr("diffproxy.utils.extras.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"diffproxy\[usd\]"):
        write_usd(tmp_path / "take.usd", motion_of(1))
