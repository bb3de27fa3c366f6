"""people=all with a generator that knows the truth of two people, and a detector that knows where they are."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from diffproxy.body.names import JOINT_NAMES
from diffproxy.cameras import Camera
from diffproxy.detector.person_detector import Candidate
from diffproxy.export import load_result
from diffproxy.fitting.interpenetration import interpenetration
from diffproxy.generator import DiffProxyOutput
from diffproxy.keypoints.layouts import COCO17
from diffproxy.pipeline.config import FitOptions, SaveOptions
from diffproxy.pipeline.model_options import BodyOption, GeneratorOption
from diffproxy.pipeline.networks import Networks
from diffproxy.pipeline.people_run import remove_earlier_people
from diffproxy.pipeline.pixel_claims import Claims, others_pixels, without_others
from diffproxy.pipeline.results import frame_result_of_row
from diffproxy.pipeline.run_folder import RunFolder
from diffproxy.pipeline.several_people import fit_people
from diffproxy.proxies import ProxyMaps, render_proxies
from diffproxy.utils.errors import InputError
from diffproxy.utils.one_writer import OneWriter

pytestmark = pytest.mark.usefixtures("fits_computed_once")

ROOT = Path(__file__).resolve().parents[2]
FACE = {"nose": "head", "left_ear": "head", "right_ear": "head", "left_eye": "left_eye_smplhf",
        "right_eye": "right_eye_smplhf"}  # fmt: skip
KEYPOINTS = [JOINT_NAMES.index(FACE.get(name, name)) for name in COCO17]


class TwoPeople:
    """Stands in for detector and generator; the person meant is the one in the middle of the crops."""

    def __init__(self, body, cameras, bodies, oracle):
        self.body, self.cameras, self.bodies, self.oracle = body, cameras, bodies, oracle
        self.located = 0
        self.network, self.encoding_once = oracle.network, oracle.encoding_once

    def locate(self, images):
        frame = round(float(images[0].max()) / 20) - 1
        self.located += 1
        out = []
        for camera in self.cameras:
            found = []
            for params in self.bodies[frame]:
                pixels = camera.project(self.body.joints(params)[0].numpy().astype(np.float64)[KEYPOINTS])
                (x0, y0), (x1, y1) = pixels.min(0) - 3, pixels.max(0) + 3
                keypoints = np.concatenate([pixels, np.full((17, 1), 0.7)], 1).astype(np.float32)
                found.append(Candidate((float(x0), float(y0), float(x1), float(y1)), 0.7, keypoints))
            out.append(found)
        return out

    def __call__(self, images, cameras, kinds, *args, **more):
        self.oracle.calls += 1
        level = images[:, 0, images.shape[2] // 2, images.shape[3] // 2]
        frame = round(float(level.max()) * 255 / 20) - 1

        def off(params):
            pelvis = self.body.joints(params)[0, 0].numpy().astype(np.float64)
            return sum(np.linalg.norm(c.project(pelvis) - c.width / 2) for c in cameras)

        with torch.no_grad():
            vertices = self.body(min(self.bodies[frame], key=off)).vertices[0].numpy()
        maps = render_proxies(self.body, vertices, cameras, kinds)
        return DiffProxyOutput(maps, None, (0,) * maps.num_views)


@pytest.fixture
def two_people(body, rig_of, oracle_of, params_of, make_ring):
    rig = rig_of(2)
    bodies = [[params_of(1, -0.45 + 0.02 * k), params_of(2, 0.45)] for k in range(2)]
    stand_in = TwoPeople(body, make_ring(3, size=128, radius=3.2), bodies, oracle_of([None]))
    return rig, stand_in


def test_everybody_is_fitted_and_a_second_run_computes_nothing(
    body, two_people, options_of, people_of
) -> None:
    rig, stand_in = two_people
    options = replace(
        options_of(rig), people="all", boxes="auto", frames="1", tta_flip=False, tta_rotation=False
    )
    out = fit_people(options, ROOT, Networks(stand_in, stand_in))
    content = people_of(out)
    people = content["people"]
    assert content["frames"] == {} and len(content["cameras"]) == 3
    assert [(p["id"], p["first_frame"], p["last_frame"], p["status"]) for p in people] == [
        (0, 0, 1, {"ok": 2}),
        (1, 0, 1, {"ok": 2}),
    ]
    errors = []
    for person in people:
        result = load_result(out / person["result"])
        assert result.frame_ids.tolist() == [1] and set(result.status) == {"ok"}
        truth = [body.joints(b)[0].numpy() for b in stand_in.bodies[1]]
        errors.append([np.linalg.norm(result.joints[0] - t, axis=-1)[:22].mean() for t in truth])
    assert sorted(np.argmin(errors, axis=1)) == [0, 1] and np.min(errors, axis=1).max() < 0.01
    located, calls = stand_in.located, stand_in.oracle.calls
    before = (out / "person_00/result.npz").read_bytes()
    fit_people(options, ROOT, Networks(stand_in, stand_in))
    assert (stand_in.located, stand_in.oracle.calls) == (located, calls) == (2, calls)
    assert (out / "person_00/result.npz").read_bytes() == before


def test_somebody_whose_body_is_anothers_is_left_out(two_people, options_of, people_of, monkeypatch) -> None:
    """`double_of` decides; the list says so, also when a second run finds the frames done."""
    monkeypatch.setattr(
        "diffproxy.pipeline.people_doubts.double_of", lambda _, others: next(iter(others), None)
    )
    rig, stand_in = two_people
    options = replace(
        options_of(rig), people="all", boxes="auto", frames="1", tta_flip=False, tta_rotation=False
    )
    for _ in range(2):
        out = fit_people(options, ROOT, Networks(stand_in, stand_in))
        content = people_of(out)
        assert [bool(p["result"]) for p in content["people"]] == [True, False]
        assert content["notes"] == [
            "person_01 is person_00 once more, its body is at the same place: left out"
        ]
        assert (out / "person_00/result.npz").is_file() and not (out / "person_01/result.npz").exists()


def test_people_who_intersect_are_moved_apart_on_demand(
    body, rig_of, oracle_of, params_of, make_ring, options_of
) -> None:
    """Written to the results of both; a second run computes nothing, nor does one without the option."""
    bodies = [[params_of(1, -x), params_of(2, x)] for x in (0.2, 0.45)]  # frame 0: one arm in the other's
    stand_in = TwoPeople(body, make_ring(3, size=128, radius=3.2), bodies, oracle_of([None]))
    options = replace(
        options_of(rig_of(2)), frames="0", people="all", people_contact=True, boxes="auto", tta_flip=False,
        tta_rotation=False, save=SaveOptions("none", False, False, False, False, False),
    )  # fmt: skip
    out = fit_people(options, ROOT, Networks(stand_in, stand_in))
    written = [(out / f"person_0{k}/result.npz").read_bytes() for k in (0, 1)]
    results = [load_result(out / f"person_0{k}/result.npz") for k in (0, 1)]
    for k, result in enumerate(results):
        contact = result.meta["contact"]
        assert contact["frames"] == 1 and contact["before_mm"] > 10 and contact["moved_mm"] > 3
        assert contact["after_mm"] < 0.5 * contact["before_mm"]
        notes = json.loads((out / f"person_0{k}/metrics.json").read_text())
        assert notes["contact"] == contact and any("people_contact" in line for line in notes["notes"])
    params = [frame_result_of_row(result, 0).body_params() for result in results]
    after = interpenetration(body, params)
    assert after == pytest.approx([r.meta["contact"]["after_mm"] / 1000 for r in results], abs=1e-4)
    calls = stand_in.oracle.calls
    fit_people(options, ROOT, Networks(stand_in, stand_in))
    assert stand_in.oracle.calls == calls
    assert [(out / f"person_0{k}/result.npz").read_bytes() for k in (0, 1)] == written
    without = replace(options, people_contact=False)
    fit_people(without, ROOT, Networks(stand_in, stand_in))
    before = [load_result(out / f"person_0{k}/result.npz") for k in (0, 1)]
    assert stand_in.oracle.calls == calls and all("contact" not in r.meta for r in before)
    for one, other in zip(before, results, strict=True):
        assert not np.array_equal(one.joints[0], other.joints[0])


def test_one_of_them_is_kept(two_people, options_of, people_of) -> None:
    rig, stand_in = two_people
    options = replace(
        options_of(rig), people="all", people_keep="1", boxes="auto", frames="0", tta_flip=False
    )
    out = fit_people(options, ROOT, Networks(stand_in, stand_in))
    assert not (out / "person_00").exists() and (out / "person_01/result.npz").exists()
    listed = people_of(out)["people"]
    assert [p["result"] for p in listed] == [None, "person_01/result.npz"]
    files = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    again = replace(options, overwrite=True)
    for wrong, match in (
        (replace(options, people_keep="7"), "people_keep among 0, 1"),
        (replace(again, people_keep="7"), "people_keep among 0, 1"),
        (replace(again, prior="typo"), "a pose prior"),
        (replace(again, body=BodyOption("typo.npz")), "a body file"),
    ):
        with pytest.raises(InputError, match=match):
            fit_people(wrong, ROOT, Networks(stand_in, stand_in))
    with pytest.raises(InputError, match="a generator"):
        fit_people(replace(again, generator=GeneratorOption("typo/")), ROOT, Networks(None, stand_in))
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == files


def test_who_is_in_none_of_the_chosen_frames_has_no_result(
    body, rig_of, oracle_of, params_of, make_ring, options_of, people_of
) -> None:
    """Else results of earlier frames would be shown as those of this run."""
    people = [params_of(1, -0.45), params_of(2, 0.45)]
    bodies = [people] * 5 + [people[:1]]
    stand_in = TwoPeople(body, make_ring(3, size=128, radius=3.2), bodies, oracle_of([None]))
    options = replace(
        options_of(rig_of(6)), people="all", boxes="auto", frames="5", tta_flip=False, tta_rotation=False
    )
    listed = people_of(fit_people(options, ROOT, Networks(stand_in, stand_in)))["people"]
    assert [p["last_frame"] for p in listed] == [5, 4]
    assert [p["result"] for p in listed] == ["person_00/result.npz", None]


def test_a_person_without_new_results_is_an_error_after_the_others(two_people, options_of) -> None:
    rig, stand_in = two_people
    options = replace(
        options_of(rig), people="all", people_keep="1", boxes="auto", frames="0", tta_flip=False
    )
    out = fit_people(options, ROOT, Networks(stand_in, stand_in))
    before = (out / "person_01/result.npz").read_bytes()
    both = replace(options, people_keep="all", seed=1)  # results of another seed are not overwritten
    with pytest.raises(InputError, match="no new results of person_01") as kept:
        fit_people(both, ROOT, Networks(stand_in, stand_in))
    for folder in (out, out / "person_00", out / "person_01"):  # though somebody keeps the traceback
        OneWriter(folder).release()
    assert kept.tb is not None
    assert (out / "person_00/result.npz").exists() and (out / "viewer.html").exists() == options.save.viewer
    assert (out / "person_01/result.npz").read_bytes() == before


@pytest.mark.parametrize(
    "options", [{"people": "some"}, {"people": "0"}, {"people_keep": "1"}, {"people_contact": True}]
)
def test_options_that_make_no_sense(options) -> None:
    with pytest.raises(InputError, match="people"):
        FitOptions(**options)


def test_options_of_one_person_are_refused(two_people, options_of) -> None:
    rig, stand_in = two_people
    for more in ({"boxes": "full"}, {"boxes": "auto", "masks": "m"}, {"boxes": "auto", "keypoints": "k"}):
        with pytest.raises(InputError, match="people=all"):
            fit_people(replace(options_of(rig), people="all", **more), ROOT, Networks(stand_in, stand_in))
    with pytest.raises(InputError, match="people_keep as ids"):
        wrong = replace(options_of(rig), people="all", boxes="auto", people_keep="x")
        fit_people(wrong, ROOT, Networks(stand_in, stand_in))
    assert stand_in.located == 0


def test_pixels_of_somebody_else_are_dropped() -> None:
    def skeleton(x):
        points = np.ones((17, 3))
        points[:, 0] = x + np.linspace(-2, 2, 17)
        points[:, 1] = np.linspace(10, 90, 17)
        return points

    claims = Claims(skeleton(30.0), (skeleton(70.0),))
    theirs = others_pixels(claims, (0, 0, 100, 100), 50)
    assert theirs[25, 35] and not theirs[25, 15] and not theirs[25, 25]  # at x = 71, 31 and 51
    assert not others_pixels(Claims(None, claims.others), (0, 0, 100, 100), 50).any()
    assert not others_pixels(Claims(claims.own, ()), (0, 0, 100, 100), 50).any()
    camera = Camera("c", 50, 50, np.diag([50.0, 50.0, 1.0]), np.eye(3), np.zeros(3))
    ones = np.ones((1, 50, 50))
    maps = ProxyMaps(
        ones.astype(np.uint8),
        np.zeros((1, 50, 50, 2), np.float32),
        ones.astype(np.float32),
        ("body",),
        (camera,),
    )
    assert without_others(maps, [None], [(0.0, 0.0, 100.0, 100.0)]) is maps
    own = without_others(maps, [claims], [(0.0, 0.0, 100.0, 100.0)])
    for kept in (own.labels[0] > 0, own.weight[0] > 0, own.valid[0]):
        np.testing.assert_array_equal(kept, ~theirs)


def test_overwrite_removes_people_who_are_no_longer_there(tmp_path) -> None:
    """Their runs' files and nothing else; runs of people who are there are left to `run_fit`."""
    for name in ("person_00", "person_01", "person_02"):
        RunFolder(tmp_path / name, {"a": 1}).open(["result.npz", "frames/000000.npz"], False)
        (tmp_path / name / "result.npz").touch()
    (tmp_path / "person_02" / "notes.txt").touch()
    (tmp_path / "person_notes").mkdir()
    remove_earlier_people(tmp_path, [0], [])
    assert (tmp_path / "person_notes").is_dir()
    left = sorted(str(f.relative_to(tmp_path)) for f in tmp_path.rglob("*") if f.is_file())
    assert left == ["person_00/result.npz", "person_00/run.json", "person_02/notes.txt"]
    with pytest.raises(InputError, match="inputs outside"):
        remove_earlier_people(tmp_path, [], [tmp_path / "person_00" / "result.npz"])
