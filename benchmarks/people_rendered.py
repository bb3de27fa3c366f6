"""Groups with images through the whole pipeline of several people: who is found, and how well. JSON.

    python -m render_synth out=shards/people views=4 full_frames=4 body_crops=false hand_crops=0 size=384 \\
        group_fraction=0.5 max_bystanders=7 split=test ...
    python benchmarks/people_rendered.py shards=shards/people out=out/people_rendered.jsonl
    python benchmarks/people_rendered.py shards=shards/people alone=shards/people_alone
    python benchmarks/people_rendered.py shards=shards/people detector=whole_picture
    python benchmarks/people_rendered.py quick=1

Every group of 2 to `most` people whom four whole frames show is a take of one moment: its frames and cameras are
written as a rig, and `fit.py people=all` runs on them, with the packaged generator (`steps=0`) and detector. Somebody
is there to be found whom two frames or more show by `LEAST_SEEN`: the free share of the silhouette times the share of
joints inside the frame. Reported people are matched to all by the distance of their joints, up to half a metre.

`alone`: the same run of render_synth with max_bystanders=0, the same subjects without the others. `limit`: at most so
many groups. `detector`: as `people_detector` of `fit.py`. `out`: a line of JSON for each group; it is resumed.

"found", "missed", "ghosts": people; "left_out": who is listed without a result, as a double; "mpjpe": of 22 joints in
the world, mm, mean, median and worst, of those who are found; "by_seen": the same by the mean share seen over the
frames; "statuses"; "subjects": who is also rendered alone, with both errors; "cpu_s": per person and group.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from script_words import read_words

from diffproxy.body import BodyModel, BodyParams, load_body
from diffproxy.body.names import BODY_JOINTS
from diffproxy.cameras import Rig, save_rig
from diffproxy.datasets.shards import FULL, ShardIndex
from diffproxy.export import load_result
from diffproxy.pipeline import inputs
from diffproxy.pipeline.config import FitOptions, RigOption, SaveOptions
from diffproxy.pipeline.model_options import GeneratorOption
from diffproxy.pipeline.networks import Networks
from diffproxy.pipeline.several_people import fit_people
from diffproxy.single_view.whole_picture.people_finder import PeopleFinder
from diffproxy.utils.errors import InputError
from diffproxy.utils.people_file import PEOPLE

WORDS = ["alone", "detector", "limit", "most", "out", "quick", "shards"]

LEAST_SEEN = 0.3
SAME_PERSON = 0.5  # metres, mean distance of the joints
FRAMES = 4
BINS = (0.3, 0.5, 0.7, 0.9, 1.01)
ROOT = Path(__file__).resolve().parents[1]
NO_RESULT = "no result"  # of somebody who is listed but left out, as a double


def open_finder(detector: str, body: BodyModel) -> Any:
    """The packaged person detector that `people_detector=` of `fit.py` names."""
    if detector == "whole_picture":
        return PeopleFinder.packaged(body)
    return inputs.open_detector(torch.device("cpu"))


def opened(detector: str, body: BodyModel) -> Networks:
    """The packaged generator and detector, opened once for all groups."""
    generator = inputs.open_generator(GeneratorOption(steps=0), torch.device("cpu"))
    return Networks(generator, open_finder(detector, body))


def groups_of(index: ShardIndex, most: int, chosen: list[str] | None = None) -> Iterator[int]:
    """The samples that show a group of 2 to `most` people in four frames, or those that are `chosen` by their keys."""
    for sample in range(len(index)):
        if len(frames_of(index, sample)) < FRAMES:
            continue
        if chosen is not None:
            wanted = index.key(sample) in chosen
        else:
            wanted = 2 <= len(index.people(sample)) <= most and bool(index.meta(sample).get("group"))
        if wanted:
            yield sample


def frames_of(index: ShardIndex, sample: int) -> list[int]:
    """Numbers of the whole frames, of which a group has four."""
    return [j for j, kind in enumerate(index.kinds(sample)) if kind == FULL][:FRAMES]


def write_rig(index: ShardIndex, sample: int, folder: Path) -> None:
    """The whole frames of a sample as a take of one moment."""
    views = [index.view(sample, j) for j in frames_of(index, sample)]
    folder.mkdir(parents=True)
    save_rig(Rig(index.key(sample), tuple(v.camera for v in views)), folder)
    for view in views:
        (folder / "images" / view.camera.name).mkdir(parents=True)
        file = folder / "images" / view.camera.name / "000000.png"
        cv2.imwrite(str(file), view.rgb[..., ::-1])


def reported(folder: Path, networks: Networks) -> list[dict[str, Any]]:
    """Id, status, reason and joints (None without a body) of everybody whom the pipeline finds."""
    options = FitOptions(
        rig=RigOption(path=str(folder)), out=str(folder / "out"), people="all", device="cpu",
        generator=GeneratorOption(steps=0), save=SaveOptions("none", False, False, False, False, False),
    )  # fmt: skip
    try:
        fit_people(options, ROOT, networks)
    except InputError as error:
        sys.stderr.write(f"{folder.name}: {error}\n")
    listed = folder / "out" / PEOPLE
    out = []
    for person in json.loads(listed.read_text())["people"] if listed.is_file() else []:
        file = folder / "out" / str(person["result"])
        result = load_result(file) if person["result"] and file.is_file() else None
        has = result is not None and bool(result.has_body[0])
        out.append({
            "id": person["id"],
            "status": result.status[0] if result is not None else NO_RESULT,
            "reason": result.reason[0] if result is not None else "",
            "joints": result.joints[0][BODY_JOINTS] if has else None,
        })  # fmt: skip
    return out


def matched(true: np.ndarray, found: list[dict[str, Any]]) -> list[tuple[int, int, float]]:
    """(true person, reported person, MPJPE in mm) of the best one-to-one matches within `SAME_PERSON`; NaN: unknown."""
    far = 1e6
    cost = np.full((len(true), len(found)), far)
    for j, person in enumerate(found):
        if person["joints"] is not None:
            cost[:, j] = 1000 * np.nanmean(np.linalg.norm(true - person["joints"], axis=-1), axis=-1)
    cost[cost > 1000 * SAME_PERSON] = far
    rows, columns = linear_sum_assignment(cost)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(i, j, float(cost[i, j])) for i, j in pairs if cost[i, j] < far]


def group_row(index: ShardIndex, sample: int, body: BodyModel, networks: Networks) -> dict[str, Any]:
    """Who is there, who is found, and what is wrong with them."""
    with torch.no_grad():
        true = body(BodyParams.cat(index.people(sample))).joints[:, BODY_JOINTS].double().numpy()
    views = [index.meta(sample)["views"][j] for j in frames_of(index, sample)]
    seen = np.array([[p["visible"] * p["in_frame"] for p in v["people"]] for v in views])
    with tempfile.TemporaryDirectory() as where:
        write_rig(index, sample, folder := Path(where) / index.key(sample))
        start = time.process_time()
        found = reported(folder, networks)
        seconds = time.process_time() - start
    left_out = sum(f["status"] == NO_RESULT for f in found)
    found = [f for f in found if f["status"] != NO_RESULT]
    pairs = matched(true, found)
    by_person = {i: (j, error) for i, j, error in pairs}
    must = (seen >= LEAST_SEEN).sum(0) >= 2
    people = []
    for i in range(len(true)):
        j, error = by_person.get(i, (None, None))
        people.append({
            "seen": round(float(seen[:, i].mean()), 3), "counted": bool(must[i]), "mpjpe": error,
            "status": None if j is None else found[j]["status"], "id": None if j is None else found[j]["id"],
        })  # fmt: skip
    taken = {j for _, j, _ in pairs}
    ghosts = [f for j, f in enumerate(found) if j not in taken]
    return {
        "key": index.key(sample), "layout": index.meta(sample)["layout"], "people": people,
        "ghosts": [{"id": g["id"], "status": g["status"], "reason": g["reason"]} for g in ghosts],
        "left_out": left_out, "cpu_s": round(seconds, 1),
    }  # fmt: skip


def errors(values: list[float]) -> dict[str, float]:
    """Mean, median and worst, mm; nothing of nobody."""
    if not values:
        return {"n": 0}
    names = zip(("mean", "median", "worst"), (np.mean, np.median, np.max), strict=True)
    return {"n": len(values)} | {name: round(float(of(values)), 1) for name, of in names}


def summary_of(rows: list[dict[str, Any]], alone: dict[str, float | None]) -> dict[str, Any]:
    """All groups together."""
    people = [p for row in rows for p in row["people"]]
    found = [p for p in people if p["counted"] and p["mpjpe"] is not None]
    by_seen = {
        f"{a:g}-{min(b, 1):g}": errors([p["mpjpe"] for p in found if a <= p["seen"] < b])
        for a, b in zip((0.0, *BINS[:-1]), BINS, strict=True)
    }
    both = [
        (row["people"][0]["mpjpe"], alone[row["key"]])
        for row in rows
        if row["people"][0]["mpjpe"] is not None and alone.get(row["key"]) is not None
    ]
    out = {
        "groups": len(rows),
        "people": sum(p["counted"] for p in people),
        "found": len(found),
        "missed": sum(p["counted"] and p["mpjpe"] is None for p in people),
        "found_uncounted": sum(not p["counted"] and p["mpjpe"] is not None for p in people),
        "ghosts": sum(len(row["ghosts"]) for row in rows),
        "left_out": sum(row["left_out"] for row in rows),
        "statuses": dict(Counter(p["status"] for p in found)),
        "ghost_statuses": dict(Counter(g["status"] for row in rows for g in row["ghosts"])),
        "mpjpe": errors([p["mpjpe"] for p in found]),
        "mpjpe_ok": errors([p["mpjpe"] for p in found if p["status"] == "ok"]),
        "by_seen": by_seen,
        "cpu_s": round(sum(row["cpu_s"] for row in rows) / max(sum(len(r["people"]) for r in rows), 1), 1),
    }
    if alone and both:
        in_group, by_themselves = ([pair[k] for pair in both] for k in (0, 1))
        out["subjects"] = {
            "group": errors(in_group),
            "alone": errors(by_themselves),
            "ratio": round(float(np.mean(in_group) / np.mean(by_themselves)), 3),
        }
    return out


def kept_rows(path: Path | None) -> dict[str, dict[str, Any]]:
    """Groups that an earlier run has finished."""
    if path is None or not path.is_file():
        return {}
    return {row["key"]: row for row in map(json.loads, path.read_text().splitlines())}


def run(
    shards: str, out: Path | None, chosen: list[str] | None, given: dict[str, Any]
) -> list[dict[str, Any]]:
    """The rows of all groups of a set, or of the samples that are `chosen`."""
    index, body, networks = ShardIndex(shards), given["body"], given["networks"]
    done, rows = kept_rows(out), []
    for sample in groups_of(index, given["most"], chosen):
        key = index.key(sample)
        if key not in done:
            done[key] = group_row(index, sample, body, networks)
            sys.stderr.write(f"{json.dumps(done[key])}\n")
            if out is not None:
                out.parent.mkdir(parents=True, exist_ok=True)
                with out.open("a") as file:
                    file.write(json.dumps(done[key]) + "\n")
        rows.append(done[key])
        if len(rows) == given["limit"]:
            break
    return rows


def main(argv: list[str]) -> dict[str, Any]:
    words = read_words(argv, WORDS)
    body = load_body("anny")
    given: dict[str, Any] = {
        "most": int(words.get("most", 5)),
        "limit": 1 if words.get("quick") == "1" else int(words.get("limit", 0)),
        "body": body,
        "networks": opened(words.get("detector", "multipose"), body),
    }
    out = Path(words["out"]) if "out" in words else None
    rows = run(words["shards"], out, None, given)
    alone: dict[str, float | None] = {}
    if "alone" in words:
        file = out.with_name(f"alone_{out.name}") if out is not None else None
        chosen = [row["key"] for row in rows]
        alone = {r["key"]: r["people"][0]["mpjpe"] for r in run(words["alone"], file, chosen, given)}
    return {"most": given["most"], **summary_of(rows, alone)}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:]), indent=1))
