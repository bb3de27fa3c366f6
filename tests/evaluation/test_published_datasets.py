"""Readers of published data sets on rehearsal data: cameras, images and bodies come back; wrong folders are named."""

from __future__ import annotations

import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from diffproxy.body import load_body
from diffproxy.cameras import Camera
from diffproxy.datasets.shards import ShardIndex
from diffproxy.evaluation.config import DatasetOption, EvaluateOptions
from diffproxy.evaluation.datasets import agora, dress4d, human_data, moyo, mpi_inf_3dhp, open_dataset
from diffproxy.evaluation.datasets.data_frames import read_data_frame
from diffproxy.evaluation.evaluate import run_evaluation
from diffproxy.evaluation.protocol import ProtocolOption
from diffproxy.evaluation.rehearsal import RehearsalOptions, main, write_all
from diffproxy.evaluation.rehearsal_agora import as_pandas
from diffproxy.evaluation.rehearsal_check import CheckOptions, compare
from diffproxy.evaluation.rehearsal_layouts import LENS, save_pickle, write_behave
from diffproxy.evaluation.rehearsal_subject import LAYOUTS, from_shards
from diffproxy.evaluation.rehearsal_take import take_of
from diffproxy.pipeline.networks import Networks
from diffproxy.utils.errors import InputError
from tests.evaluation.conftest import write_shards

NAMES = ("mpi_inf_3dhp", "behave", "rich", "moyo", "dress4d")
PICTURES = ("spec_mtp", "humman", "pdhuman")


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory, body, ring_of_four, params_of):
    """Folder of all layouts, and the takes that they were written from."""
    folder = tmp_path_factory.mktemp("rehearsal")
    shards = write_shards(folder / "shards", body, ring_of_four, [params_of(0), params_of(1)])
    write_all(RehearsalOptions(shards=str(shards), out=str(folder / "r"), limit=2))
    index = ShardIndex(shards)
    return folder / "r", [take_of(index, s, load_body("anny")) for s in range(2)]


def options_of(root, name: str, **more) -> EvaluateOptions:
    data = DatasetOption(name, path=str(root / name), models=str(root / "models"), allow_pickle=True, **more)
    return EvaluateOptions(dataset=data, hands=False)


@pytest.mark.parametrize("name", NAMES)
def test_cameras_images_and_bodies_come_back(name, rehearsal, body, oracle_of, params_of, tmp_path):
    """All that an evaluation depends on is what the shards give, pictures bit by bit."""
    root, takes = rehearsal
    options, layout = options_of(root, name), LAYOUTS[name]
    subjects = [s.load() for s in open_dataset(options, body)]
    double = load_body("anny").double()
    for subject, take in zip(subjects, takes, strict=True):
        betas = takes[0].betas if layout.one_template else take.betas
        true = from_shards(take, subject.key, layout, betas, double)
        for camera, other in zip(subject.cameras, true.cameras, strict=True):
            assert (camera.width, camera.height) == (other.width, other.height)
            np.testing.assert_allclose(camera.K, other.K, atol=1e-6)
            np.testing.assert_allclose(camera.R_cam_world, other.R_cam_world, atol=1e-6)
            np.testing.assert_allclose(camera.t_cam_world, other.t_cam_world, atol=1e-6)
        for image, stored in zip(subject.images, true.images, strict=True):
            assert np.array_equal(image, stored)
        np.testing.assert_allclose(subject.boxes, true.boxes, atol=0.01)
        np.testing.assert_allclose(subject.true_body.vertices, true.true_body.vertices, atol=1e-5)
        joints, others = (s.true_body.joints["smplx22"] for s in (subject, true))
        np.testing.assert_allclose(joints, others, atol=1e-5)

    # Exact proxies, through `evaluate.py`.
    options = replace(options, out=str(tmp_path / "e.json"), limit=1, refine_crops=False)
    row = run_evaluation(options, Networks(oracle_of([params_of(0)], size=128)))["subjects"][0]
    assert row["status"] == "ok" and row["mpjpe"] < 5 and row["mpvpe"] < 5 and row["pa_mpvpe"] < 5


def test_parameters_that_a_data_set_lacks_are_zero(rehearsal):
    take, body = rehearsal[1][0], load_body("anny").double()
    fist = take.full_pose.copy()
    fist[66:] = 0.3
    closed = replace(take, full_pose=fist, expression=np.ones(10))
    open_hands, whole = (from_shards(t, "k", LAYOUTS["mpi_inf_3dhp"], t.betas, body) for t in (take, closed))
    assert np.array_equal(open_hands.true_body.vertices, whole.true_body.vertices)
    seen = from_shards(closed, "k", LAYOUTS["rich"], take.betas, body).true_body.vertices
    assert np.abs(seen - whole.true_body.vertices).max() > 0.01


def test_errors_of_a_reader_are_held_against_the_shards(rehearsal, body, oracle_of, params_of):
    """Equal to a hundredth of a millimetre, until a body moves by 1 cm along each axis."""
    root, _ = rehearsal
    options = CheckOptions(str(root.parent / "shards"), str(root), limit=1)
    networks = Networks(oracle_of([params_of(0)], size=128))
    quick = ("hands=false", "refine_crops=false", "solver.settings.max_pixels=100")
    found = compare(options, "4ddress", networks, quick)
    assert found.status == ["ok"] and found.largest < 0.01
    path = root / "dress4d/00100/Outer/Take1/SMPLX/mesh-f00011_smplx.pkl"
    good = path.read_bytes()
    body_there = pickle.loads(good)  # noqa: S301 (of our own)
    path.write_bytes(pickle.dumps(body_there | {"transl": body_there["transl"] + 0.01}))
    try:
        assert compare(options, "4ddress", networks, quick).largest > 10
    finally:
        path.write_bytes(good)


@pytest.mark.parametrize("name", PICTURES)
def test_single_pictures_come_back(name, rehearsal, body):
    """The body stands in the camera's axes, and has the pixels that it has in the take."""
    root, takes = rehearsal
    subjects = [s.load() for s in open_dataset(options_of(root, name), body)]
    assert len(subjects) == 8 and len({s.key for s in subjects}) == 8
    for n, subject in enumerate(subjects):
        take, k = takes[n // 4], n % 4
        true, (camera,), (image,) = take.cameras[k], subject.cameras, subject.images
        assert np.array_equal(image, take.images[k])
        np.testing.assert_allclose(camera.K, true.K, atol=1e-6)
        np.testing.assert_allclose(camera.R_cam_world, np.eye(3))
        posed, joints = subject.true_body.vertices, subject.true_body.joints["smplx22"]
        seen = take.vertices @ true.R_cam_world.T + true.t_cam_world
        np.testing.assert_allclose(posed, seen, atol=1e-5)
        assert joints.shape == (22, 3) and subject.true_body.surface.part.max() == 23


def test_people_of_agora_come_back(rehearsal, body):
    """Valid people alone; the lens follows from the name, and the colours of the body from the lens."""
    root, takes = rehearsal
    subjects = [s.load() for s in open_dataset(options_of(root, "agora"), body)]
    assert len(subjects) == 8 and all(s.key.endswith("/1") for s in subjects)
    for n, subject in enumerate(subjects):
        take, k = takes[n // 4], n % 4
        true, (camera,), (image,) = take.cameras[k], subject.cameras, subject.images
        assert (camera.width, camera.height) == (1280, 720)
        np.testing.assert_allclose(camera.K, [[995.556, 0, 640], [0, 995.556, 360], [0, 0, 1]], atol=1e-3)
        seen = take.vertices @ true.R_cam_world.T + true.t_cam_world
        np.testing.assert_allclose(subject.true_body.vertices, seen, atol=1e-9)
        np.testing.assert_allclose(subject.true_body.joints["smplx22"][0], seen.mean(0), atol=0.3)
        x, y = camera.project(seen).mean(0).astype(int)
        assert np.abs(image[y, x].astype(int) - take.images[k][64, 64]).max() <= 1
    everybody = [*open_dataset(options_of(root, "agora"), body, hidden=True)]
    assert [s.counted for s in everybody] == [False, True] * 8
    assert [s.picture for s in everybody[::2]] == [s.picture for s in everybody[1::2]]
    assert len({s.picture for s in everybody}) == 8
    assert agora.camera_of("ag_trainset_3dpeople_bfh_archviz_5_10_cam01_1", 3840, 2160, 0.5).K[0, 0] == 1920
    assert agora.camera_of("ag_validationset_hdri_50mm", 1280, 720, 0.5).K[0, 0] == pytest.approx(
        1777.78, abs=0.01
    )


def test_data_frames_run_nothing(tmp_path):
    path = tmp_path / "frame.pkl"
    for content, match in (
        (pickle.dumps(Path("/")), "pathlib"),
        (pickle.dumps({"a": 1}), "block manager"),
        (as_pandas({"a": [1, 2]})[:-20], "data frame"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=match):
            read_data_frame(path)
    path.write_bytes(as_pandas({"a": [1, 2], "b": [[3], np.arange(2)]}))
    columns = read_data_frame(path)
    assert columns["a"].tolist() == [1, 2] and columns["b"][0] == [3] and columns["b"][1].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("column", "value", "match"),
    [
        ("gt_verts", [np.full((9, 3), np.nan)], "finite numbers: bodies"),
        ("gt_verts", [np.zeros((9, 2))], "bodies"),
        ("gt_verts", [], "bodies of all people"),
        ("gt_joints_3d", [np.zeros((21, 3))], "22 joints"),
        ("gt_joints_3d", ["a"], "numbers: bodies"),
        ("isValid", ["a"], "numbers: isValid"),
    ],
)
def test_data_frames_of_other_contents_are_told(tmp_path, body, column, value, match):
    cells = {"imgPath": "a.png", "isValid": [1], "gt_verts": [np.zeros((9, 3))]}
    cells |= {"gt_joints_3d": [np.zeros((22, 3))], column: value}
    for folder in ("agora/SMPLX", "agora/validation"):
        (tmp_path / folder).mkdir(parents=True)
    frame = as_pandas({name: [cell] for name, cell in cells.items()})
    (tmp_path / "agora/SMPLX/validation_0_withjv.pkl").write_bytes(frame)
    with pytest.raises(InputError, match=match):
        next(open_dataset(options_of(tmp_path, "agora"), body))


def test_damaged_labels_are_named(rehearsal, body, tmp_path):
    root, _ = rehearsal
    options = options_of(root, "spec_mtp")
    labels = human_data.read_labels(root / "spec_mtp/preprocessed_datasets/spec_mtp_p3.npz")
    good = {"image_path": labels.images, "smpl": labels.smpl, "focal_length": labels.focal}
    body_pose = labels.smpl["body_pose"]
    for change, match in (
        ({"smpl": {}}, "body_pose"),
        ({"image_path": []}, "image_path"),
        ({"focal_length": None}, "K or focal_length"),
        ({"focal_length": labels.focal[:3]}, "focal_length"),
        ({"smpl": labels.smpl | {"body_pose": body_pose[:, :66]}}, "69"),
        ({"smpl": labels.smpl | {"body_pose": body_pose * np.nan}}, "finite"),
        ({"smpl": {"os": Path("/")}}, "pathlib"),
    ):
        content = {k: v for k, v in (good | change).items() if v is not None}
        np.savez_compressed(tmp_path / "labels.npz", **content)
        with pytest.raises(InputError, match=match):
            human_data.read_labels(tmp_path / "labels.npz")
    (tmp_path / "labels.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match="download it again"):
        human_data.read_labels(tmp_path / "labels.npz")
    data = replace(options.dataset, models=None)
    with pytest.raises(InputError, match=r"dataset\.models"):
        next(open_dataset(replace(options, dataset=data), body)).load()


def test_people_of_one_image_follow_each_other(tmp_path, body):
    """Their rows need not do so in the labels."""
    root = tmp_path / "pdhuman"
    (root / "datasets/pdhuman").mkdir(parents=True)
    (root / "preprocessed_datasets").mkdir()
    smpl = {name: np.zeros((3, size)) for name, size in human_data.SIZES.items()}
    content = {"image_path": ["a.png", "b.png", "a.png"], "smpl": smpl, "focal_length": np.full(3, 500.0)}
    np.savez(root / "preprocessed_datasets/pdhuman_test_p5.npz", **content)
    subjects = [*open_dataset(options_of(tmp_path, "pdhuman"), body)]
    assert [s.key for s in subjects] == ["pdhuman/a/0", "pdhuman/a/2", "pdhuman/b/1"]
    assert [s.picture for s in subjects] == ["pdhuman/a.png", "pdhuman/a.png", "pdhuman/b.png"]


def test_moyos_cameras_are_turned_as_their_images(tmp_path):
    for name, shape in (("wide", (30, 40, 3)), ("upright", (40, 30, 3))):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.zeros(shape, np.uint8))
    assert moyo.size_of({7: tmp_path / "wide.png"}) == moyo.SIZE == moyo.size_of({})
    assert moyo.size_of({7: tmp_path / "upright.png"}) == moyo.SIZE[::-1]


def test_images_of_a_lens_are_undistorted(rehearsal, body, tmp_path):
    """Each point of the body has the colour that it has in the image without the lens."""
    root, takes = rehearsal
    side = takes[0].images[0].shape[0]
    across, down = np.meshgrid(np.arange(side), np.arange(side))
    smooth = np.stack([40 + across, 40 + down, across + down], -1).astype(np.uint8)
    write_behave(tmp_path / "behave", [replace(takes[0], images=[smooth] * 4)], LENS)
    given = options_of(root, "behave")
    options = replace(given, dataset=replace(given.dataset, path=str(tmp_path / "behave")))
    (subject,) = (s.load() for s in open_dataset(options, body))
    for image, camera, true in zip(subject.images, subject.cameras, takes[0].cameras, strict=True):
        inside, pixels = true.project(takes[0].vertices), camera.project(takes[0].vertices)
        seen = (
            (inside > 4)
            & (inside < side - 4)
            & (pixels > 1)
            & (pixels < [camera.width - 1, camera.height - 1])
        )
        kept = seen.all(-1)
        columns, rows = (pixels[kept] - 0.5).round().astype(int).T
        error = np.abs(image[rows, columns, :2] - (39.5 + inside[kept]))
        moved = np.linalg.norm(
            replace(true, distortion=np.array(LENS)).project(takes[0].vertices) - inside, axis=-1
        )
        assert camera.is_pinhole and kept.mean() > 0.9
        assert error.max() <= 4 and error.mean() < 0.9  # rounded pixels, JPEG, two interpolations
        assert moved[kept].max() > 2 and np.median(error[moved[kept] > 1.5]) < 0.9


def test_joint_sets_roots_and_alignments(rehearsal, body, oracle_of, params_of, tmp_path):
    """The stand-in's own regressor gives its first 22 joints and two more."""
    root, _ = rehearsal
    regressor = np.load(root / "models/smpl/SMPL_NEUTRAL.npz")["J_regressor"]
    np.save(tmp_path / "J.npy", regressor)
    found = {}
    for joints in ("smplx22", "smpl24"):
        given = None if joints == "smplx22" else str(tmp_path / "J.npy")
        protocol = ProtocolOption(joints, given, root="hips", align_vertices="joints")
        options = replace(options_of(root, "rich"), protocol=protocol, limit=1, refine_crops=False)
        options = replace(options, out=str(tmp_path / f"{joints}.json"))
        found[joints] = run_evaluation(options, Networks(oracle_of([params_of(0)], size=128)))["subjects"][0]
    for row in found.values():
        assert row["mpjpe"] < 10 and row["ra_mpjpe"] < 10 and row["pa_mpvpe"] < 5
    assert found["smplx22"]["mpvpe"] == found["smpl24"]["mpvpe"]


def test_partial_windows_are_repeatable_and_keep_the_camera(rehearsal, body):
    root, takes = rehearsal
    (whole,) = (s.load() for s in open_dataset(replace(options_of(root, "dress4d"), limit=1), body))
    (one,) = (s.load() for s in open_dataset(replace(options_of(root, "dress4d", partial=3), limit=1), body))
    (two,) = (s.load() for s in open_dataset(replace(options_of(root, "dress4d", partial=3), limit=1), body))
    for a, b, c, image in zip(one.cameras, two.cameras, whole.cameras, whole.images, strict=True):
        assert np.array_equal(a.K, b.K) and a.width < c.width
        x0, y0 = np.rint(c.K[:2, 2] - a.K[:2, 2]).astype(int)
        cut = one.images[whole.cameras.index(c)]
        assert np.array_equal(cut, image[y0 : y0 + a.height, x0 : x0 + a.width])
    assert takes


def test_the_first_cameras_of_the_protocol_or_all_that_are_named(rehearsal, body):
    for named, used in (([], ["0", "2"]), (["8", "0", "7"], ["8", "0", "7"])):
        options = replace(options_of(rehearsal[0], "mpi_inf_3dhp", views=named), views=2)
        subject = next(iter(open_dataset(options, body))).load()
        assert [c.name for c in subject.cameras] == used and len(subject.images) == len(used)


def test_a_joint_on_the_edge_of_a_picture():
    """Pictures begin at 0 and end before their size; who is behind a camera is in no picture."""
    K = np.array([[100.0, 0, 50], [0, 100, 25], [0, 0, 1]])
    front = Camera("0", 100, 50, K, np.eye(3), np.zeros(3))
    tall = replace(front, width=200)
    for x, y, inside in (
        (-0.5, 0, True),
        (0.5, 0, False),
        (0, -0.25, True),
        (0, 0.25, False),
        (-0.51, 0, False),
    ):
        points = np.array([[0, 0, 1], [x, y, 1]])
        assert mpi_inf_3dhp.is_inside(points, (front,)) is inside
        assert mpi_inf_3dhp.is_inside(points, (tall, front)) is inside
    assert not mpi_inf_3dhp.is_inside(np.array([[0.0, 0, -1]]), (front,))


def test_instants_of_3dhp_with_an_annotated_joint_outside_a_picture_do_not_count(rehearsal, body, tmp_path):
    name = "mpi_inf_3dhp"
    root = shutil.copytree(rehearsal[0] / name, tmp_path / name)
    options = options_of(tmp_path, name, sequences=["S8/Seq1"])
    options.dataset.models = str(rehearsal[0] / "models")
    subject = next(iter(open_dataset(options, body))).load()
    camera, pelvis = subject.cameras[0], subject.true_body.joints["smplx22"][0]
    x_cam = 1000 * (camera.R_cam_world @ pelvis + camera.t_cam_world)

    def keys(moved: int, options: EvaluateOptions) -> list[str]:
        """With all 28 joints at the pelvis but one, which is 2 m to the left, where the first picture ends."""
        row, cells = np.tile(x_cam, (1, 28)), np.empty((14, 1), object)
        row[0, 3 * moved] -= 2_000
        cells[:, 0] = [row] * 14
        savemat(root / "S8/Seq1/annot.mat", {"annot3": cells})
        return [s.key for s in open_dataset(options, body)]

    toe, head = 27, 7  # not among the 17, and among them
    everything = replace(options, dataset=replace(options.dataset, joints_inside=False))
    assert keys(toe, options) == keys(head, everything) == ["S8/Seq1/000001"]
    np.testing.assert_allclose(
        next(iter(open_dataset(everything, body))).load().true_body.joints["h36m17"][0], pelvis, atol=1e-6
    )
    assert keys(head, options) == []


def test_every_fiftieth_frame_of_a_take_by_its_list_or_by_its_numbers(rehearsal, body, tmp_path):
    take = shutil.copytree(rehearsal[0] / "dress4d/00100", tmp_path / "dress4d/00100") / "Outer/Take1"
    frames = [f"{n:05d}" for n in range(48, 152)]
    save_pickle(take / "basic_info.pkl", {"gender": "female", "scan_frames": frames})
    for view in dress4d.VIEWS:
        for frame in frames:
            (take / f"Capture/{view}/images/capture-f{frame}.png").touch()

    def numbers(**more) -> list[int]:
        subjects = open_dataset(options_of(tmp_path, "dress4d", **more), body)
        return [int(s.key.rsplit("f", 1)[1]) for s in subjects]

    assert numbers() == [48, 98, 148] and numbers(step_by="number") == [50, 100, 150]
    assert numbers(step_by="number", start=3) == [100, 150] and numbers(step_by="number", every=75) == [
        75,
        150,
    ]
    save_pickle(take / "basic_info.pkl", {"gender": "female", "scan_frames": [*frames[:1], "a"]})
    for view in dress4d.VIEWS:
        (take / f"Capture/{view}/images/capture-fa.png").touch()
    with pytest.raises(InputError, match="numbers in scan_frames"):
        numbers(step_by="number")


def test_lens_coefficients_of_rich_are_taken_out_or_ignored(rehearsal, body):
    root = rehearsal[0]
    path = sorted((root / "rich/scan_calibration").glob("*/calibration/000.xml"))[0]
    good = path.read_text()
    (plain,) = (s.load() for s in open_dataset(replace(options_of(root, "rich"), limit=1), body))
    path.write_text(good.replace("<data>0 0 0 0 0<", "<data>0.2 0 0 0 0<"))
    try:
        used, ignored = (
            next(open_dataset(options_of(root, "rich", lens=lens), body)).load() for lens in (True, False)
        )
    finally:
        path.write_text(good)
    assert np.array_equal(ignored.images[0], plain.images[0])
    assert np.array_equal(ignored.cameras[0].K, plain.cameras[0].K) and ignored.cameras[0].is_pinhole
    assert not np.array_equal(used.images[0], plain.images[0]) and used.cameras[0].is_pinhole
    assert np.array_equal(used.images[1], plain.images[1])


@pytest.mark.parametrize("name", (*NAMES, *PICTURES, "agora"))
def test_a_missing_download_is_explained(name, tmp_path, body):
    with pytest.raises(InputError, match=r"dataset\.path"):
        list(open_dataset(EvaluateOptions(dataset=DatasetOption(name)), body))


@pytest.mark.parametrize(
    ("name", "file", "place", "value", "match"),
    [
        ("mpi_inf_3dhp", "*NeuralAnnot.json", ("8",), [1], r"\[subject\]\[sequence\]\[frame\] of NeuralAnnot"),
        ("mpi_inf_3dhp", "*NeuralAnnot.json", ("8", "1", "1"), 3, r"\[subject\]\[sequence\]\[frame\]"),
        ("mpi_inf_3dhp", "*NeuralAnnot.json", ("8", "1", "1", "pose"), None, r"pose .* of shape \(72\)"),
        ("mpi_inf_3dhp", "*NeuralAnnot.json", ("8", "1", "1", "trans"), [1, 2], r"trans .* of shape \(3\)"),
        ("behave", "split.json", ("test",), None, r"split\.json at test: Field required"),
        ("behave", "split.json", ("test",), [7], r"split\.json at test\[0\]: a valid string\n  found 7"),
        ("behave", "sequences/*0/info.json", ("gender",), None, r"info\.json at gender: Field required"),
        ("behave", "sequences/*0/info.json", ("config",), 7, r"info\.json at config: a valid string"),
        ("behave", "calibs/*0/intrinsics/1/calibration.json", ("color",), None, "at color: Field required"),
        ("behave", "calibs/*0/intrinsics/1/calibration.json", ("color", "fx"), "a", r"at color\.fx: a valid"),
        ("behave", "calibs/*0/intrinsics/1/calibration.json", ("color", "opencv"), 3, r"at color\.opencv"),
        ("behave", "calibs/*0/config/1/config.json", ("rotation",), [1, 2], "at rotation: 3 x 3 finite numbers"),
        ("behave", "calibs/*0/config/1/config.json", (), [1], "the pose of a Kinect"),
        ("rich", "gender.json", ("9",), None, "the gender of every subject .*\n  found nothing of 9 in"),
        ("rich", "gender.json", ("9",), 3, r"gender\.json at 9: a valid string"),
        ("rich", "gender.json", (), [1], "genders in .*: a valid dictionary"),
        ("moyo", "2*hands/cameras/*/*23_*/cameras_param.json", ("cam_3",), None, "cam_3 in .* at rotation"),
        ("moyo", "2*hands/cameras/*/*23_*/cameras_param.json", ("cam_3", "focal"), "a", "at focal: a valid"),
        ("moyo", "2*hands/cameras/*/*23_*/cameras_param.json", ("cam_3", "princpt"), [1], r"at princpt\[1\]"),
        ("moyo", "2*hands/cameras/*/*23_*/cameras_param.json", ("cam_3", "position"), None, "at position"),
        ("moyo", "2*hands/cameras/*/*23_*/cameras_param.json", (), 1, "the cameras of MoYo in"),
    ],
)  # fmt: skip
def test_json_files_of_other_contents_are_told(rehearsal, body, name, file, place, value, match):
    """A missing (None) or wrong entry of each file: what was expected where."""
    path = next((rehearsal[0] / name).glob(file))
    good = path.read_text()
    content = json.loads(good)
    entry = content
    for key in place[:-1]:
        entry = entry[key]
    if not place:
        content = value
    elif value is None:
        del entry[place[-1]]
    else:
        entry[place[-1]] = value
    path.write_text(json.dumps(content))
    try:
        with pytest.raises(InputError, match=match):
            next(open_dataset(options_of(rehearsal[0], name), body)).load()
    finally:
        path.write_text(good)


BEHAVE = "sequences/*0/*/person/fit02/person_fit.pkl"
RICH = "bodies/test/*/00001/009.pkl"
MOYO = "2*hands/mosh/val/*_stageii.pkl"


@pytest.mark.parametrize(
    ("name", "file", "key", "value", "match"),
    [
        ("behave", BEHAVE, "pose", None, "the body of an instant in .* at pose: Field required"),
        ("behave", BEHAVE, "betas", "many", "at betas: n finite numbers"),
        ("behave", BEHAVE, "trans", np.zeros(2), "at trans: 3 finite numbers"),
        ("behave", BEHAVE, "pose", np.zeros(70), "156 pose numbers"),
        ("behave", BEHAVE, "pose", np.full(156, np.nan), "at pose: n finite numbers"),
        ("behave", BEHAVE, "", [1, 2], "the body of an instant in"),
        ("rich", RICH, "global_orient", None, "a body of RICH in .* at global_orient: Field required"),
        ("rich", RICH, "left_hand_pose", None, "at left_hand_pose: Field required"),
        ("rich", RICH, "body_pose", np.zeros((1, 60)), "165 pose numbers"),
        ("rich", RICH, "transl", {"x": 1}, "at transl: 3 finite numbers"),
        ("rich", RICH, "", None, "a body of RICH in"),
        ("moyo", MOYO, "fullpose", None, "the bodies of a sequence in .* at fullpose: Field required"),
        ("moyo", MOYO, "trans", None, "at trans: Field required"),
        ("moyo", MOYO, "fullpose", np.zeros((5, 72)), "at fullpose: n x 165 finite numbers"),
        ("moyo", MOYO, "", 3, "the bodies of a sequence in"),
        ("dress4d", "*/Outer/Take1/basic_info.pkl", "gender", None, "at gender: Field required"),
        ("dress4d", "*/Outer/Take1/basic_info.pkl", "scan_frames", 3, "at scan_frames: a valid list"),
        ("dress4d", "*/Outer/Take1/basic_info.pkl", "", [], "the description of a take in"),
        ("dress4d", "*/Outer/Take1/Capture/cameras.pkl", "0028", None, r"camera 0028 in .*\.pkl at intrinsics"),
        ("dress4d", "*/Outer/Take1/Capture/cameras.pkl", "0028", 7, "camera 0028 in"),
        ("dress4d", "*/Outer/Take1/SMPLX/*.pkl", "jaw_pose", None, "a body of 4D-DRESS in .* at jaw_pose"),
    ],
)  # fmt: skip
def test_pickles_of_other_contents_are_told(rehearsal, body, name, file, key, value, match):
    """A missing (None) or wrong entry of each file, or another object in its place (no key)."""
    path = sorted((rehearsal[0] / name).glob(file))[0]
    good = path.read_bytes()
    content = pickle.loads(good)  # noqa: S301 (our own)
    if not key:
        content = value
    elif value is None:
        del content[key]
    else:
        content[key] = value
    path.write_bytes(pickle.dumps(content, protocol=2))
    try:
        with pytest.raises(InputError, match=match):
            next(open_dataset(options_of(rehearsal[0], name), body)).load()
    finally:
        path.write_bytes(good)


def test_pickles_and_models_need_permission(rehearsal, body):
    root, _ = rehearsal
    data = DatasetOption("dress4d", path=str(root / "dress4d"))
    with pytest.raises(InputError, match="allow_pickle"):
        next(open_dataset(EvaluateOptions(dataset=data), body)).load()
    # Without models the mesh alone is the truth.
    subject = next(open_dataset(EvaluateOptions(dataset=replace(data, allow_pickle=True)), body)).load()
    assert subject.true_body.vertices is not None and not subject.true_body.joints


def test_rehearsal_command_refuses_a_folder_with_files(rehearsal, capsys):
    root, _ = rehearsal
    assert main([f"out={root}", f"shards={root.parent / 'shards'}"]) == 2
    assert "empty folder" in capsys.readouterr().err
