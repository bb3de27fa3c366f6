"""The folder format: exact up to its quantisation, and clear about whatever is wrong with a folder."""

import json
import re
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from diffproxy.proxies import ProxyMaps, load_proxies, render_proxies, save_proxies
from diffproxy.proxies.png import decode_proxy_png, encode_proxy_png
from diffproxy.utils.errors import InputError

DOC = Path(__file__).parents[2] / "docs" / "proxy_format.md"


@pytest.fixture
def maps(cube, make_ring):
    cameras = make_ring(3, size=24)
    maps = render_proxies(cube, cube.vertices, cameras, kinds=["body", "body", "right_hand"])
    rng = np.random.default_rng(0)
    return replace(maps, weight=rng.random(maps.weight.shape, dtype=np.float32) * (maps.labels > 0))


@pytest.fixture
def folder(maps, cube, tmp_path):
    save_proxies(maps, tmp_path / "p", cube)
    return tmp_path / "p"


def edit(folder, change):
    path = folder / "proxies.json"
    meta = json.loads(path.read_text())
    change(meta)
    path.write_text(json.dumps(meta))


def test_round_trip_to_the_last_level(maps, folder, cube):
    again, meta = load_proxies(folder, cube)
    assert (again.labels == maps.labels).all() and again.kind == maps.kind
    assert np.abs(again.uv - maps.uv).max() <= 0.5001 / 65535
    assert np.abs(again.weight - maps.weight).max() <= 0.5001 / 255
    for a, b in zip(again.cameras, maps.cameras, strict=True):
        assert a.to_json() == b.to_json()
    assert meta["body"] == {"name": "cube", "topology_id": "cube-1"}
    again.check()


def test_saving_what_was_loaded_changes_no_bit(folder, cube, tmp_path):
    again, _ = load_proxies(folder)
    save_proxies(again, tmp_path / "q", cube)
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "q" / path.name).read_bytes()
    twice, _ = load_proxies(tmp_path / "q")
    assert (twice.uv == again.uv).all() and (twice.weight == again.weight).all()
    assert not list(folder.glob(".*"))


def test_png_has_the_documented_channels():
    labels = np.array([[0, 7]], dtype=np.uint8)
    uv = np.array([[[0.3, 0.4], [1.0, 0.25]]], dtype=np.float32)
    data = encode_proxy_png(labels, uv)
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert bgr.dtype == np.uint16 and bgr[0].tolist() == [[0, 0, 0], [16384, 65535, 7]]
    found, back = decode_proxy_png(data, "x.png")
    assert found.tolist() == [[0, 7]] and back[0, 1].tolist() == pytest.approx([1, 0.25], abs=1e-5)


def test_the_documents_example_reads_the_folder_without_this_package(folder, maps):
    (example,) = re.findall(r"```python\n(.*?)```", DOC.read_text(), flags=re.DOTALL)
    assert "diffproxy" not in example and len(example.strip().splitlines()) <= 12
    scope = {"folder": str(folder)}
    exec(example, scope)
    again, _ = load_proxies(folder)
    for key in ("labels", "uv", "weight"):
        np.testing.assert_allclose(scope[key], getattr(again, key), atol=1e-7)
    np.testing.assert_allclose(scope["K"], np.stack([c.K for c in maps.cameras]))
    assert scope["names"][5] == "front"


def test_weights_may_be_left_out(folder):
    edit(folder, lambda meta: [view.pop("weight") for view in meta["views"]])
    maps, _ = load_proxies(folder)
    assert (maps.weight == (maps.labels > 0)).all()


@pytest.mark.parametrize("keep", [4, 40, 0.5, 0.999])
def test_a_truncated_png_is_an_error_not_half_a_image(folder, keep):
    path = folder / "v01.body.proxy.png"
    data = path.read_bytes()
    path.write_bytes(data[: int(keep if keep > 1 else keep * len(data))])
    with pytest.raises(InputError, match=r"v01\.body\.proxy\.png"):
        load_proxies(folder)


def test_a_flipped_bit_is_found(folder):
    path = folder / "v00.body.weight.png"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    with pytest.raises(InputError, match="checksum"):
        load_proxies(folder)


def test_wrong_depth_wrong_channels_wrong_order_and_wrong_size_are_told(folder, maps):
    path = folder / "v00.body.proxy.png"
    good = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    cv2.imwrite(str(path), good.astype(np.uint8))
    with pytest.raises(InputError, match="8-bit, 3 channel"):
        load_proxies(folder)
    cv2.imwrite(str(path), good[..., 0])
    with pytest.raises(InputError, match="16-bit, 1 channel"):
        load_proxies(folder)
    cv2.imwrite(str(path), good[..., ::-1])
    with pytest.raises(InputError, match="OpenCV writes blue, green, red"):
        load_proxies(folder)
    cv2.imwrite(str(path), good[:10])
    with pytest.raises(InputError, match="24x10"):
        load_proxies(folder)
    path.write_bytes(b"GIF89a")
    with pytest.raises(InputError, match="a PNG file"):
        load_proxies(folder)


def test_a_png_that_is_intact_but_empty_is_told(folder):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    path = folder / "v00.body.proxy.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""))
    with pytest.raises(InputError, match="undecodable"):
        load_proxies(folder)


def test_missing_files_are_named(folder):
    (folder / "v02.right_hand.proxy.png").unlink()
    with pytest.raises(InputError, match=r"v02\.right_hand"):
        load_proxies(folder)
    (folder / "proxies.json").unlink()
    with pytest.raises(InputError, match="no such file"):
        load_proxies(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(version=99), "version"),
        (lambda m: m.pop("views"), "views"),
        (lambda m: m.update(views=[]), "at views: List should have at least 1 item"),
        (lambda m: m["views"][0].update(kind="foot"), "foot"),
        (lambda m: m["views"][0].update(proxy="../v00.png"), "plain file names"),
        (lambda m: m["views"][0]["camera"].pop("K"), "K"),
        (lambda m: m["parts"].pop(4), r"also \[5\]"),
        (lambda m: m.update(parts=7), "at parts: a valid list"),
    ],
)
def test_a_wrong_index_is_told(folder, change, message):
    edit(folder, change)
    with pytest.raises(InputError, match=message):
        load_proxies(folder)


def test_text_that_is_no_json_is_told(folder):
    (folder / "proxies.json").write_text('{"format": ')
    with pytest.raises(InputError, match="not JSON"):
        load_proxies(folder)


def test_another_body_or_palette_is_told(folder, cube):
    edit(folder, lambda m: m["parts"][0].update(name="elbow"))
    with pytest.raises(InputError, match="part 1: elbow in the file, right in the body"):
        load_proxies(folder, cube)
    edit(folder, lambda m: m["body"].update(topology_id="other"))
    with pytest.raises(InputError, match="other"):
        load_proxies(folder, cube)
    load_proxies(folder)  # without a body nothing is compared


def test_broken_maps_are_not_written(maps, cube, tmp_path):
    uv = maps.uv.copy()
    uv[0, 0, 0, 0] = np.nan
    for broken, message in (
        (replace(maps, uv=uv), "uv in"),
        (replace(maps, weight=maps.weight * 2 + 1), "weight in"),
        (replace(maps, cameras=tuple(c.resize(5, 5) for c in maps.cameras)), "24x24"),
    ):
        with pytest.raises(InputError, match=message):
            save_proxies(broken, tmp_path / "x", cube)
    strange = replace(maps, labels=np.where(maps.labels > 0, 250, 0).astype(np.uint8))
    with pytest.raises(InputError, match="labels of the body palette"):
        save_proxies(strange, tmp_path / "x", cube)
    with pytest.raises(InputError, match="views of at least 1"):
        save_proxies(maps.select([]), tmp_path / "x", cube)
    assert not (tmp_path / "x").exists()


def test_maps_have_a_kind_and_a_camera_for_each_view(maps):
    for wrong in ({"kind": ("body",)}, {"cameras": maps.cameras[:1]}):
        with pytest.raises(InputError, match="one per view"):
            replace(maps, **wrong)
    with pytest.raises(InputError, match="views from 0 to 2"):
        maps.select([0, 3])


def test_writing_again_leaves_no_finished_folder_behind_when_it_fails(folder, maps, cube, monkeypatch):
    """A crash half-way must not leave the old index beside new images."""
    from diffproxy.proxies import io

    written = []

    def fail_at_third(path, data):
        written.append(path)
        if len(written) == 3:
            raise OSError("disk full")

    monkeypatch.setattr(io, "write_atomic", fail_at_third)
    with pytest.raises(OSError, match="disk full"):
        save_proxies(maps, folder, cube)
    with pytest.raises(InputError, match="no such file"):
        load_proxies(folder)


def test_views_can_be_chosen_and_joined(maps):
    joined = ProxyMaps.cat([maps.select([2]), maps.select([0, 1])])
    assert joined.kind == ("right_hand", "body", "body") and (joined.labels[1:] == maps.labels[:2]).all()
    assert joined.cameras[0].name == maps.cameras[2].name and joined.num_views == 3
    with pytest.raises(InputError, match="one image size"):
        ProxyMaps.cat(
            [maps, ProxyMaps(maps.labels[:, :4], maps.uv[:, :4], maps.weight[:, :4], maps.kind, maps.cameras)]
        )


def test_deviations_and_edges_of_images_travel(maps, cube, tmp_path):
    shape = maps.labels.shape
    std = np.random.default_rng(0).uniform(0, 0.3, shape).astype(np.float32)
    valid = np.ones(shape, dtype=bool)
    valid[0, shape[1] // 2 :] = False
    save_proxies(replace(maps, std=std, valid=valid), tmp_path / "q", cube)
    again, _ = load_proxies(tmp_path / "q", cube)
    assert again.std is not None and np.abs(again.std - std).max() <= 0.51e-4
    assert again.valid is not None and (again.valid == valid).all()
    plain, _ = load_proxies(tmp_path / "q", cube)
    both = ProxyMaps.cat([again, replace(plain, std=None, valid=None)])
    assert both.std is None and both.valid is not None and both.valid[len(valid) :].all()
    assert (again.select([0]).valid == valid[:1]).all()
