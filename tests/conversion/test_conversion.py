"""Our own people in the layouts of BEDLAM and SynBody come back: the same cameras, bodies and labels."""

import copy
import json
import re

import cv2
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from diffproxy.body import BodyParams
from diffproxy.cameras import Camera
from diffproxy.conversion.__main__ import main
from diffproxy.conversion.people import POSE
from diffproxy.datasets.shards import ShardIndex
from diffproxy.evaluation.rehearsal_models import write_models
from diffproxy.evaluation.rehearsal_take import Take
from diffproxy.geometry.directions import look_at_rotation
from diffproxy.proxies import render_proxies
from tests.pipeline.conftest import some_params

SIZE = (96, 72)


def camera(angle: float) -> Camera:
    place = np.array([3 * np.sin(angle), 1.0, 3 * np.cos(angle)])
    R = look_at_rotation(place, np.zeros(3), (0, 1, 0))
    K = np.array([[90.0, 0, SIZE[0] / 2], [0, 90.0, SIZE[1] / 2], [0, 0, 1]])
    return Camera(f"c{angle:g}", *SIZE, K, R, -R @ place)


@pytest.fixture(scope="module")
def takes(body):
    """Two people; seen from the first camera, the second one stands behind the first and a little to the side."""
    exact = copy.deepcopy(body).double()
    rng, cameras, out = np.random.default_rng(3), [camera(0.3), camera(1.2)], []
    for seed, depth in ((1, 0.0), (2, -0.6)):
        params = some_params(seed).to(torch.float64)
        hands = {
            k: torch.from_numpy(rng.normal(0, 0.2, (1, 45))) for k in ("left_hand_pose", "right_hand_pose")
        }
        place = depth * cameras[0].center_world / 3 - 0.5 * depth * cameras[0].R_cam_world[0]
        params = params.replace(transl=params.transl + torch.from_numpy(place), **hands)
        arrays = {k: getattr(params, k)[0].numpy() for k in ("full_pose", "betas", "expression", "transl")}
        with torch.no_grad():
            vertices = exact(params).vertices[0].numpy()
        images = [rng.integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8) for _ in cameras]
        out.append(Take(images, cameras, **arrays, vertices=vertices))
    return out


@pytest.fixture(scope="module")
def models(takes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_models(folder, takes)
    return folder


def write_bedlam(root, takes, scene):
    """Both people in one image of the first camera."""
    folder = root / scene / "png/seq_000000"
    folder.mkdir(parents=True)
    image = takes[0].images[0]
    stored = np.rot90(image) if "closeup" in scene else image
    cv2.imwrite(str(folder / "seq_000000_0005.png"), stored[..., ::-1])
    E = np.eye(4)
    E[:3, :3], E[:3, 3] = takes[0].cameras[0].R_cam_world, takes[0].cameras[0].t_cam_world
    np.savez(
        root / f"{scene}.npz",
        imgname=["seq_000000/seq_000000_0005.png"] * 2,
        pose_world=[t.full_pose for t in takes],
        trans_world=[t.transl for t in takes],
        shape=[t.betas for t in takes],
        cam_ext=[E] * 2,
        cam_int=[takes[0].cameras[0].K] * 2,
        gender=["female", "neutral"],
    )


def write_synbody(root, take, models):
    """The first person, turned and moved by the actor's placement, in two cameras."""
    file = np.load(models / "smplx/SMPLX_FEMALE.npz")
    turn, place = Rotation.from_euler("zxy", [10, -20, 140], degrees=True), np.array([120.0, -40.0, 55.0])
    shift = np.array([place[1], -place[2], place[0]]) / 100
    start = np.array([0.2, 0.1, -0.3])
    rows = {k: np.zeros((2, take.full_pose[part].size)) for k, part in POSE.items()}
    for name, part in POSE.items():
        rows[name][1] = take.full_pose[part]
    for side in ("left", "right"):
        rows[f"{side}_hand_pose"] -= file[f"hands_mean{side[0]}"]
    orient = turn.inv() * Rotation.from_rotvec(take.full_pose[:3])
    rows["global_orient"][1] = orient.as_rotvec()
    rows["transl"] = np.stack([start, turn.inv().apply(take.transl - start - shift) + start])
    rows |= {"betas": take.betas, "expression": np.stack([take.expression] * 2)}
    for number, (cam, image) in enumerate(zip(take.cameras, take.images, strict=True)):
        folder = root / f"Downtown/LS_01_CAM{number:03d}"
        for name in ("rgb", "smplx"):
            (folder / name).mkdir(parents=True)
        cv2.imwrite(str(folder / "rgb/0001.jpeg"), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 100])
        np.savez(folder / "smplx/a.npz", smplx=np.array(rows), meta=np.array({"gender": "female"}))
        x, y, z = cam.center_world
        actors = {
            "CameraActor": {
                "location": [100 * z, 100 * x, -100 * y],
                "rotation": Rotation.from_matrix(cam.R_cam_world.T).as_euler("zxy", degrees=True).tolist(),
                "fov": float(np.degrees(2 * np.arctan(SIZE[0] / 2 / cam.K[0, 0]))),
            },
            "CharacterActors": {
                "0": {"name": "a", "location": place.tolist(), "rotation": [10, -20, 140], "smplx": "a.npz"}
            },
        }
        (folder / "seq_data.json").write_text(json.dumps({"Actors": actors}))


def words(kind, tmp_path, models, **more):
    options = {"path": tmp_path / "renders", "models": models, "out": tmp_path / "shards", "size": 64} | more
    return [f"format={kind}", *(f"{k}={v}" for k, v in options.items())]


def compare(index, sample, take, body, cameras, occluders):
    """Body within 0.1 mm, cameras and labels as rendered from the take itself."""
    with torch.no_grad():
        vertices = body(index.params(sample)).vertices[0].numpy()
    assert np.abs(vertices - take.vertices).max() < 1e-4
    kinds = index.kinds(sample)
    assert kinds.count("body") == len(cameras)
    seen = iter(cameras)
    for number, kind in enumerate(kinds):
        view = index.view(sample, number)
        true = next(seen) if kind == "body" else true  # noqa: F821  (hand crops follow their body)
        np.testing.assert_allclose(view.camera.R_cam_world, true.R_cam_world, atol=1e-9)
        np.testing.assert_allclose(view.camera.center_world, true.center_world, atol=1e-9)
        low = true.K[:2, 2] - view.camera.K[:2, 2] * true.K[0, 0] / view.camera.K[0, 0]
        side = 64 * true.K[0, 0] / view.camera.K[0, 0]
        crop = true.crop((*low, *(low + side)), (64, 64))
        np.testing.assert_allclose(view.camera.K, crop.K, atol=1e-6)
        expected = render_proxies(body, take.vertices, [crop], [kind], occluders)
        assert (view.labels == expected.labels[0]).mean() > 0.999
        both = (view.labels > 0) & (view.labels == expected.labels[0])
        assert np.abs(view.uv - expected.uv[0])[both].max() < 1e-3


@pytest.mark.parametrize("scene", ["20221010_3_hall", "20221018_1_closeup_suburb"])
def test_bedlam_comes_back(scene, takes, models, body, tmp_path):
    root = tmp_path / "renders"
    write_bedlam(root, takes, scene)
    assert main(words("bedlam", tmp_path, models, per_shard=1)) == 0
    index = ShardIndex(tmp_path / "shards")
    assert {"left_hand", "right_hand"} & set(index.kinds(0))
    assert len(list((tmp_path / "shards").glob("*.tar"))) == 2
    assert len(index) == 2 and index.meta(0)["gender"] == "female" and index.meta(0)["source"] == "bedlam"
    faces = body.faces.numpy()
    for sample, (own, other) in enumerate([(0, 1), (1, 0)]):
        hiding = [(takes[other].vertices, faces)]
        compare(index, sample, takes[own], body, takes[own].cameras[:1], hiding)
    crop = index.view(1, 0).camera
    alone = render_proxies(body, takes[1].vertices, [crop]).labels[0]
    assert (alone > 0).sum() > 1.1 * (index.view(1, 0).labels > 0).sum()  # the first person stands in front


def test_synbody_comes_back(takes, models, body, tmp_path):
    write_synbody(tmp_path / "renders", takes[0], models)
    assert main(words("synbody", tmp_path, models, gender="neutral")) == 0
    index = ShardIndex(tmp_path / "shards")
    assert (
        len(index) == 1 and index.key(0) == "Downtown-LS_01-0001-0" and index.meta(0)["gender"] == "neutral"
    )
    compare(index, 0, takes[0], body, takes[0].cameras, None)
    assert main(words("synbody", tmp_path, models)) == 2  # never into a folder with shards


def test_what_is_missing_is_explained(takes, models, tmp_path, capsys):
    root = tmp_path / "renders"
    root.mkdir()
    assert main(words("bedlam", tmp_path, models)) == main(words("synbody", tmp_path, models)) == 2
    assert "SCENE.npz" in (err := capsys.readouterr().err) and "seq_data.json" in err
    write_bedlam(root, takes, "hall")
    assert main(words("bedlam", tmp_path, tmp_path)) == 2 and "SMPLX_FEMALE" in capsys.readouterr().err
    (root / "hall/png/seq_000000/seq_000000_0005.png").unlink()
    assert main(words("bedlam", tmp_path, models, out=tmp_path / "b")) == 2
    np.savez(root / "hall.npz", imgname=["a"])
    assert main(words("bedlam", tmp_path, models, out=tmp_path / "c")) == 2
    err = capsys.readouterr().err
    assert "the images of the labels" in err and "no pose_world" in err
    assert main(words("agora", tmp_path, models)) == 2 and main([]) == 0


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"pose_world": np.zeros((2, 66))}, r"pose_world.*of shape \(2, 165\)"),
        ({"pose_world": np.full((2, 165), np.nan)}, "finite numbers: pose_world"),
        ({"pose_world": np.full((2, 165), "a")}, "numbers: pose_world"),
        ({"trans_world": np.zeros((1, 3))}, r"trans_world.*of shape \(2, 3\)"),
        ({"cam_ext": np.full((2, 4, 4), np.inf)}, "finite numbers: cam_ext"),
        ({"gender": ["female"]}, "imgname and gender"),
        ({"imgname": [[1, 2]]}, "imgname and gender"),
        ({"imgname": ["../../elsewhere.png"] * 2}, "names inside of"),
        ({"imgname": ["/etc/passwd"] * 2}, "names inside of"),
        ({"trans_world": np.full((2, 3), 2000.0)}, "nobody"),  # millimetres
    ],
)
def test_labels_of_other_contents_are_told(takes, models, tmp_path, capsys, change, match):
    write_bedlam(tmp_path / "renders", takes, "hall")
    file = tmp_path / "renders/hall.npz"
    with np.load(file) as labels:
        np.savez(file, **{**labels, **change})
    assert main(words("bedlam", tmp_path, models)) == 2
    assert re.search(match, capsys.readouterr().err)
    assert not list((tmp_path / "shards").glob("*"))


def test_people_of_equal_image_names_stay_apart(takes, models, tmp_path):
    write_bedlam(tmp_path / "renders", takes, "hall")
    png, file = tmp_path / "renders/hall/png", tmp_path / "renders/hall.npz"
    (png / "seq_000000").rename(png / "other")
    write_bedlam(tmp_path / "renders", takes, "hall")
    (png / "other/seq_000000_0005.png").rename(png / "other/seq_000000_0005.PNG")
    with np.load(file) as labels:
        twice = {k: np.concatenate([v, v]) for k, v in labels.items()}
    names = ["seq_000000/seq_000000_0005.png"] * 2 + ["other/seq_000000_0005.PNG"] * 2
    np.savez(file, **twice | {"imgname": names})
    assert main(words("bedlam", tmp_path, models, hands="false")) == 0
    assert len(ShardIndex(tmp_path / "shards")) == 4


@pytest.mark.parametrize(
    ("place", "value", "match"),
    [
        (("Actors",), [], "Actors"),
        (("Actors", "CameraActor", "fov"), 180, r"CameraActor\.fov"),
        (("Actors", "CameraActor", "fov"), "wide", r"CameraActor\.fov"),
        (("Actors", "CameraActor", "rotation"), [1, 2], r"CameraActor\.rotation"),
        (("Actors", "CharacterActors", "0", "location"), None, r"CharacterActors\.0\.location"),
        (("Actors", "CharacterActors", "0", "smplx"), 5, r"CharacterActors\.0\.smplx"),
    ],
)
def test_sequences_of_other_contents_are_told(takes, models, tmp_path, capsys, place, value, match):
    write_synbody(tmp_path / "renders", takes[0], models)
    for file in (tmp_path / "renders").rglob("seq_data.json"):
        content = inner = json.loads(file.read_text())
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        file.write_text(json.dumps(content))
    assert main(words("synbody", tmp_path, models)) == 2
    assert re.search(match, capsys.readouterr().err)


def test_parameters_and_images_of_other_contents_are_told(takes, models, tmp_path, capsys):
    write_synbody(tmp_path / "renders", takes[0], models)
    file = tmp_path / "renders/Downtown/LS_01_CAM000/smplx/a.npz"
    with np.load(file, allow_pickle=True) as saved:
        rows = saved["smplx"].item()
    for change, match in (
        ({"transl": np.zeros((0, 3))}, "transl"),
        ({"body_pose": np.full((2, 63), np.nan)}, "finite numbers: body_pose"),
        ({"body_pose": np.zeros((3, 63))}, "2 rows of 63 numbers: body_pose"),
        ({"betas": np.zeros((0, 10))}, "betas"),
        ({"betas": "long"}, "numbers: betas"),
        ({"expression": np.zeros((5, 10))}, "expression"),
    ):
        np.savez(file, smplx=np.array(rows | change))
        assert main(words("synbody", tmp_path, models)) == 2
        assert match in capsys.readouterr().err
    for data in (b"", b"PK", file.read_bytes()[:900], b"\0" * 400):
        file.write_bytes(data)
        assert main(words("synbody", tmp_path, models)) == 2
        assert "SMPL-X parameters of SynBody" in capsys.readouterr().err
    file.parents[1].joinpath("rgb/0001.jpeg").rename(file.parents[1] / "rgb/first.jpeg")
    np.savez(file, smplx=np.array(rows))
    assert main(words("synbody", tmp_path, models)) == 2 and "first.jpeg" in capsys.readouterr().err


def test_nothing_in_a_pickle_is_run(takes, models, tmp_path, capsys):
    class Hostile:
        def __reduce__(self):
            return (print, ("run",))

    write_synbody(tmp_path / "renders", takes[0], models)
    for path in (tmp_path / "renders").rglob("a.npz"):
        np.savez(path, smplx=np.array(Hostile(), dtype=object))
    assert main(words("synbody", tmp_path, models)) == 2
    out = capsys.readouterr()
    assert "builtins.print" in out.err and "run" not in out.out.split()


def test_rest_pose_parts_cover_the_pose():
    assert sorted(i for part in POSE.values() for i in range(165)[part]) == list(range(165))
    assert {k: v.shape[1] for k, v in vars(BodyParams.rest(1)).items() if k in POSE} == {
        k: part.stop - part.start for k, part in POSE.items()
    }
