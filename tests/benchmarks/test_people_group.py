"""The benchmark of people in groups: its quick run."""

import json


def test_quick_run(load_benchmark) -> None:
    result = json.loads(json.dumps(load_benchmark("people_group").main(["quick=1", "contact=1"])))
    (row,) = result["rows"]
    assert (row["people"], row["views"], row["not_ok"]) == (2, 2, 0)
    assert row["alone"][0] <= row["alone"][1] < 15 and row["ratio"] < 2 and 0.5 < row["seen"][1] <= 1
    seconds = row["seconds"]
    assert row["depth"][0][0] < 10 and row["apart"][0] < 15  # people who do not touch, and their fits hardly
    assert seconds["frame"] > 2 * seconds["fit"] > 0 and min(seconds.values()) >= 0
