"""The benchmark of long takes: two frames of the same proxies, whose bodies are the same."""

import json

import numpy as np

from diffproxy.export import load_result


def test_two_frames_in_one_process(load_benchmark, tmp_path):
    words = ["frames=2", "jobs=1", "segment=1", f"out={tmp_path}"]
    found = json.loads(json.dumps(load_benchmark("long_take").main(words)))
    row = found["rows"]["1 processes"]
    assert row["largest_difference_m"] == 0 and row["cpu_s"] > 0 and max(row["rss_mib"].values()) > 100
    result = load_result(tmp_path / "fit_1/result.npz")
    assert [*result.status] == ["ok", "ok"] and result.frame_ids.tolist() == [0, 1]
    # the second starts from the first
    np.testing.assert_allclose(result.joints[0], result.joints[1], atol=0.005)
