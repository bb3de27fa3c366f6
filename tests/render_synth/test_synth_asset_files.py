"""Readers of MakeHuman files: exact on small hand-written ones, clear on broken ones."""

import cv2
import numpy as np
import pytest

from diffproxy.utils.errors import InputError
from render_synth.humans.makehuman.asset_files import licence, read_image
from render_synth.humans.makehuman.mhclo import read_mhclo, read_mhmat
from render_synth.humans.makehuman.obj_file import read_obj

OBJ = "# a mesh\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nf 1/1 2/2 3/3 4/4\n"
CLO = """# released as CC0
name shirt
obj_file shirt.obj
material shirt.mhmat
tag Tops
x_scale 0 1 2.0
y_scale 0 2 0.5
z_scale 0 3 1.0
verts 0
2
0 1 2 0.5 0.25 0.25 1.0 2.0 -1.0
material shirt.mhmat
delete_verts
3 5 - 7
"""
BASE = np.array([[0, 0, 0], [4, 0, 0], [0, 1, 0], [0, 0, 3.0]])


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "shirt.obj").write_text(OBJ)
    (tmp_path / "shirt.mhclo").write_text(CLO)
    (tmp_path / "shirt.mhmat").write_text(
        "# CC-BY\nname Shirt\ndiffuseColor 1 0.5 0\ndiffuseTexture shirt.png\n"
    )
    return tmp_path


def test_a_garment_hangs_where_its_lines_say(folder):
    clo = read_mhclo(folder / "shirt.mhclo", folder)
    # Scales: |4 - 0| / 2 = 2, |1 - 0| / 0.5 = 2, |3 - 0| / 1 = 3.
    np.testing.assert_allclose(clo.place(BASE), [[0, 1, 0], [1.0 + 2.0, 0.25 + 4.0, -3.0]])
    np.testing.assert_array_equal(clo.hidden, [3, 5, 6, 7])
    assert (clo.name, clo.tags, clo.licence) == ("shirt", ("Tops",), "CC0")
    assert clo.obj == folder / "shirt.obj" and clo.material == folder / "shirt.mhmat"
    with pytest.raises(InputError, match="hm08"):
        clo.place(BASE[:2])


def test_meshes_of_any_polygons_are_read(folder):
    mesh = read_obj(folder / "shirt.obj")
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2], [0, 2, 3]])
    np.testing.assert_array_equal(mesh.uv[mesh.face_uv], mesh.vertices[mesh.faces][..., :2])
    (folder / "b.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf -3 -2//1 -1/ \n")
    np.testing.assert_array_equal(read_obj(folder / "b.obj").faces, [[0, 1, 2]])


def test_materials_name_images_that_exist(folder):
    assert read_mhmat(folder / "shirt.mhmat", folder).image is None
    cv2.imwrite(str(folder / "shirt.png"), np.full((40, 80, 4), [255, 0, 0, 128], np.uint8))
    material = read_mhmat(folder / "shirt.mhmat", folder)
    assert material.licence == "CC-BY" and not material.transparent
    np.testing.assert_allclose(material.color, [1, 0.5, 0])
    image = read_image(material.image, 20)
    assert image.shape == (10, 20, 4)
    np.testing.assert_array_equal(image[3, 3], [0, 0, 255, 128])


def test_licences_come_from_the_head_or_the_nearest_file(folder):
    inner = folder / "clothes" / "a"
    inner.mkdir(parents=True)
    assert licence(["# no word"], inner / "a.mhclo", folder) == "unknown"
    (folder / "LICENSE.txt").write_text("\nCreative Commons CC0 1.0\n")
    assert licence([], inner / "a.mhclo", folder) == "CC0"
    (inner / "LICENSE").write_text("Ask Ann\n")
    assert licence([], inner / "a.mhclo", folder) == "Ask Ann"


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("shirt.obj", "../../etc/passwd", "within"),
        ("shirt.mhmat", "/etc/passwd", "within"),
        ("obj_file shirt.obj", "", "not both"),
        ("2\n0 1", "1e999\n0 1", "numbers"),
        ("0 1 2 0.5", "0 1 x 0.5", "numbers"),
        ("0 1 2 0.5", "0 -1 2 0.5", "indices"),
        ("0 1 2 0.5", "0 1.5 2 0.5", "indices"),
        ("0.25 0.25 1.0", "0.25 0.25 1e300", "indices"),
        ("5 - 7", "7 - 5", "ranges"),
        ("5 - 7", "5 - 99999999999", "ranges"),
        ("x_scale 0 1 2.0", "x_scale 0 1 0", "positive"),
        ("y_scale 0 2 0.5", "y_scale 0", "3 numbers"),
    ],
)
def test_broken_garments_are_refused_with_the_line(folder, old, new, match):
    assert old in CLO
    (folder / "shirt.mhclo").write_text(CLO.replace(old, new, 1))
    with pytest.raises(InputError, match=match):
        read_mhclo(folder / "shirt.mhclo", folder)


@pytest.mark.parametrize(
    "text",
    ["", "v 0 0 0\n", "v 0 0\nf 1 1 1\n", "v 0 0 0\nf 1 2 3\n", "v 0 0 0\nf 1 1\n", "v 0 0 0\nf 0 1 1\n",
     "v 0 0 0\nf a b c\n", "v inf 0 0\nf 1 1 1\n", "v 0 0 0\nf -5 1 1\n", "v 0 0 0\0\nf 1 1 1\n"],
)  # fmt: skip
def test_broken_meshes_are_refused(tmp_path, text):
    (tmp_path / "m.obj").write_text(text)
    with pytest.raises(InputError):
        read_obj(tmp_path / "m.obj")


def test_missing_files_and_false_images_are_refused(tmp_path):
    with pytest.raises(InputError, match="check the asset folder"):
        read_obj(tmp_path / "none.obj")
    (tmp_path / "p.png").write_bytes(b"no image")
    with pytest.raises(InputError, match="image"):
        read_image(tmp_path / "p.png", 64)
    (tmp_path / "m.mhmat").write_text("diffuseTexture ../../secret.png\n")
    with pytest.raises(InputError, match="within"):
        read_mhmat(tmp_path / "m.mhmat", tmp_path)
