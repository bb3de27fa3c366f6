"""Finished subjects of an evaluation, kept by one process at a time."""

import pytest

from diffproxy.evaluation.partial_rows import PartialRows
from diffproxy.utils.errors import InputError


def test_rows_of_two_evaluations_do_not_mix(tmp_path, monkeypatch):
    """Else rows of the first, added after the second has begun, would stand under the stamp of the second."""
    monkeypatch.setattr("diffproxy.utils.one_writer.PATIENCE", 0.0)
    first = PartialRows(tmp_path / "e.json", "one")
    with pytest.raises(InputError, match="no other process that writes to"):
        PartialRows(tmp_path / "e.json", "two")
    first.add({"key": "a"})
    PartialRows(tmp_path / "e.json", "two", rank=1).remove()
    first.add({"key": "b"})
    del first
    assert not PartialRows(tmp_path / "e.json", "two").rows
