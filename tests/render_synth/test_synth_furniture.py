"""Furniture files, well-formed and hostile; what people hold; where things stand."""

import zipfile
from dataclasses import replace
from io import BytesIO

import cv2
import numpy as np
import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.utils.errors import InputError
from render_synth.cameras import sample_layout
from render_synth.scenes import catalogue
from render_synth.scenes import held_objects as held
from render_synth.scenes.capture_equipment import seat
from render_synth.scenes.catalogue import load_item, read_catalogue
from render_synth.scenes.fixed_counts import LAMPS, QUADS, TEXTURE, pad_lamps, pad_quads
from render_synth.scenes.furniture import COLUMNS, ROWS, Furniture, yaw
from render_synth.scenes.lights import spots, with_sun
from render_synth.scenes.mesh_parts import Quad, Sun
from render_synth.scenes.obj_file import TILE, build_object, cluster, parse_materials
from render_synth.scenes.placement import Ground, furnish
from render_synth.scenes.primitives import Solids
from render_synth.scenes.rooms import SIDES, Wall

CUBE = """mtllib cube.mtl
v 0 0 0\nv 2 0 0\nv 2 2 0\nv 0 2 0\nv 0 0 4\nv 2 0 4\nv 2 2 4\nv 0 2 4
vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1
usemtl wood
f 1/1 4/4 3/3 2/2
usemtl red
f 5 6 7 8
f -8 -7 -3 -4
"""
MTL = "newmtl wood\nKd 1 1 1\nmap_Kd wood.png\nnewmtl red\nKd 1 0 0\n"
ENTRY = "id#1=x\nname#1=Cube\nmodel#1=/m/cube.obj\nwidth#1=50\ndepth#1=100\nheight#1=30\ncreator#1=Me\n"


def png() -> bytes:
    image = np.zeros((4, 4, 3), np.uint8)
    image[:2, :2] = 255  # the top left quarter is white
    return cv2.imencode(".png", image)[1].tobytes()


def sh3f(path, properties="license=CC-0\n" + ENTRY, **files):
    members = {"m/cube.obj": CUBE, "m/cube.mtl": MTL, "m/wood.png": png()} | files
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        if properties is not None:
            archive.writestr("PluginFurnitureCatalog.properties", properties)
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_a_catalogue_is_read_to_scale_with_its_licence(tmp_path):
    (item,) = read_catalogue(sh3f(tmp_path / "a.sh3f"))
    assert (item.name, item.size, item.licence) == ("Cube", (0.5, 0.3, 1.0), "CC-0 (Me)")
    thing = load_item(item)
    np.testing.assert_allclose(thing.size, [0.5, 0.3, 1.0], atol=1e-6)
    np.testing.assert_allclose(thing.vertices.min(0), [-0.25, 0, -0.5], atol=1e-6)
    assert len(thing.vertices) == 3 * 6 and thing.texture.shape == (TILE, TILE, 3)
    np.testing.assert_allclose(np.linalg.norm(thing.normals, axis=1), 1, atol=1e-5)


def test_textures_keep_their_place_in_the_packed_one(tmp_path):
    thing = load_item(read_catalogue(sh3f(tmp_path / "a.sh3f"))[0])

    def color(uv):
        return thing.texture[int((1 - uv[1]) * TILE), int(uv[0] * TILE)]

    a = thing.uv[:6].reshape(2, 3, 2)  # the wooden side: corners (0, 0), (0, 1), (1, 1), (1, 0)
    low, high = a.reshape(-1, 2).min(0), a.reshape(-1, 2).max(0)
    at = lambda u, v: low + (high - low) * [u, v]  # noqa: E731
    assert color(at(0.25, 0.75)).min() > 0.9 and color(at(0.75, 0.75)).max() < 0.1
    assert color(at(0.25, 0.25)).max() < 0.1
    np.testing.assert_allclose(color(thing.uv[8]), [0.95, 0, 0], atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        {"m/cube.obj": "v 0 0 0\nf 1 2 3\n"},  # points that are not there
        {"m/cube.obj": "v 0 0 nan\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"},
        {"m/cube.obj": "no object"},
        {"m/cube.obj": b"\x00\xff" * 100},
        {"m/wood.png": b"no image"},
        {"m/cube.obj": "v 0 0 0\nv 1 0 0\nv 0 1 1\n" + "f 1 2 3\n" * 40_000},
    ],
)
def test_bad_models_are_left_out(tmp_path, change):
    (item,) = read_catalogue(sh3f(tmp_path / "a.sh3f", **change))
    assert load_item(item) is None


def test_nothing_is_read_from_outside_the_archive(tmp_path):
    (tmp_path / "secret.obj").write_text(CUBE)
    for model in ("../secret.obj", str(tmp_path / "secret.obj"), "/m/../../secret.obj"):
        (item,) = read_catalogue(sh3f(tmp_path / "a.sh3f", ENTRY.replace("/m/cube.obj", model)))
        assert load_item(replace(item, name=model)) is None
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.obj").write_text(CUBE.replace("cube.mtl", "../x.mtl"))
    (tmp_path / "x.mtl").write_text("newmtl red\nKd 0 1 0\n")
    thing = load_item(read_catalogue(tmp_path / "in")[0])
    assert not (thing.texture == [0, 0.95, 0]).all(-1).any()


def test_bombs_and_liars_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "MAX_CATALOGUE", 1000)
    with pytest.raises(InputError, match="under"):
        read_catalogue(sh3f(tmp_path / "a.sh3f", ENTRY + "#" * 2000))
    monkeypatch.setattr(catalogue, "MAX_MEMBERS", 2)
    with pytest.raises(InputError, match="at most 2 files"):
        read_catalogue(sh3f(tmp_path / "b.sh3f"))
    with zipfile.ZipFile(sh3f(tmp_path / "c.sh3f")) as archive, pytest.raises(InputError, match="under"):
        catalogue._member(archive, "m/cube.obj", 100)


@pytest.mark.parametrize("make", ["no zip", "empty", "no catalogue", "no entries"])
def test_files_without_furniture_are_refused(tmp_path, make):
    path = tmp_path / "a.sh3f"
    if make == "no zip":
        path.write_bytes(b"PK\x03\x04 nothing")
    elif make == "empty":
        path = tmp_path
    else:
        sh3f(path, None if make == "no catalogue" else "license=x\nname#1=odd\nwidth#1=a\n")
    with pytest.raises(InputError):
        read_catalogue(path)


def test_thinned_objects_keep_their_size():
    theta = np.linspace(0, np.pi, 80)[:, None]
    phi = np.linspace(0, 2 * np.pi, 160)[None]
    p = np.stack([np.sin(theta) * np.cos(phi), np.cos(theta) + 0 * phi, np.sin(theta) * np.sin(phi)], -1)
    quads = [p[:-1, :-1], p[1:, :-1], p[1:, 1:]]
    corners = np.stack([q.reshape(-1, 3) for q in quads], 1)
    thin, kept = cluster(corners, 2000)
    assert 300 < len(thin) == len(kept) <= 2000
    assert np.abs(np.ptp(thin.reshape(-1, 3), axis=0) - 2).max() < 0.1


def test_furniture_is_one_mesh_of_one_texture_whatever_is_in_it(tmp_path):
    (item,) = read_catalogue(sh3f(tmp_path / "a.sh3f"))
    many = Furniture()
    for i in range(20):
        many.add(item, yaw(0.3 * i), np.array([i, 0, 0.0]), np.ones(3))
    assert len(many.placed) == COLUMNS * ROWS == len(many.assets())
    mesh, none = many.mesh(), Furniture().mesh()
    assert mesh.texture.shape == none.texture.shape and mesh.uv.min() >= 0 and mesh.uv.max() <= 1
    # Every copy sees the same colours.
    rows, columns = (
        ((1 - mesh.uv[:, 1]) * ROWS * TILE).astype(int),
        (mesh.uv[:, 0] * COLUMNS * TILE).astype(int),
    )
    colors = mesh.texture[rows.clip(0, ROWS * TILE - 1), columns].reshape(COLUMNS * ROWS, -1)
    np.testing.assert_allclose(colors[1:], np.repeat(colors[:1], COLUMNS * ROWS - 1, 0), atol=1e-6)


def test_materials_know_glass():
    read = lambda name: png()  # noqa: E731
    found = parse_materials("newmtl a\nd 0.1\nnewmtl b\nTr 0.2\nmap_Kd x.png\n", read)
    assert found["a"].opacity == 0.1 and found["b"].opacity == 0.8 and found["b"].image.shape == (4, 4, 3)
    thing = build_object(CUBE.replace("usemtl red", "usemtl a"), found, 99)
    assert len(thing.vertices) == 3 * 2  # glass is left out


def test_furniture_keeps_away_from_people_and_cameras(tmp_path):
    items = read_catalogue(sh3f(tmp_path / "a.sh3f", ENTRY.replace("height#1=30", "height#1=180")))
    low, high = np.array([-0.4, 0, -0.3]), np.array([0.4, 1.8, 0.3])
    for seed in range(6):
        rng = np.random.default_rng(seed)
        body = rng.uniform(low, high, (2000, 3))
        layout = sample_layout(rng, 4, low, high, 7.5)
        pieces, ground = Furniture(), Ground(layout, (low + high) / 2, [body])
        furnish(rng, items, ground, (5.0, 5.0), True, pieces)
        for _, _, origin, _ in pieces.placed:
            assert np.linalg.norm(body[::20, [0, 2]] - origin[[0, 2]], axis=1).min() > 0.5
            for camera in layout.cameras:
                assert np.linalg.norm((camera.center_world - origin)[[0, 2]]) > 0.5


@pytest.mark.parametrize("axis, sign", SIDES)
def test_walls_face_the_room(axis, sign):
    wall = Wall(axis, sign, (3.0, 2.0))
    quad = wall.quad(0.0, 1.0, wall.length, 2.0, 0.0, np.zeros((2, 2, 3), np.float32))
    inward = np.cross(quad.along, quad.up)
    assert inward @ (quad.corner + quad.along / 2 + quad.up / 2 - [0, 1, 0]) < 0
    assert abs(quad.vertices[:, 0]).max() <= 3 and abs(quad.vertices[:, 2]).max() <= 2


def joints_of(body, seed):
    """Joints of a body in any pose at all."""
    rng = np.random.default_rng(seed)
    values = {"global_orient": rng.normal(0, 1.5, 3), "body_pose": rng.normal(0, 0.5, 63),
              "left_hand_pose": rng.normal(0, 0.4, 45), "right_hand_pose": rng.normal(0, 0.4, 45)}  # fmt: skip
    params = BodyParams.rest().replace(
        **{k: torch.tensor(v, dtype=torch.float32)[None] for k, v in values.items()}
    )
    return body(params).joints[0].numpy().astype(np.float64)


def test_held_things_stay_in_the_hand_in_any_pose(body):
    for seed in range(4):
        joints = joints_of(body, seed)
        rng = np.random.default_rng(seed)
        for side, (wrist, index, middle, little, _) in held.HANDS.items():
            turn, grip = held.hand_frame(joints, side)
            np.testing.assert_allclose(turn.T @ turn, np.eye(3), atol=1e-9)
            assert np.linalg.det(turn) == pytest.approx(1)
            knuckles = joints[[index, middle, little]].mean(0)
            assert np.linalg.norm(grip - knuckles) < 0.06
            assert turn[:, 1] @ (joints[middle] - joints[wrist]) > 0.9 * np.linalg.norm(
                joints[middle] - joints[wrist]
            )
            for kind in held.GRIPPED:
                local, world = Solids(), Solids()
                kind(local, rng)
                world.place(local, turn, grip)
                points = world.merged()[0]
                near = np.linalg.norm(points - grip, axis=1).min()
                size = np.ptp(points, axis=0).max()
                # Its corners may be far, its hull holds the grip (a ball lies in the palm).
                assert near < max(size, 0.02) and points.min(0).min() > -3
                low, high = local.merged()[0].min(0), local.merged()[0].max(0)
                assert (low < 0.02).all() and (high > -0.02).all()


def test_palms_look_where_fingers_bend(body):
    flat = body(BodyParams.rest()).joints[0].numpy().astype(np.float64)
    for side in ("left", "right"):
        turn, _ = held.hand_frame(flat, side)
        assert turn[1, 2] < -0.8  # in the T-pose palms look down


def test_what_is_held_follows_the_hand(body):
    """The same thing, with the whole body turned and moved, turns and moves with it."""
    joints = joints_of(body, 9)
    c, s = np.cos(1.1), np.sin(1.1)
    R, t = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]), np.array([1.0, 0.2, -3])
    for side in ("left", "right"):
        turn, grip = held.hand_frame(joints, side)
        moved, there = held.hand_frame(joints @ R.T + t, side)
        np.testing.assert_allclose(moved, R @ turn, atol=1e-9)
        np.testing.assert_allclose(there, R @ grip + t, atol=1e-9)


def test_bags_hang_and_boxes_lie_between_the_palms():
    s, rng = Solids(), np.random.default_rng(0)
    held.bag(s, rng, np.array([0.3, 0.9, 0.1]))
    points = s.merged()[0]
    assert points[:, 1].max() < 0.93 and points[:, 1].min() > 0.0
    joints = np.zeros((55, 3))
    for side, x in (("left", 0.2), ("right", -0.2)):
        wrist, index, middle, little, _ = held.HANDS[side]
        joints[wrist], joints[middle] = [x, 1, 0], [x, 1, 0.1]
        joints[index], joints[little] = [x, 1.03, 0.1], [x, 0.97, 0.1]
    box = Solids()
    assert held.carried(box, rng, joints)
    points = box.merged()[0]
    assert abs(points[:, 0]).max() == pytest.approx(0.162, abs=0.01)
    joints[[20, 25, 28, 31]] += [1, 0, 0]
    assert not held.carried(Solids(), rng, joints)


def test_seats_are_under_the_seated_and_touch_nobody():
    rng = np.random.default_rng(3)
    joints = np.zeros((55, 3))
    joints[0], joints[4], joints[5] = [0, 0.5, 0], [0.1, 0.5, 0.45], [-0.1, 0.5, 0.45]
    trunk = rng.uniform([-0.18, 0.42, -0.12], [0.18, 1.3, 0.12], (2000, 3))
    thighs = rng.uniform([-0.18, 0.43, 0.1], [0.18, 0.57, 0.5], (1000, 3))
    shins = rng.uniform([-0.18, 0.0, 0.4], [0.18, 0.45, 0.5], (1000, 3))
    body = np.concatenate([trunk, thighs, shins])
    s = Solids()
    assert seat(s, np.random.default_rng(0), body, joints, 0.0)
    points = s.merged()[0]
    under = points[points[:, 1] < 0.43]
    assert under[:, 1].max() == pytest.approx(0.42, abs=0.01) and points[:, 2].max() < 0.4
    standing = joints.copy()
    standing[0, 1] = 0.95
    assert not seat(Solids(), rng, body, standing, 0.0)


def test_the_sun_is_small_and_as_strong_as_asked():
    sky = np.ones((64, 128, 3), np.float32)
    out = with_sun(sky, Sun(1.0, 0.7, 2.0, np.array([1, 0.9, 0.8])))
    weight = np.sin((np.arange(64) + 0.5) / 64 * np.pi)[:, None, None]
    assert ((out - sky) * weight).mean() / (sky * weight).mean() == pytest.approx(2.0, rel=0.01)
    assert ((out - sky).max(-1) > 0).sum() == 1


@pytest.mark.parametrize("count", [0, 1, 3, 4, 9])
def test_lights_are_as_many_and_as_bright_as_before(count):
    rng = np.random.default_rng(count)
    lamps = spots(rng, count, (3.0, 3.0), 3.0, 2.5)
    out = pad_lamps(lamps)
    assert len(out) == (LAMPS if count else 0)

    def power(some):
        return sum(
            np.linalg.norm(np.cross(p.vertices[1] - p.vertices[0], p.vertices[3] - p.vertices[0]))
            * np.mean(p.rgb)
            for p in some
        )

    assert power(out) == pytest.approx(power(lamps), rel=1e-4)
    for p in out:  # still facing down into the room
        assert np.cross(p.vertices[1] - p.vertices[0], p.vertices[3] - p.vertices[0])[1] < 0


def test_worlds_have_as_many_rectangles_as_any_other():
    quad = Quad(
        np.zeros(3), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), np.ones((5, 7, 3), np.float32), 2.0
    )
    for count, made in ((1, QUADS), (6, QUADS), (7, 2 * QUADS), (14, 2 * QUADS)):
        out = pad_quads([quad] * count)
        assert len(out) == made and {q.texture.shape for q in out} == {(*TEXTURE, 3)}
        assert sum(q.vertices[0, 1] == 0 for q in out) == min(count, made)


def glb(path, image=True):
    """Two boxes of different size and material, the second one moved by its node."""
    import trimesh
    from PIL import Image
    from trimesh.visual import TextureVisuals
    from trimesh.visual.material import PBRMaterial

    low, high = trimesh.creation.box((0.4, 0.2, 0.6)), trimesh.creation.box((0.2, 0.5, 0.2))
    picture = Image.open(BytesIO(png())) if image else None
    low.visual = TextureVisuals(
        uv=low.vertices[:, :2] + 0.5, material=PBRMaterial(baseColorTexture=picture, name="wood")
    )
    high.visual = TextureVisuals(material=PBRMaterial(baseColorFactor=[255, 0, 0, 255], name="red"))
    scene = trimesh.Scene()
    scene.add_geometry(low, node_name="low")
    scene.add_geometry(
        high, node_name="high", transform=trimesh.transformations.translation_matrix([0, 0.35, 0])
    )
    path.write_bytes(scene.export(file_type="glb"))


def test_a_glb_file_is_read_in_metres_with_its_nodes_and_colours(tmp_path):
    glb(tmp_path / "B07.glb")
    (item,) = read_catalogue(tmp_path)
    assert (item.name, item.size) == ("B07", None)
    thing = load_item(item)
    # the box of 0.5 m stands on that of 0.2 m
    np.testing.assert_allclose(thing.size, [0.4, 0.7, 0.6], atol=1e-6)
    assert abs(thing.vertices[:, 1].min()) < 1e-6 and len(thing.vertices) == 2 * 12 * 3
    rows = ((1 - thing.uv[:, 1]) * TILE).astype(int).clip(0, TILE - 1)
    colors = thing.texture[rows, (thing.uv[:, 0] * TILE).astype(int).clip(0, TILE - 1)]
    red = thing.vertices[:, 1] > 0.21
    assert red.any() and np.abs(colors[red] - [0.95, 0, 0]).max() < 0.01
    outward = (thing.normals * (thing.vertices - [0, 0.3, 0])).sum(-1)
    assert (outward > 0).mean() > 0.8


@pytest.mark.parametrize("damage", ["short", "not glTF", "too large", "too many"])
def test_damaged_and_huge_glb_files_are_left_out(tmp_path, damage, monkeypatch):
    path = tmp_path / "a.glb"
    glb(path, image=False)
    data = path.read_bytes()
    path.write_bytes({"short": data[: len(data) // 2], "not glTF": b"PK" + data}.get(damage, data))
    if damage == "too large":
        monkeypatch.setattr(catalogue, "MAX_GLB", 10)
    if damage == "too many":
        monkeypatch.setattr(catalogue, "MAX_GLB_FACES", 23)
    assert load_item(read_catalogue(tmp_path)[0]) is None
