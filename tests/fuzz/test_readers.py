"""Whatever a file holds, every reader gives a value or InputError: no other exception, no hang.

The suite tries the same examples every time; `make fuzz MINUTES=5` tries new ones.
"""

import copy
import io
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from diffproxy.body.files import read_body_file  # noqa: E402
from diffproxy.cameras import Camera, load_rig  # noqa: E402
from diffproxy.cameras.image_files import read_image  # noqa: E402
from diffproxy.datasets.shards import ShardIndex  # noqa: E402
from diffproxy.datasets.stored_listings import STORED  # noqa: E402
from diffproxy.generator.config import GeneratorConfig  # noqa: E402
from diffproxy.generator.pretrained import read_safetensors  # noqa: E402
from diffproxy.generator.stored_palette import read_palette  # noqa: E402
from diffproxy.keypoints import open_keypoints  # noqa: E402
from diffproxy.keypoints.readers import read_people  # noqa: E402
from diffproxy.pipeline.config import FitOptions  # noqa: E402
from diffproxy.pipeline.given_boxes import BoxFile  # noqa: E402
from diffproxy.proxies import load_proxies  # noqa: E402
from diffproxy.utils.bounded_arrays import read_npz  # noqa: E402
from diffproxy.utils.bounded_text import parse_yaml  # noqa: E402
from diffproxy.utils.errors import InputError  # noqa: E402
from diffproxy.utils.options import parse_options  # noqa: E402

EXAMPLES = os.environ.get("FUZZ_EXAMPLES")
many = settings(
    max_examples=int(EXAMPLES or 25),
    derandomize=EXAMPLES is None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
CAMERA = Camera("cam0", 64, 48, np.array([[60.0, 0, 32], [0, 60, 24], [0, 0, 1]]), np.eye(3), np.zeros(3))
numbers = st.one_of(
    st.integers(), st.floats(), st.sampled_from([0, -1, 1e15, 1e300, float("inf"), float("nan"), 10**400])
)
scalars = st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=5))
values = st.recursive(
    scalars,
    lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(max_size=5), v, max_size=4),
    max_leaves=8,
)
BOXES = {"cam0": {"0": [0, 0, 10, 10], "*": None}}
PEOPLE = {"people": [{"pose_keypoints_2d": [1.0, 2.0, 0.5] * 25}]}
LANDMARKS = {"pose_landmarks": [{"x": 0.1, "y": 0.2, "visibility": 1.0}] * 33}
RESULTS = [{"image_id": "000001.jpg", "keypoints": [1.0, 2.0, 0.5] * 17}]
MMPOSE = {"instance_info": [{"frame_id": 1, "instances": [
    {"keypoints": [[1.0, 2.0]] * 17, "keypoint_scores": [0.5] * 17}]}]}  # fmt: skip
INDEX = {"format": "diffproxy-proxies", "version": 1, "parts": [{"id": 1, "name": "a", "palette": "body"}],
         "views": [{"proxy": "a.png", "kind": "body", "camera": CAMERA.to_json()}]}  # fmt: skip
META = {
    "version": 2,
    "params": {"betas": [0.0] * 10},
    "views": [{"kind": "body", "camera": CAMERA.to_json()}],
}
PALETTE = {"names": {"0": "a"}, "colors": [[0.0, 0, 0]], "body_ids": [0], "hand_ids": []}


def paths_in(value, path=()):
    """The keys to every value inside nested lists and dictionaries."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in inner:
        yield from paths_in(entry, (*path, key))


@st.composite
def spoilt(draw, good):
    """`good` with one value replaced, removed or added, or quite another value, as JSON bytes."""
    value = copy.deepcopy(good)
    path = draw(st.sampled_from(list(paths_in(good))))
    if not path:
        value = draw(values)
    else:
        parent = value
        for key in path[:-1]:
            parent = parent[key]
        if draw(st.booleans()):
            parent[path[-1]] = draw(values)
        else:
            del parent[path[-1]]
    data = json.dumps(value).encode()
    cut = draw(st.integers(0, 9))
    return data[: draw(st.integers(0, len(data)))] if cut == 0 else data


def is_told(read, *args):
    try:
        read(*args)
    except InputError as error:
        assert error.expected and error.found and error.fix


@many
@given(data=spoilt(BOXES))
def test_boxes(tmp_path, data):
    (tmp_path / "b.json").write_bytes(data)
    is_told(lambda: BoxFile(tmp_path / "b.json", [CAMERA]).find(0, [], [CAMERA], None))


@many
@given(data=st.one_of(spoilt(PEOPLE), spoilt(LANDMARKS)))
def test_keypoints_of_a_frame(tmp_path, data):
    (tmp_path / "000001.json").write_bytes(data)
    is_told(read_people, tmp_path / "000001.json", CAMERA)


@many
@given(data=st.one_of(spoilt(RESULTS), spoilt(MMPOSE)))
def test_keypoints_of_a_video(tmp_path, data):
    (tmp_path / "cam0.json").write_bytes(data)
    is_told(open_keypoints, tmp_path, [CAMERA])


@many
@given(data=spoilt(INDEX))
def test_proxies(tmp_path, data):
    (tmp_path / "proxies.json").write_bytes(data)
    is_told(load_proxies, tmp_path)


@many
@given(data=spoilt(META))
def test_shards(tmp_path, data):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo("k.meta.json")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))

    def read():
        index = ShardIndex(path)
        index.kinds(0), index.params(0), index.view(0, 0)

    is_told(read)


STORED_LIST = {
    "version": 1,
    "names": ["meta.json", "v0.rgb.jpg"],
    "shards": [{"name": "a.tar", "size": 10240, "mtime_ns": 10**18, "keys": ["k"]}],
}


@many
@given(data=spoilt(STORED_LIST), row=st.lists(st.integers(-9, 2**63 - 1), min_size=3, max_size=3))
def test_stored_lists_of_shards(tmp_path, data, row):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo("k.meta.json")
        info.size = 2
        tar.addfile(info, io.BytesIO(b"{}"))
    os.utime(path, ns=(10**18, 10**18))
    about = np.frombuffer(data, np.uint8)
    np.savez(tmp_path / STORED, about=about, counts=np.array([2]), files=np.array([[0, 512, 2], row]))

    def read():
        index = ShardIndex(tmp_path / "*.tar")
        assert len(index) == 1
        index.kinds(0)

    is_told(read)


@many
@given(data=spoilt(PALETTE))
def test_palette(tmp_path, data):
    (tmp_path / "palette.json").write_bytes(data)
    is_told(read_palette, tmp_path / "palette.json")


@many
@given(data=spoilt({"name": "nano", "attention": {"backend": "sdpa"}, "frozen": []}))
def test_generator_config(data):
    is_told(GeneratorConfig.from_json, data.decode())


@many
@given(data=st.binary(max_size=300))
def test_bytes_that_are_no_such_file(tmp_path, data):
    for reader, name in (
        (read_image, "a.png"),
        (read_safetensors, "a.safetensors"),
        (read_body_file, "a.npz"),
    ):
        (tmp_path / name).write_bytes(data)
        is_told(reader, tmp_path / name)
    is_told(read_npz, tmp_path / "a.npz", "arrays")
    is_told(ShardIndex, tmp_path / "a.npz")


@many
@given(position=st.integers(0, 10**6), byte=st.integers(0, 255), cut=st.booleans())
def test_npz_with_one_byte_changed(tmp_path, position, byte, cut):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, v_template=np.zeros((9, 3)), f=np.zeros((2, 3), int))
    data = bytearray(buffer.getvalue())
    position %= len(data)
    data[position] = byte
    (tmp_path / "a.npz").write_bytes(data[:position] if cut else data)
    is_told(read_npz, tmp_path / "a.npz", "arrays")
    is_told(read_body_file, tmp_path / "a.npz")


@many
@given(text=st.text(alphabet="ab:&*-[]{}\n !%?,'\"0.|>", max_size=60))
def test_yaml(text):
    is_told(parse_yaml, text, "YAML")


@many
@given(
    name=st.sampled_from(["fps", "box_margin", "smooth", "samples", "seed"]),
    value=st.text(max_size=8) | numbers.map(str),
)
def test_options(name, value):
    is_told(parse_options, FitOptions, [f"{name}={value}"])


def test_hostile_corpus():
    """Small files that once went wrong; each reader of its kind tells."""
    for path in sorted((Path(__file__).parent / "corpus").iterdir()):
        reader = read_image if path.suffix == ".png" else load_rig
        with pytest.raises(InputError):
            reader(path)
