"""Options of a run that goes on are those with which it was begun; where nobody knows them, that is said."""

import pytest

from diffproxy.utils.begun_options import go_on_with, keep_finished
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


def test_a_finished_training_without_its_checkpoint_is_kept(tmp_path):
    (tmp_path / "model").mkdir()
    keep_finished([tmp_path / "model"], True)
    keep_finished([tmp_path / "other"], False)
    with pytest.raises(InputError, match="none beside") as error:
        keep_finished([tmp_path / "model"], False)
    assert "put the checkpoint back" in error.value.fix
