"""The benchmark of many shards: files as the writer names them, each start measured by itself."""

import contextlib
import io
import json
import sys

import pytest

from diffproxy.datasets import stored_listings


@pytest.fixture
def script(load_benchmark, monkeypatch, request):
    monkeypatch.syspath_prepend(str(request.config.rootpath / "benchmarks"))
    return load_benchmark("shard_index")


def test_the_second_start_uses_what_the_first_stored(script, tmp_path, capsys, monkeypatch):
    """The starts of the benchmark, in this process."""
    scanned = []
    monkeypatch.setattr(stored_listings, "WORTH_STORING", 60)
    scan = stored_listings.scan
    monkeypatch.setattr(stored_listings, "scan", lambda path: scanned.append(path.name) or scan(path))

    def start(words):
        monkeypatch.setattr(sys, "argv", words[1:])
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(words[1], {})
        return json.loads(printed.getvalue())

    monkeypatch.setattr(script, "measured", start)
    assert script.main(["subjects=5", "views=2", "hands=1", "per_shard=2", f"out={tmp_path}"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["shards"] == 3 and found["stored_mb"] > 0 and len(scanned) == 3
    for row in found["starts"]:
        assert row["subjects"] == 6 and 0 <= row["index_cpu_seconds"] <= row["index_seconds"] + 0.1
    (listing,) = [
        v for v in stored_listings.read_stored(tmp_path).values() if v.path.name == "s0-0000001.tar"
    ]
    assert len(listing.files) == 2 * (3 * 3 + 1)
