"""From a rig folder to result.npz with a generator that knows the truth; resume, kill, truncation, nobody there."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from diffproxy.export import load_result, save_result
from diffproxy.pipeline.config import SaveOptions
from diffproxy.pipeline.fit_rig import run_fit
from diffproxy.pipeline.model_options import GeneratorOption, SolverOption
from diffproxy.pipeline.networks import Networks
from diffproxy.pipeline.proxy_cache import ProxyStore
from diffproxy.utils.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("fits_computed_once")


def test_exact_proxies_give_the_body_back(body, rig_of, oracle_of, params_of, options_of) -> None:
    truth = params_of(3)
    out = run_fit(
        options_of(rig_of(), refine_crops=True, hands=True), ROOT, Networks(oracle_of([truth], size=128))
    )
    arrays = load_result(out / "result.npz")
    error = np.linalg.norm(arrays.joints[0] - body.joints(truth)[0].numpy(), axis=-1)[:22].mean()
    assert error < 0.005
    assert arrays.status.tolist() == ["ok"] and arrays.frame_ids.tolist() == [0]
    assert arrays.joint_std.shape == (1, 55) and arrays.params["body_pose"].shape == (1, 63)
    assert arrays.meta["body"]["topology"] == body.topology_id and arrays.meta["up_axis"] == "+Y"
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["silhouette_iou"] > 0.9 and metrics["residual_mm"] < 5
    assert {"cam0", "cam1", "cam2", "cam0/left_hand"} <= set(metrics["views"]) and metrics["seconds"][
        "fit"
    ] > 0


def test_the_frame_rate_is_that_of_the_videos(rig_of, oracle_of, params_of, options_of) -> None:
    rig = rig_of(1)
    (rig / "videos").mkdir()
    for folder in sorted((rig / "images").iterdir()):
        video = cv2.VideoWriter(
            str(rig / "videos" / f"{folder.name}.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 50, (128, 128)
        )
        video.write(cv2.imread(str(folder / "000000.png")))
        video.release()
    shutil.rmtree(rig / "images")
    for given, due in ((0.0, 50.0), (25.0, 25.0)):
        out = run_fit(options_of(rig, fps=given), ROOT, Networks(oracle_of([params_of(0)])))
        assert load_result(out / "result.npz").meta["options"]["fps"] == due


def test_pictures_have_thirty_frames_a_second(rig_of, oracle_of, params_of, options_of) -> None:
    out = run_fit(options_of(rig_of()), ROOT, Networks(oracle_of([params_of(0)])))
    assert load_result(out / "result.npz").meta["options"]["fps"] == 30.0


def test_second_run_computes_nothing(rig_of, oracle_of, params_of, options_of) -> None:
    pipe = oracle_of([params_of(0), params_of(0, 0.05)])
    options = options_of(rig_of(2))
    out = run_fit(options, ROOT, Networks(pipe))
    calls, first = pipe.calls, (out / "result.npz").read_bytes()
    run_fit(options, ROOT, Networks(pipe))
    assert pipe.calls == calls and (out / "result.npz").read_bytes() == first


def test_killed_run_goes_on(rig_of, oracle_of, params_of, options_of) -> None:
    bodies = [params_of(0, 0.04 * k) for k in range(3)]
    options = options_of(rig_of(3), track=False)
    with pytest.raises(KeyboardInterrupt) as kept:  # as a notebook keeps it
        run_fit(options, ROOT, Networks(oracle_of(bodies, fail_after=2)))
    pipe = oracle_of(bodies)
    out = run_fit(options, ROOT, Networks(pipe))
    assert pipe.calls == 1 and kept.tb is not None
    arrays = load_result(out / "result.npz")
    assert arrays.frame_ids.tolist() == [0, 1, 2] and set(arrays.status) == {"ok"}
    assert not list(out.rglob("*.tmp"))


def test_truncated_frame_is_computed_again(rig_of, oracle_of, params_of, options_of) -> None:
    bodies = [params_of(0), params_of(0, 0.05)]
    options = options_of(rig_of(2), track=False)
    out = run_fit(options, ROOT, Networks(oracle_of(bodies)))
    before = load_result(out / "result.npz")
    path = out / "frames" / "000001.npz"
    path.write_bytes(path.read_bytes()[:500])
    pipe = oracle_of(bodies)
    run_fit(options, ROOT, Networks(pipe))
    after = load_result(out / "result.npz")
    assert pipe.calls == 1 and np.array_equal(before.joints, after.joints)


def test_a_frame_without_its_proxies_is_computed_again(
    body, rig_of, oracle_of, params_of, options_of
) -> None:
    """Else a second pass, or several people, would take it for a frame that shows nobody."""
    pipe, options = oracle_of([params_of(0)]), options_of(rig_of())
    folder = run_fit(options, ROOT, Networks(pipe)) / "proxies" / "000000"
    (folder / "proxies.json").write_text("{")
    with pytest.raises(InputError) as error:
        ProxyStore(folder.parent, body, must_exist=False).load(0)
    assert error.value.fix == f"remove {folder}: the frame is computed again"
    shutil.rmtree(folder)
    run_fit(options, ROOT, Networks(pipe))
    assert pipe.calls == 2 and ProxyStore(folder.parent, body).load(0).maps.num_views == 3


def test_changed_options_ask_for_overwrite(rig_of, oracle_of, params_of, options_of) -> None:
    options, pipe = options_of(rig_of()), oracle_of([params_of(0)])
    run_fit(options, ROOT, Networks(pipe))
    with pytest.raises(InputError, match=r"seed: 0 before, 1 now"):
        run_fit(replace(options, seed=1), ROOT, Networks(pipe))
    run_fit(replace(options, seed=1, overwrite=True), ROOT, Networks(pipe))
    other = replace(
        options,
        seed=1,
        save=SaveOptions(mesh="none", overlay=False, report=False, viewer=False, vertices=True),
    )
    out = run_fit(other, ROOT, Networks(pipe))  # what is saved does not change the fit
    arrays = load_result(out / "result.npz")
    assert arrays.vertices.shape[0] == 1


def test_frames_without_a_person_are_recorded(rig_of, oracle_of, params_of, options_of) -> None:
    bodies = [params_of(0), None, params_of(0, 0.05)]
    out = run_fit(options_of(rig_of(3)), ROOT, Networks(oracle_of(bodies)))
    arrays = load_result(out / "result.npz")
    assert arrays.status.tolist() == ["ok", "no_person", "ok"]
    assert np.isnan(arrays.joints[1]).all() and "foreground" in arrays.reason[1]
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["status"] == {"ok": 2, "no_person": 1} and "1" in metrics["not_ok"]


def test_nobody_in_any_frame_still_writes_a_result(rig_of, oracle_of, options_of) -> None:
    out = run_fit(options_of(rig_of()), ROOT, Networks(oracle_of([None])))
    arrays = load_result(out / "result.npz")
    assert arrays.status.tolist() == ["no_person"] and np.isnan(arrays.params["betas"]).all()


def test_one_view_says_so(rig_of, oracle_of, params_of, options_of) -> None:
    out = run_fit(options_of(rig_of(), views="cam1"), ROOT, Networks(oracle_of([params_of(0)])))
    arrays = load_result(out / "result.npz")
    assert arrays.status.tolist() == ["one_view"] and np.isfinite(arrays.joints).all()


def test_saved_proxies_alone(body, rig_of, oracle_of, params_of, options_of, tmp_path) -> None:
    rig = rig_of(2)
    out = run_fit(options_of(rig), ROOT, Networks(oracle_of([params_of(0), params_of(1)], size=128)))
    again = options_of(rig, proxies=str(out / "proxies"), out=str(tmp_path / "again"), frames="1")
    arrays = load_result(run_fit(again, ROOT) / "result.npz")
    assert arrays.frame_ids.tolist() == [1]
    error = np.linalg.norm(arrays.joints[0] - body.joints(params_of(1))[0].numpy(), axis=-1)[:22].mean()
    assert error < 0.005
    two = replace(again, views="cam2,cam0", out=str(tmp_path / "two"))
    metrics = json.loads((run_fit(two, ROOT) / "metrics.json").read_text())
    assert {name.split("/")[0] for name in metrics["views"]} == {"cam0", "cam2"}
    with pytest.raises(InputError, match=r"views among cam0, .*each once"):
        run_fit(replace(again, views="cam9", out=str(tmp_path / "no")), ROOT)


def test_shared_shape(rig_of, oracle_of, params_of, options_of) -> None:
    bodies = [params_of(k, 0.05 * k) for k in range(3)]
    options = options_of(rig_of(3), shape="shared")
    arrays = load_result(run_fit(options, ROOT, Networks(oracle_of(bodies))) / "result.npz")
    assert np.ptp(arrays.params["betas"], axis=0).max() == 0


def test_missing_rig_and_unknown_setting(rig_of, oracle_of, options_of, tmp_path) -> None:
    with pytest.raises(InputError, match="a rig folder"):
        run_fit(options_of(tmp_path / "nowhere"), ROOT, Networks(oracle_of([])))
    options = options_of(rig_of(), solver=SolverOption("lm", {"max_pixel": 3}))
    with pytest.raises(InputError, match="max_pixels"):
        run_fit(options, ROOT, Networks(oracle_of([])))
    with pytest.raises(InputError, match="views among cam0"):
        run_fit(options_of(tmp_path / "rig", views="cam9"), ROOT, Networks(oracle_of([])))


def test_frames_that_help_each_other(body, rig_of, oracle_of, params_of, options_of) -> None:
    bodies = [params_of(0, 0.01 * k) for k in range(4)]
    shown = [bodies[0], None, *bodies[2:]]
    options = options_of(rig_of(4), smooth=1.0, ground="auto")
    pipe = oracle_of(shown)
    out = run_fit(options, ROOT, Networks(pipe))
    arrays = load_result(out / "result.npz")
    assert arrays.status.tolist() == ["ok", "filled", "ok", "ok"] and "neighbours" in arrays.reason[1]
    assert np.ptp(arrays.params["betas"], axis=0).max() < 1e-6
    truth = np.stack([body.joints(b)[0].numpy() for b in bodies])
    assert np.linalg.norm(arrays.joints - truth, axis=-1)[:, :22].mean() < 0.008
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["jitter_mm"] < 5 and metrics["foot_slide_cm_s"] < 100
    assert metrics["sequence"]["filled"] == [1] and "ground_m" in metrics["sequence"]
    calls = pipe.calls
    run_fit(options, ROOT, Networks(pipe))
    assert load_result(out / "result.npz").status.tolist() == arrays.status.tolist()
    run_fit(replace(options, smooth=3.0), ROOT, Networks(pipe))  # the first pass is not repeated
    assert pipe.calls == calls


def _image(rig: Path, camera: int, frame: int) -> Path:
    return rig / "images" / f"cam{camera}" / f"{frame:06d}.png"


@pytest.mark.parametrize("damage", ["bytes", "empty", "folder", "pipe", "other size"])
def test_an_image_that_cannot_be_read_costs_its_view(
    rig_of, oracle_of, params_of, options_of, damage
) -> None:
    rig = rig_of(2)
    path = _image(rig, 1, 1)
    intact = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage == "pipe":
        os.mkfifo(path)
    elif damage == "other size":
        cv2.imwrite(str(path), np.zeros((32, 64, 3), np.uint8))
    else:
        path.write_bytes(b"no image" if damage == "bytes" else b"")
    bodies = [params_of(0), params_of(0, 0.03)]
    options = options_of(rig, track=False)
    out = run_fit(options, ROOT, Networks(oracle_of(bodies)))
    result = load_result(out / "result.npz")
    assert result.status.tolist() == ["ok", "ok"]
    assert result.reason.tolist() == ["", "cam1: image left out, it cannot be read"]
    assert "frame 1: cam1: image left out" in "".join(json.loads((out / "metrics.json").read_text())["notes"])
    path.rmdir() if damage == "folder" else path.unlink()
    path.write_bytes(intact)  # repaired: that frame alone is computed again
    pipe = oracle_of(bodies)
    run_fit(options, ROOT, Networks(pipe))
    assert pipe.calls == 1 and load_result(out / "result.npz").reason.tolist() == ["", ""]


def test_a_frame_without_any_image_is_failed_and_tried_again(
    rig_of, oracle_of, params_of, options_of
) -> None:
    rig, bodies = rig_of(2), [params_of(0), params_of(0, 0.03)]
    good = [_image(rig, c, 0).read_bytes() for c in range(3)]
    for c in range(3):
        _image(rig, c, 0).write_bytes(b"")
    options = options_of(rig)
    out = run_fit(options, ROOT, Networks(oracle_of(bodies)))
    result = load_result(out / "result.npz")
    assert result.status.tolist() == ["failed", "ok"] and "a readable image" in result.reason[0]
    with pytest.raises(InputError, match="a readable image"):
        run_fit(replace(options, frames="0"), ROOT, Networks(oracle_of(bodies)))
    assert load_result(out / "result.npz").status.tolist() == ["failed"]  # written all the same
    for c in range(3):
        _image(rig, c, 0).write_bytes(good[c])
    assert load_result(
        run_fit(options, ROOT, Networks(oracle_of(bodies))) / "result.npz"
    ).status.tolist() == [
        "ok",
        "ok",
    ]


def test_changed_images_and_files_are_noticed(rig_of, oracle_of, params_of, options_of, tmp_path) -> None:
    rig, bodies = rig_of(2), [params_of(0), params_of(0, 0.03)]
    boxes = tmp_path / "boxes.json"
    boxes.write_text(json.dumps({f"cam{c}": [0, 0, 128, 128] for c in range(3)}))
    options = options_of(rig, boxes=str(boxes))
    out = run_fit(options, ROOT, Networks(oracle_of(bodies)))
    _image(rig, 2, 1).touch()  # no change of content
    run_fit(options, ROOT, Networks(oracle_of(bodies)))
    before = _image(rig, 2, 1).read_bytes()
    _image(rig, 2, 1).write_bytes(before + b" ")
    with pytest.raises(InputError, match="frame 1: image cam2 changed since"):
        run_fit(options, ROOT, Networks(oracle_of(bodies)))
    run_fit(replace(options, frames="0"), ROOT, Networks(oracle_of(bodies)))  # frame 0 is what it was
    _image(rig, 2, 1).write_bytes(before)
    boxes.write_text(json.dumps({f"cam{c}": [0, 0, 127, 128] for c in range(3)}))
    with pytest.raises(InputError, match=r"content\.boxes: \w+ before, \w+ now"):
        run_fit(options, ROOT, Networks(oracle_of(bodies)))
    assert (out / "frames" / "000001.npz").exists()


def test_frames_one_by_one_and_in_parts_are_those_of_one_run(
    rig_of, oracle_of, params_of, options_of, tmp_path
) -> None:
    rig, bodies = rig_of(4), [params_of(k, 0.03 * k) for k in range(4)]

    def joints(name: str, *parts: str) -> np.ndarray:
        for frames in parts:
            out = run_fit(
                options_of(rig, frames=frames, out=str(tmp_path / name)), ROOT, Networks(oracle_of(bodies))
            )
        metrics = json.loads((out / "metrics.json").read_text())
        assert metrics["starts"] == {"0": None, "1": 0, "2": 1, "3": 2}
        return load_result(out / "result.npz").joints

    whole = joints("whole", "all")
    assert np.array_equal(whole, joints("parts", "0:2", "2:4", "all"))
    assert np.array_equal(whole, joints("back", "3", "1", "all"))


@pytest.mark.parametrize("stamp", ["", "of fit.py"])
def test_solved_cameras_have_a_world_of_their_own(rig_of, oracle_of, params_of, options_of, tmp_path, stamp):
    rig, pipe = rig_of(), oracle_of([params_of(0)])
    truth = run_fit(options_of(rig, out=str(tmp_path / "truth")), ROOT, Networks(pipe)) / "result.npz"
    (rig / "ground_truth.npz").write_bytes(truth.read_bytes())
    cameras = tmp_path / "cameras" / "rig.json"
    cameras.parent.mkdir()
    cameras.write_bytes((rig / "rig.json").read_bytes())
    if stamp:
        cameras.with_name("rig.report.json").write_text(json.dumps({"stamp": stamp}))
    options = options_of(rig)
    options.rig.calibration = str(cameras)
    metrics = json.loads((run_fit(options, ROOT, Networks(pipe)) / "metrics.json").read_text())
    errors = {name for name in metrics["ground_truth"] if name.endswith("_mm")}
    assert errors == {"pa_mpjpe_mm", "pa_mpvpe_mm"} if stamp else {"mpjpe_mm", "hand_mpjpe_mm"} <= errors


@pytest.mark.parametrize("truth", [b"junk", b"", "24 joints"])
def test_bad_ground_truth_is_noticed_first(body, rig_of, oracle_of, params_of, options_of, truth) -> None:
    rig = rig_of()
    options = options_of(rig)
    path = rig / "ground_truth.npz"
    if isinstance(truth, bytes):
        path.write_bytes(truth)
    else:
        out = run_fit(options_of(rig, out=str(rig / "first")), ROOT, Networks(oracle_of([params_of(0)])))
        result = load_result(out / "result.npz")
        save_result(
            replace(
                result,
                joints=result.joints[:, :24],
                joint_std=result.joint_std[:, :24],
                joint_observed=result.joint_observed[:, :24],
                joint_names=result.joint_names[:24],
            ),
            path,
        )
    pipe = oracle_of([params_of(0)])
    with pytest.raises(InputError, match=r"remove .*ground_truth\.npz"):
        run_fit(options, ROOT, Networks(pipe))
    assert pipe.calls == 0 and not Path(options.out).exists()


def test_wrong_inputs_remove_and_leave_nothing(rig_of, oracle_of, params_of, options_of, tmp_path) -> None:
    rig, pipe = rig_of(), oracle_of([params_of(0)])
    options = options_of(rig)
    out = run_fit(options, ROOT, Networks(pipe))
    files = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    wrong = GeneratorOption(weights=str(tmp_path))
    with pytest.raises(InputError, match="a generator folder"):
        run_fit(replace(options, overwrite=True, generator=wrong), ROOT)
    with pytest.raises(InputError, match="a pose prior"):
        run_fit(replace(options, overwrite=True, prior="typo"), ROOT, Networks(pipe))
    with pytest.raises(InputError, match="inputs outside of what overwrite"):
        run_fit(replace(options, overwrite=True, boxes="auto", proxies=str(out / "proxies")), ROOT)
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == files
    with pytest.raises(InputError, match="a generator folder"):
        run_fit(replace(options, out=str(tmp_path / "new"), generator=wrong), ROOT)
    assert not (tmp_path / "new").exists()


def test_the_network_that_starts_the_fit_is_asked_in_every_frame(
    rig_of, oracle_of, params_of, options_of
) -> None:
    asked, bodies = [], [params_of(0), params_of(1)]

    def guess(made):
        asked.append(len(made.maps.cameras))
        return []

    options = options_of(rig_of(2), start="single_view", track=False)
    with pytest.raises(InputError, match="a network for start=single_view"):
        run_fit(options, ROOT, Networks(oracle_of(bodies)))
    out = run_fit(options, ROOT, Networks(oracle_of(bodies), guess=guess))
    assert asked == [3, 3] and load_result(out / "result.npz").frame_ids.tolist() == [0, 1]
