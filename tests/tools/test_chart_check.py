"""Charts are one-to-one: no folds, and 16-bit proxies lead back to where they came from."""

import numpy as np
from scipy.spatial import cKDTree

from tools.bake_body.chart_check import check_charts


def test_charts_do_not_fold_and_hardly_overlap(body):
    atlas = body.atlas
    reports = {r.name: r for r in check_charts(atlas, 2000)}
    ids = (
        {name: k for k, name in atlas.palette.names.items()}
        if isinstance(atlas.palette.names, dict)
        else {name: k for k, name in enumerate(atlas.palette.names)}
    )
    corners = atlas.template.astype(np.float64)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    lost = 0.0
    for name, report in reports.items():
        assert report.folded <= (3 if ids[name] > 30 else 0), name
        assert (report.off_mm > 2).mean() < 0.012, name
        if ids[name] <= 30:
            lost += area[atlas.face_part == ids[name]].sum() * (report.off_mm > 2).mean()
    assert lost / area.sum() < 1e-3


def test_unfolded_charts_mirror_exactly(body):
    atlas, faces, vertices = body.atlas, body.faces.numpy(), body.v_template.numpy()
    mirror = cKDTree(vertices).query(vertices * [-1, 1, 1])[1]

    def of(part):
        mine = atlas.face_part == atlas.palette.id_of(part)
        return dict(zip(faces[mine].ravel().tolist(), atlas.uv_corners[mine].reshape(-1, 2), strict=True))

    for part, other, flip in (("top_foot_l", "top_foot_r", 0), ("front_head", "front_head", 1)):
        left, right = of(part), of(other)
        for k, uv in left.items():
            u, v = right[int(mirror[k])]
            np.testing.assert_allclose(uv, (1 - u if flip else u, v), atol=1e-7)


def test_halves_share_the_border_of_unfolded_charts(body):
    atlas, faces = body.atlas, body.faces.numpy()
    for one, two in (("front_head", "back_head"), ("top_foot_r", "sole_foot_r")):
        uv = []
        for part in (one, two):
            mine = atlas.face_part == atlas.palette.id_of(part)
            uv.append(
                dict(zip(faces[mine].ravel().tolist(), atlas.uv_corners[mine].reshape(-1, 2), strict=True))
            )
        common = uv[0].keys() & uv[1].keys()
        assert len(common) > 20
        np.testing.assert_array_equal([uv[0][k] for k in common], [uv[1][k] for k in common])
