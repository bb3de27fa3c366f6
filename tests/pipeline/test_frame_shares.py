"""Frames divided among processes: whole segments, the same bodies, and processes that fail."""

import time

import numpy as np
import pytest

from diffproxy.export import load_result
from diffproxy.pipeline import fit_rig
from diffproxy.pipeline.config import SaveOptions
from diffproxy.pipeline.fit_rig import run_fit
from diffproxy.pipeline.frame_shares import frame_shares, run_processes, segments, share_of
from diffproxy.pipeline.networks import Networks
from diffproxy.utils.errors import InputError

pytestmark = pytest.mark.usefixtures("fits_computed_once")


def test_shares_are_contiguous_and_whole_segments():
    ids = list(range(5, 34))
    assert segments([8, 9, 10, 25], 10) == [[8, 9], [10], [25]] and segments([3, 4], 0) == [[3], [4]]
    shares = frame_shares(ids, 2, 10)
    assert [*shares[0], *shares[1]] == ids and shares[1][0] % 10 == 0
    assert frame_shares(ids, 8, 10) == [
        list(range(5, 10)),
        list(range(10, 20)),
        list(range(20, 30)),
        [*range(30, 34)],
    ]
    assert [len(s) for s in frame_shares(ids, 3, 0)] == [10, 9, 10]
    # Of a finished segment nothing is left; of one with a gap everything, since a frame starts from the one before.
    assert frame_shares(ids, 2, 10, finished={*range(10, 20), 31}) == [
        [*range(5, 10), *range(20, 30)],
        [*range(30, 34)],
    ]


def test_share_option():
    assert share_of("2/4") == (2, 4)
    for text in ("0/4", "5/4", "2", "a/b", "1/0"):
        with pytest.raises(InputError, match="share as K/N"):
            share_of(text)


def test_processes_end_whatever_becomes_of_them(caplog):
    run_processes(sum, [[1, 2], [3]], lambda i: True)
    assert not caplog.records
    run_processes(time.sleep, [[1]], lambda i: False)  # a list is no number of seconds: the process fails
    assert "1 of 1 processes ended early" in caplog.text


@pytest.fixture
def saved(rig_of, oracle_of, params_of, options_of, tmp_path):
    """Options for the saved proxies of five frames of a moving body."""
    pipe = oracle_of([params_of(0, 0.03 * k) for k in range(5)])
    out = run_fit(options_of(rig_of(5), out=str(tmp_path / "first")), tmp_path, Networks(pipe))

    def make(name, **more):
        save = SaveOptions(mesh="none", overlay=False, report=False, viewer=False)
        options = options_of(tmp_path / "rig", proxies=str(out / "proxies"), save=save, **more)
        options.out = str(tmp_path / name)
        return options

    return make


def test_jobs_and_shares_give_the_bodies_of_one_process(saved, tmp_path, monkeypatch):
    def in_this_process(work, shares, done, *arguments):
        assert [list(s) for s in shares] == [[0, 1, 2, 3], [4]]
        for share in shares:
            with pytest.raises(SystemExit) as end:
                work(list(share), *arguments)
            assert not end.value.code

    monkeypatch.setattr(fit_rig, "run_processes", in_this_process)
    monkeypatch.setattr(fit_rig.torch, "set_num_threads", lambda n: None)
    alone = load_result(run_fit(saved("alone", segment=2), tmp_path) / "result.npz")
    jobs = load_result(run_fit(saved("jobs", segment=2, jobs=2), tmp_path) / "result.npz")
    for k in (1, 2):
        out = run_fit(saved("shares", segment=2, share=f"{k}/2"), tmp_path)
        assert not (out / "result.npz").exists()
    frames = {p.name: p.stat().st_mtime_ns for p in out.glob("frames/*.npz")}
    assert len(frames) == 5
    shares = load_result(run_fit(saved("shares", segment=2), tmp_path) / "result.npz")
    assert {
        p.name: p.stat().st_mtime_ns for p in out.glob("frames/*.npz")
    } == frames  # gathered, not computed
    for other in (jobs, shares):
        assert np.array_equal(alone.joints, other.joints) and other.meta["starts"] == alone.meta["starts"]
    assert [alone.meta["starts"][str(k)] is None for k in range(5)] == [True, False, True, False, True]


def test_options_that_do_not_go_together(rig_of, options_of, tmp_path):
    rig = rig_of()
    assert options_of(rig, jobs=2).segment == 100 and options_of(rig, jobs=2, track=False).segment == 0
    with pytest.raises(InputError, match="overwrite"):
        options_of(rig, share="1/2", overwrite=True)
    with pytest.raises(InputError, match="generator or detector of your own"):
        run_fit(options_of(rig, jobs=2), tmp_path, Networks(pipe=object()))
