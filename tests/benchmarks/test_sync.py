"""The benchmark of the offsets: one short take."""

import json


def test_quick_run(load_benchmark) -> None:
    result = load_benchmark("sync").main(["takes=1", "cameras=3", "frames=90", "shifts=5", "max_offset=20"])
    row = json.loads(json.dumps(result))["3 cameras"]["rows"]["5"]
    assert row["cases"] == 4 and row["within_1"] == 1.0 and row["worst"] <= 1
