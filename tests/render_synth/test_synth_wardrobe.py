"""Garments on people: fit, no body inside, seams, cuts, notes, the same every time. All from a shirt made here."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from diffproxy.geometry.meshes import vertex_normals
from diffproxy.utils.errors import InputError
from render_synth.humans.body.anatomy import build_anatomy
from render_synth.humans.body.bodies import sample_person
from render_synth.humans.body.posed import pose_anatomy
from render_synth.humans.dress import build_dresser, dress
from render_synth.humans.makehuman.asset_garments import clipped, split_suit
from render_synth.humans.makehuman.base_mesh import base_vertices
from render_synth.humans.makehuman.dressing import DressedBody
from render_synth.humans.makehuman.garment_fitting import GarmentFitter, neighbours, unskin
from render_synth.humans.makehuman.wardrobe import build_skin_mesh, read_wardrobe


@pytest.fixture(scope="module")
def anatomy(body):
    return build_anatomy(body, 0.03)


def write_asset(folder, name, points, faces, base_ids, gap, hidden=()):
    """`points` of the base mesh (decimetres) lifted by `gap` along their normals; hangs on single vertices."""
    folder.mkdir(parents=True)
    normals = vertex_normals(points, faces)
    lines = [
        f"{i} {i} {i} 1 0 0 {x:.5f} {y:.5f} {z:.5f}"
        for i, (x, y, z) in zip(base_ids, gap * normals, strict=True)
    ]
    head = f"# CC0\nname {name}\nobj_file {name}.obj\nmaterial {name}.mhmat\nverts 0\n"
    tail = "\ndelete_verts\n" + " ".join(map(str, hidden)) + "\n" if len(hidden) else "\n"
    (folder / f"{name}.mhclo").write_text(head + "\n".join(lines) + tail)
    uv = (points - points.min(0))[:, :2] / np.ptp(points, axis=0)[:2]
    obj = [f"v {x} {y} {z}" for x, y, z in points] + [f"vt {u} {v}" for u, v in uv]
    obj += ["f " + " ".join(f"{i + 1}/{i + 1}" for i in f) for f in faces]
    (folder / f"{name}.obj").write_text("\n".join(obj))
    (folder / f"{name}.mhmat").write_text(f"name {name}\ndiffuseTexture {name}.png\n")
    cv2.imwrite(str(folder / f"{name}.png"), np.full((16, 16, 3), (40, 80, 160), np.uint8))


@pytest.fixture(scope="module")
def folder(anatomy, tmp_path_factory):
    """A tight shirt and tight trousers from the body's own faces, and a plain skin."""
    root = tmp_path_factory.mktemp("assets")
    ids, faces = anatomy.body.extra["base_vertex"], anatomy.body.faces.numpy()
    points = base_vertices()[ids]
    y, x = points[:, 1][faces], np.abs(points[:, 0])[faces]
    for name, keep in (
        ("shirt", ((y > 0.5) & (y < 5.6) & (x < 3.0)).all(1)),
        ("trousers", ((y < 1.5) & (y > -7.3) & (x < 2.9)).all(1)),
    ):
        used, local = np.unique(faces[keep], return_inverse=True)
        write_asset(
            root / "clothes" / name,
            name,
            points[used],
            local.reshape(-1, 3),
            ids[used],
            0.12,
            hidden=sorted(ids[used]),
        )
    (root / "skins").mkdir()
    (root / "skins" / "pale.mhmat").write_text("# CC0\nname pale\ndiffuseTexture pale.png\n")
    cv2.imwrite(str(root / "skins" / "pale.png"), np.full((8, 8, 3), 200, np.uint8))
    return root


@pytest.fixture(scope="module")
def wardrobe(folder, anatomy):
    return read_wardrobe(folder, anatomy)


def test_the_body_itself_binds_to_itself(anatomy):
    """A garment that is the base body becomes the rest body, its shapes and its weights, but for a little smoothing."""
    fitter = GarmentFitter(anatomy.body)
    bound = fitter.bind(fitter.base_body, fitter.faces, smooth=0)
    off = np.linalg.norm(bound.rest - fitter.template, axis=1)
    assert np.median(off) < 0.003 and np.quantile(off, 0.99) < 0.015
    np.testing.assert_allclose(bound.weights.sum(1), 1, atol=1e-9)
    exact = unskin(fitter.base_body, fitter.weights, fitter.to_base) + fitter.residual
    np.testing.assert_allclose(exact, fitter.template, atol=1e-9)


def test_neighbours_average(anatomy):
    around = neighbours(np.array([[0, 1, 2]]), 4)
    np.testing.assert_allclose(around @ np.array([1.0, 2.0, 3.0, 7.0]), [2.5, 2.0, 1.5, 7.0])


def test_suits_come_apart_by_height():
    low, high = (
        np.array([[0, -0.5, 0], [0, 0.1, 0], [1, 0, 0]]),
        np.array([[0, 0.1, 0], [0, 0.5, 0], [1, 0.3, 0]]),
    )
    faces = np.array([[0, 1, 2], [3, 4, 5]])
    parts = dict(split_suit(np.concatenate([low, high]), faces))
    np.testing.assert_array_equal(parts["top"], [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(parts["bottom"], ~parts["top"])
    assert [
        name for name, _ in split_suit(np.array([[0, -0.5, 0], [0, 0.5, 0], [1, 0, 0.0]]), faces[:1])
    ] == ["suit"]


def test_no_body_comes_through_clothes_in_any_pose(wardrobe, anatomy):
    inside, total = 0, 0
    for k in range(12):
        person = sample_person(anatomy.body, np.random.default_rng([k, 3]), np.zeros(3))
        posed = pose_anatomy(anatomy, person)
        dressed = DressedBody.of(posed, person.params.betas[0].double().numpy())
        for kind in ("bottom", "top"):
            garment = wardrobe.garments[kind][0]
            fitted = dressed.fit_garment(garment, over=list(dressed.garments))
            depth = dressed.obstacle.depth(fitted.points, garment.binding.weights)
            inside += int((depth > 0.001).sum())
            total += len(depth)
            # Neither floats nor explodes: no vertex far from the body.
            near, _ = dressed.obstacle.parts[4].tree.query(fitted.points)
            limbs = [part.tree.query(fitted.points)[0] for part in dressed.obstacle.parts[:4]]
            assert np.minimum(near, np.min(limbs, 0)).max() < 0.08
    assert inside < 0.003 * total


def test_skin_is_hidden_only_where_clothes_cover_it(wardrobe):
    shirt = wardrobe.garments["top"][0]
    rest = wardrobe.skin_mesh  # the body's own vertices
    assert 50 < shirt.hidden.sum() < 0.5 * len(shirt.hidden) and len(rest.of) >= len(shirt.hidden) - 200
    trousers = wardrobe.garments["bottom"][0]
    assert not (shirt.hidden & trousers.hidden).all()


def test_seams_of_the_skin_are_closed(anatomy):
    """Vertices are doubled where the UV map is cut, at the same place: the surface and its area stay."""
    mesh = build_skin_mesh(anatomy)
    faces = anatomy.body.faces.numpy()
    assert len(mesh.faces) + len(mesh.eyes) == len(faces)
    shown = {tuple(f) for f in mesh.of[mesh.faces]} | {tuple(f) for f in mesh.eyes}
    assert shown == {tuple(f) for f in faces}
    uv = anatomy.body.extra["vt_skin"]
    eyes = {tuple(e) for e in mesh.eyes}
    keep = [i for i, f in enumerate(faces) if tuple(f) not in eyes]
    np.testing.assert_array_equal(
        mesh.uv[mesh.faces], uv[anatomy.body.extra["ft_skin"][keep]].astype(np.float32)
    )


def test_cut_sleeves_end_on_the_line(wardrobe):
    shirt = wardrobe.garments["top"][0]
    short = clipped(shirt, 0.3 - np.abs(shirt.rest[:, 0]))
    assert np.abs(short.rest[:, 0]).max() == pytest.approx(0.3, abs=1e-5)
    assert clipped(shirt, np.full(len(shirt.rest), -1.0)) is shirt  # nothing left: not worn like that


def test_people_are_dressed_the_same_way_every_time(wardrobe, body):
    dresser = build_dresser(body, 0.03)
    person = sample_person(body, np.random.default_rng(5), np.zeros(3))
    seen = set()
    for k in range(6):
        one, two = (dress(np.random.default_rng(k), dresser, person, wardrobe) for _ in range(2))
        assert one.notes == two.notes
        for a, b in zip((one.skin, *one.worn), (two.skin, *two.worn), strict=True):
            np.testing.assert_array_equal(a.vertices, b.vertices)
            for x, y in ((a.colors, b.colors), (a.texture, b.texture)):
                assert (x is None) == (y is None) and (x is None or np.array_equal(x, y))
            assert np.isfinite(a.vertices).all() and a.faces.max() < len(a.vertices)
        seen |= {(x["name"], x["licence"]) for x in one.notes["assets"]}
    assert {("shirt", "CC0"), ("pale", "CC0")} <= seen


def test_folders_without_assets_and_other_bodies_are_refused(anatomy, tmp_path):
    with pytest.raises(InputError, match="clothes/"):
        read_wardrobe(tmp_path, anatomy)
    other = anatomy.body.__class__(replace(anatomy.body._arrays, extra={}))
    with pytest.raises(InputError, match="leave assets out"):
        GarmentFitter(other)
