from diffproxy.utils.timing import stage_milliseconds


def test_a_stage_that_a_frame_does_without_took_no_time():
    table = stage_milliseconds([{"detect": 0.02, "total": 0.03}, {"total": 0.01}])
    assert table["detect"] == {"mean": 10.0, "median": 10.0, "p95": 19.0}
    assert table["total"] == {"mean": 20.0, "median": 20.0, "p95": 29.0}
