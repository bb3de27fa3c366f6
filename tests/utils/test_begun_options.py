"""Options of a run that goes on are those with which it was begun; where nobody knows them, that is said."""

import pytest

from diffproxy.utils.begun_options import go_on_with
from diffproxy.utils.errors import InputError


def test_other_options_are_refused_and_unknown_ones_named(tmp_path, caplog):
    file = tmp_path / "options.json"
    go_on_with(file, {"lr": 1.0}, False)
    go_on_with(file, {"lr": 1.0}, True)
    with pytest.raises(InputError, match="lr: "):
        go_on_with(file, {"lr": 2.0}, True)
    assert not caplog.text
    file.unlink()
    go_on_with(file, {"lr": 2.0}, True)
    assert "options.json" in caplog.text and "not known" in caplog.text
