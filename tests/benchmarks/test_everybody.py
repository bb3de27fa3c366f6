"""The benchmark of everybody in rendered pictures: one picture, reported exactly, and one in which nobody is found."""

import json

from tests.evaluation.test_single_view_people import LEFT, RIGHT, Reports, shards  # noqa: F401


def test_who_is_found_and_how_far(load_benchmark, body, shards, tmp_path, monkeypatch):  # noqa: F811
    script, asked = load_benchmark("everybody"), []

    def opened(options):
        asked.append(options)
        return Reports(body, [[RIGHT, LEFT], []])

    monkeypatch.setattr(script, "open_estimator", opened)
    out = tmp_path / "everybody.json"
    found = json.loads(json.dumps(script.main([f"shards={shards}", f"out={out}", "polish=false"])))
    assert [o.polish for o in asked] == [False]
    assert (found["all"]["found"], found["all"]["missed"], found["all"]["false_people"]) == (1, 1, 0)
    assert found["all"]["pa_mpjpe"] < 0.1 and found["all"]["tz_percent"] < 0.1 and found["ms"]["mean"] >= 0
    by_distance = {k: v["found"] for k, v in found.items() if k.endswith(" m")}
    assert by_distance == {"0-1.2 m": 0, "1.2-2 m": 0, "2-4 m": 1, "4-inf m": 0}
    written = json.loads(out.read_text())
    assert len(written.pop("pictures")) == 2 and written == found
    assert script.main([f"shards={shards}", "every=2"])["all"]["pictures"] == 1
