"""What `train_generator.py` accepts on its command line."""

import pytest

from diffproxy.training import cli
from diffproxy.training.cli import read_config
from diffproxy.utils.errors import InputError


def test_augmentation_can_be_changed_by_word():
    config = read_config(["augment.photometric=0.5", "augment.crop_scale=[1.0,1.2]", "steps=3"])
    assert config.augment.photometric == 0.5 and config.augment.crop_scale == (1.0, 1.2)
    assert config.augment.flip == 0.5 and config.steps == 3


@pytest.mark.parametrize("word", ["augment.blur=1", "augment.photometric=much", "learning_rate=1"])
def test_a_word_that_means_nothing_is_refused(word):
    with pytest.raises(InputError):
        read_config([word])


def test_the_papers_training():
    config = read_config(["preset=paper", "accumulate=4"])
    given = (config.generator, config.epochs, config.batch, config.accumulate, config.lr, config.schedule)
    assert given == ("sd21", 30, 2, 4, 5e-5, "constant")
    assert (config.foreground_weight, config.dense_weight, config.hand_cameras, config.ema) == (
        1,
        0,
        "body",
        0,
    )


@pytest.mark.parametrize("processes", [1, 2])
def test_processes_of_a_launcher_leave_with_it(processes, monkeypatch, capsys):
    begun = []
    monkeypatch.setenv("WORLD_SIZE", str(processes))
    monkeypatch.setattr(cli, "leave_with_parent", lambda: begun.append(True))
    assert cli.main(["--help"]) == 0 and len(begun) == processes - 1
