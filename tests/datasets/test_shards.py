"""Shards: exact round trips, random access, and files that are damaged or not finished."""

import json
import pickle
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from diffproxy.body.params import PARAM_DIMS, BodyParams
from diffproxy.cameras import Camera
from diffproxy.datasets.extras import EXTRAS, decode_extra, encode_extra
from diffproxy.datasets.shard_writer import ShardWriter
from diffproxy.datasets.shards import (
    FULL,
    KEPT,
    VERSION,
    ShardIndex,
    ShardView,
    decode_jpeg,
    params_from_json,
    params_to_json,
    read_shards,
    shard_paths,
)
from diffproxy.utils.errors import InputError


def some_camera(rng, width, height, name="cam0", distortion=()):
    R = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    R *= np.linalg.det(R)
    f = rng.uniform(50, 90)
    K = np.array([[f, 0, width / 2 + rng.normal()], [0, f, height / 2 + rng.normal()], [0, 0, 1.0]])
    return Camera(name, width, height, K, R, rng.normal(size=3), np.array(distortion, dtype=np.float64))


def some_view(rng, kind="body", width=24, height=24):
    blocks = rng.integers(0, 256, (height // 8, width // 8, 1)).repeat(3, -1)  # grey: JPEG halves the colours
    rgb = blocks.repeat(8, 0).repeat(8, 1)
    labels = rng.integers(0, 43, (height, width)).astype(np.uint8)
    uv = rng.random((height, width, 2)).astype(np.float32)
    mask = rng.integers(0, 3, (height, width)).astype(np.uint8)
    camera = some_camera(rng, width, height)
    return ShardView(rgb.astype(np.uint8), labels, uv, mask, camera, kind, {"crop": [0.5, 1.0, 9.0, 9.5]})


def some_params(rng):
    return BodyParams(**{k: torch.from_numpy(rng.normal(size=(1, n))).float() for k, n in PARAM_DIMS.items()})


def write(path, samples, seed=0):
    """A shard of `samples` subjects, two crops, a hand and a whole frame each; what went in, by key."""
    rng, put = np.random.default_rng(seed), {}
    with ShardWriter(path) as writer:
        for k in range(samples):
            views = [
                some_view(rng),
                some_view(rng),
                some_view(rng, "left_hand"),
                some_view(rng, FULL, 32, 16),
            ]
            put[f"s{seed}-{k:07d}"] = views, some_params(rng)
            writer.add(f"s{seed}-{k:07d}", *put[f"s{seed}-{k:07d}"], {"seed": seed, "k": k})
    return put


def test_parameters_pass_through_json_bit_by_bit():
    params = some_params(np.random.default_rng(2))
    got = params_from_json(json.loads(json.dumps(params_to_json(params))))
    assert all(torch.equal(getattr(got, k), getattr(params, k)) for k in PARAM_DIMS)


def test_a_shard_of_version_1_is_still_read():
    """Stored by the first version of the writer: cameras with an empty `distortion`, all bystanders 2 in the mask."""
    index = ShardIndex(Path(__file__).parent / "shard_version_1.tar")
    rng = np.random.default_rng(7)
    views = [some_view(rng, size) for size in ("body", "right_hand")]
    assert index.key(0) == "s1-0000003" and index.meta(0)["version"] == 1
    for j, want in enumerate(views):
        got = index.view(0, j, extras=EXTRAS)
        assert (got.kind, got.info, got.extras) == (want.kind, want.info, {})
        np.testing.assert_array_equal(got.labels, want.labels)
        np.testing.assert_array_equal(got.mask, want.mask)
        assert np.abs(got.uv - want.uv)[want.labels > 0].max() <= 0.5 / 65535 + 1e-7
        assert np.abs(got.rgb.astype(int) - want.rgb).mean() < 2
        for name in ("K", "t_cam_world", "distortion"):
            np.testing.assert_array_equal(getattr(got.camera, name), getattr(want.camera, name))
        # Read bit by bit; that of `want` is computed here, and its last bit depends on the processor.
        stored = index.meta(0)["views"][j]["camera"]["R_cam_world"]
        np.testing.assert_array_equal(got.camera.R_cam_world, stored)
        np.testing.assert_allclose(stored, want.camera.R_cam_world, rtol=0, atol=1e-15)
    assert torch.equal(index.params(0).betas, some_params(rng).betas)


def some_extras(rng, view):
    normals = rng.normal(size=(*view.labels.shape, 3))
    normals *= (view.labels > 20)[..., None] / np.linalg.norm(normals, axis=-1, keepdims=True)
    depth = rng.uniform(0.1, 60, view.labels.shape).astype(np.float32)
    depth[0, :3] = [0, np.inf, 70]  # the last one is farther than the format can say
    visibility = rng.integers(0, 3, view.labels.shape).astype(np.uint8)
    return {"depth": depth, "normals": normals.astype(np.float32), "visibility": visibility}


def test_extras_come_back_when_asked_for(tmp_path):
    rng = np.random.default_rng(3)
    bare, view = some_view(rng), some_view(rng)
    put = some_extras(rng, view)
    with ShardWriter(tmp_path / "a.tar") as writer:
        writer.add("s0", [bare, replace(view, extras=put)], some_params(rng), {})
    index = ShardIndex(tmp_path / "a.tar")
    assert index.view(0, 1).extras == {} and index.view(0, 0, extras=EXTRAS).extras == {}
    got = index.view(0, 1, extras=EXTRAS).extras
    assert set(got) == set(EXTRAS) == set(put)
    assert (got["depth"][0, :3] == 0).all()
    assert np.abs(got["depth"] - put["depth"])[1:].max() <= 0.000501
    assert np.abs(got["normals"] - put["normals"]).max() < 1.6e-5  # 1 / 65535, and float32
    assert ((got["normals"] == 0).all(-1) == (view.labels <= 20)).all()
    np.testing.assert_array_equal(got["visibility"], put["visibility"])


@pytest.mark.parametrize("name", EXTRAS)
def test_writing_a_read_extra_again_changes_no_byte(name):
    rng = np.random.default_rng(4)
    data = encode_extra(name, some_extras(rng, some_view(rng))[name])
    assert encode_extra(name, decode_extra(name, data, "file")) == data


def test_extras_are_named():
    with pytest.raises(InputError, match="depth, normals, visibility"):
        encode_extra("shading", np.zeros((2, 2)))


def test_random_access_gives_what_was_written(tmp_path):
    put = write(tmp_path / "b.tar", 2, seed=5) | write(tmp_path / "a.tar", 1, seed=4)
    index = ShardIndex(tmp_path)
    assert [index.key(i) for i in range(len(index))] == ["s4-0000000", "s5-0000000", "s5-0000001"]
    for i in (2, 0, 1):
        views, params = put[index.key(i)]
        assert index.kinds(i) == ["body", "body", "left_hand", FULL]
        assert index.meta(i)["k"] == int(index.key(i)[-1]) and index.meta(i)["version"] == VERSION
        assert all(torch.equal(getattr(index.params(i), k), getattr(params, k)) for k in PARAM_DIMS)
        for j in (3, 1, 0, 2):
            got, want = index.view(i, j), views[j]
            np.testing.assert_array_equal(got.labels, want.labels)
            np.testing.assert_array_equal(got.mask, want.mask)
            np.testing.assert_array_equal(got.camera.K, want.camera.K)
            assert np.abs(got.uv - want.uv)[want.labels > 0].max() < 1e-5
            assert np.abs(got.rgb.astype(int) - want.rgb).mean() < 2
            assert got.rgb.shape == want.rgb.shape and got.rgb.flags.c_contiguous
            assert (got.kind, got.info) == (want.kind, want.info)


def test_pictures_come_as_rgb(tmp_path):
    rng = np.random.default_rng(0)
    view = some_view(rng)
    red = ShardView(view.rgb * 0 + np.array([250, 20, 20], np.uint8), *list(vars(view).values())[1:])
    with ShardWriter(tmp_path / "a.tar") as writer:
        writer.add("s0", [red], some_params(rng), {})
    assert np.abs(ShardIndex(tmp_path).view(0, 0).rgb[5, 5].astype(int) - [250, 20, 20]).max() < 6


def test_an_index_travels_to_other_processes(tmp_path):
    write(tmp_path / "a.tar", 2)
    index = ShardIndex(tmp_path / "a.tar")
    index.meta(1)
    copy = pickle.loads(pickle.dumps(index))  # noqa: S301
    assert len(copy) == 2 and copy.key(1) == index.key(1)
    np.testing.assert_array_equal(copy.view(1, 2).labels, index.view(1, 2).labels)


def test_an_index_keeps_the_meta_data_of_few_samples(tmp_path):
    write(tmp_path / "a.tar", KEPT + 3)
    index = ShardIndex(tmp_path)
    assert [index.meta(i)["k"] for i in range(len(index))] == list(range(KEPT + 3))
    assert len(index._meta) == KEPT and index.meta(0)["k"] == 0


def test_reading_in_order_stacks_the_body_crops(tmp_path):
    put = write(tmp_path / "a.tar", 2)
    for sample in read_shards(tmp_path / "*.tar"):
        views, params = put[sample["key"]]
        assert sample["rgb"].shape == (2, 24, 24, 3) and sample["uv"].shape == (2, 24, 24, 2)
        np.testing.assert_array_equal(sample["labels"], np.stack([v.labels for v in views[:2]]))
        assert len(sample["views"]) == 4 and len(sample["cameras"]) == 2
        assert torch.equal(sample["params"].betas, params.betas)


def test_equal_data_gives_equal_bytes(tmp_path):
    write(tmp_path / "a.tar", 2)
    write(tmp_path / "b.tar", 2)
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_webdataset_reads_the_shards(tmp_path):
    wds = pytest.importorskip("webdataset")
    write(tmp_path / "a.tar", 2)
    samples = list(wds.WebDataset(str(tmp_path / "a.tar"), shardshuffle=False))
    assert [s["__key__"] for s in samples] == ["s0-0000000", "s0-0000001"]
    names = {f"v{j}.{ending}" for j in range(4) for ending in ("rgb.jpg", "proxy.png", "mask.png")}
    assert {k for k in samples[0] if not k.startswith("__")} == names | {"meta.json"}


def test_a_shard_has_its_name_only_when_it_is_complete(tmp_path):
    rng = np.random.default_rng(0)
    with ShardWriter(tmp_path / "a.tar") as writer:
        writer.add("s0", [some_view(rng)], some_params(rng), {})
        assert [p.suffix for p in tmp_path.iterdir()] == [".tmp"]
        with pytest.raises(InputError, match=r"unfinished"):
            shard_paths(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.tar"]


def test_a_failed_shard_leaves_nothing(tmp_path):
    with pytest.raises(KeyError), ShardWriter(tmp_path / "a.tar"):
        raise KeyError
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_full_disk_leaves_no_part_of_a_shard(share, small_disk, tmp_path):
    """Also where the disk is full only when the buffered end of the file is written."""
    write(tmp_path / "whole.tar", 12)
    size = (tmp_path / "whole.tar").stat().st_size
    with small_disk(int(share * size)), pytest.raises(InputError, match=r"room on the disk for .*cut\.tar"):
        write(tmp_path / "cut.tar", 12)
    assert [p.name for p in tmp_path.iterdir()] == ["whole.tar"]


@pytest.mark.parametrize("key", ["", "a.b", "a/b", "a" * 76, "\u00e9" * 38])
def test_keys_that_would_not_be_found_again_are_refused(tmp_path, key):
    with pytest.raises(InputError, match="sample key"), ShardWriter(tmp_path / "a.tar") as writer:
        writer.add(key, [], BodyParams.rest(), {})


def test_a_shard_holds_each_key_once(tmp_path):
    with pytest.raises(InputError, match="of its own"), ShardWriter(tmp_path / "a.tar") as writer:
        for _ in range(2):
            writer.add("a" * 75, [], BodyParams.rest(), {})


def test_a_shard_cut_anywhere_is_refused(tmp_path):
    write(tmp_path / "a.tar", 1)
    data = (tmp_path / "a.tar").read_bytes()
    with tarfile.open(tmp_path / "a.tar") as tar:
        members = tar.getmembers()
    last = members[-1].offset_data + members[-1].size
    starts = [m.offset for m in members[1:]]  # cut between files: tarfile sees nothing wrong
    for length in [0, 100, 512, 700, *starts, *(s + 300 for s in starts), last - 1, last, last + 600]:
        (tmp_path / "cut.tar").write_bytes(data[:length])
        with pytest.raises(InputError, match=r"render again"):
            ShardIndex(tmp_path / "cut.tar")


def test_a_shard_with_zeros_or_a_damaged_header_within_is_refused(tmp_path):
    """tarfile takes both for the end of the archive: the samples behind were missing without a word."""
    path = tmp_path / "a.tar"
    write(path, 12)
    data = path.read_bytes()
    with tarfile.open(path) as tar:
        headers = [member.offset for member in tar]
    tried = 0
    for at in headers[: len(headers) // 2]:
        if len(data) - at <= 2 * tarfile.RECORDSIZE:
            break
        tried += 1
        for damage in (bytes(len(data) - at), b"x" * 512 + data[at + 512 :]):
            path.write_bytes(data[:at] + damage)
            with pytest.raises(InputError, match=r"shard.*\n.*a\.tar"):
                ShardIndex(path)
    assert tried > 5
    path.write_bytes(data[: headers[-1]] + b"x" * 512 + data[headers[-1] + 512 :])
    with pytest.raises(InputError):
        ShardIndex(path)


def test_what_is_no_shard_is_refused(tmp_path):
    (tmp_path / "a.tar").write_bytes(b"not a tar file" * 200)
    with pytest.raises(InputError, match="readable tar shard"):
        ShardIndex(tmp_path)
    with pytest.raises(InputError, match="render_synth out="):
        ShardIndex(tmp_path / "nowhere")


def repack(source, target, change):
    """Copy a shard; `change(name, data)` gives the new data of a file, None leaves it out."""
    import io

    with tarfile.open(source) as old, tarfile.open(target, "w") as new:
        for member in old:
            data = change(member.name, old.extractfile(member).read())
            if data is not None:
                member.size = len(data)
                new.addfile(member, io.BytesIO(data))


def test_a_sample_without_meta_data_is_refused(tmp_path):
    write(tmp_path / "a.tar", 2)
    repack(tmp_path / "a.tar", tmp_path / "b.tar", lambda n, d: None if n == "s0-0000001.meta.json" else d)
    with pytest.raises(InputError, match="s0-0000001"):
        ShardIndex(tmp_path / "b.tar")


def test_a_missing_or_broken_picture_is_named(tmp_path):
    write(tmp_path / "a.tar", 1)
    repack(tmp_path / "a.tar", tmp_path / "b.tar", lambda n, d: None if n.endswith("v1.mask.png") else d)
    with pytest.raises(InputError, match=r"v1\.mask\.png in sample s0-0000000"):
        ShardIndex(tmp_path / "b.tar").view(0, 1)
    repack(tmp_path / "a.tar", tmp_path / "c.tar", lambda n, d: b"x" * 50 if n.endswith("v1.rgb.jpg") else d)
    with pytest.raises(InputError, match=r"v1\.rgb\.jpg of s0-0000000"):
        ShardIndex(tmp_path / "c.tar").view(0, 1)
    with pytest.raises(InputError, match="do not decode"):
        decode_jpeg(b"nothing", "a.jpg")
    repack(tmp_path / "a.tar", tmp_path / "d.tar", lambda n, d: d[:-20] if n.endswith("v0.proxy.png") else d)
    with pytest.raises(InputError, match=r"complete PNG in v0\.proxy\.png of s0-0000000"):
        ShardIndex(tmp_path / "d.tar").view(0, 0)


def test_pictures_of_another_size_than_the_camera_are_refused(tmp_path):
    write(tmp_path / "a.tar", 1)
    repack(tmp_path / "a.tar", tmp_path / "b.tar", lambda n, d: d.replace(b'"height": 16', b'"height": 17'))
    with pytest.raises(InputError, match="camera's size in view 3"):
        ShardIndex(tmp_path / "b.tar").view(0, 3)


def test_a_newer_format_is_refused(tmp_path):
    write(tmp_path / "a.tar", 1)
    repack(tmp_path / "a.tar", tmp_path / "b.tar", lambda n, d: d.replace(b'"version": 2', b'"version": 3'))
    with pytest.raises(InputError, match="update diffproxy"):
        ShardIndex(tmp_path / "b.tar").meta(0)


def others_of(rng, meta):
    """A sample with these meta data beside two other people's parameters, and its people."""
    people = [some_params(rng) for _ in range(3)]
    return people, {"others": [params_to_json(p) for p in people[1:]]} | meta


def test_people_are_the_subject_and_the_others_in_the_order_of_their_mask_values(tmp_path):
    rng = np.random.default_rng(9)
    people, meta = others_of(rng, {"bystanders": 2})
    with ShardWriter(tmp_path / "a.tar") as writer:
        writer.add("all", [some_view(rng)], people[0], meta)
        writer.add("alone", [some_view(rng)], people[0], {"bystanders": 0})
        writer.add("old", [some_view(rng)], people[0], {"bystanders": 2})
        writer.add("unsaid", [some_view(rng)], people[0], {})
    index = ShardIndex(tmp_path / "a.tar")
    by_key = {index.key(i): i for i in range(len(index))}
    got = index.people(by_key["all"])
    assert len(got) == 3
    for a, b in zip(got, people, strict=True):
        assert all(torch.equal(getattr(a, k), getattr(b, k)) for k in PARAM_DIMS)
    assert {len(index.people(by_key[k])) for k in ("alone", "old", "unsaid")} == {1}
    said = {k: index.labels_everybody(i) for k, i in by_key.items()}
    assert said == {"all": True, "alone": True, "old": False, "unsaid": True}


def test_other_people_of_another_body_model_are_refused(tmp_path):
    rng = np.random.default_rng(9)
    people, meta = others_of(rng, {})
    meta["others"][1].pop("body_pose")
    with ShardWriter(tmp_path / "a.tar") as writer:
        writer.add("s0", [some_view(rng)], people[0], meta)
    with pytest.raises(InputError, match="63 numbers for body_pose"):
        ShardIndex(tmp_path / "a.tar").people(0)
