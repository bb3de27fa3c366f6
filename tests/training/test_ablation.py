"""The ablation command on a tiny network: same budget, finished variants kept, interrupted ones continued."""

import json
from pathlib import Path

import pytest

from diffproxy.utils.errors import InputError


@pytest.fixture
def ablation(load_benchmark):
    return load_benchmark("ablation")


@pytest.fixture
def words(tiny_shards, held_out_shards, tiny_generator, tmp_path):
    return [
        f"shards={tiny_shards}", f"val_shards={held_out_shards}", f"generator={tiny_generator}", f"out={tmp_path}/a",
        "steps=2", "batch=1", "views=2", "precision=no", "workers=0", "val_samples=1",
        "tensorboard=false", "save_every=1",
    ]  # fmt: skip


def changed(words, *others):
    """The words with these in place of those of the same names."""
    names = [w.partition("=")[0] for w in others]
    return [*(w for w in words if w.partition("=")[0] not in names), *others]


def test_every_variant_is_trained_once(ablation, words, tmp_path, monkeypatch, capsys):
    trained, train = [], ablation.train

    def dies_in_the_second(config):
        trained.append(Path(config.out).name)
        if len(trained) == 2:
            raise KeyboardInterrupt
        return train(config)

    monkeypatch.setattr(ablation, "train", dies_in_the_second)
    names = "variants=full,no_text,no_head_views,no_adapter"
    with pytest.raises(KeyboardInterrupt):
        ablation.main([*words, names])
    rows = ablation.main([*words, names])
    assert trained == ["full", "no_text", "no_text", "no_head_views", "no_adapter"]
    assert list(rows) == ["full", "no_text", "no_head_views", "no_adapter"]
    assert all(0 <= r["sample_foreground_iou"] <= 1 for r in rows.values())
    assert json.loads((tmp_path / "a" / "ablation.json").read_text())["scores"] == rows
    assert (tmp_path / "a" / "table.md").read_text().count("| no_text |") == 1
    for name, text, views in (("full", True, 2), ("no_text", False, 2), ("no_head_views", True, 0)):
        saved = json.loads((tmp_path / "a" / name / "model" / "config.json").read_text())
        assert saved["attention"]["text"] is text and saved["adapter_args"]["view_layers"] == views
    saved = json.loads((tmp_path / "a" / "no_adapter" / "model" / "config.json").read_text())
    assert saved["adapter_args"]["residuals"] is False and saved["adapter_args"]["draft"] is False
    with pytest.raises(InputError, match="another lr"):
        ablation.main([*words, names, "lr=0.5"])


def test_every_variant_changes_its_switch_alone(ablation, words):
    base, names = ablation.read_options(words)
    full = ablation.variant_config(base, "full")
    assert set(names) == set(ablation.VARIANTS)
    assert set(names) - set(ablation.read_options([*words, "freeze_conditioning=true"])[1]) == set(
        ablation.OF_THE_HEAD
    )
    paper = ablation.read_options(changed(words, "generator=sd21"))
    assert set(paper[1]) == set(names) - set(ablation.OF_THE_HEAD)
    assert ablation.variant_config(paper[0], "no_adapter").network == {"adapter": "none"}
    assert ablation.variant_config(paper[0], "full").network == {}
    for name in set(names) - {"full"}:
        other = ablation.variant_config(base, name)
        assert other.network != full.network and other.out.endswith(name)
        assert {k for k in vars(full) if getattr(full, k) != getattr(other, k)} == {"network", "out"}


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("variants=no_legs", "no_legs"),
        ("stepz=3", "stepz"),
        ("val_shards=", "held-out"),
        ("variants=no_views freeze_conditioning=true", "no_views"),
    ],
)
def test_wrong_options_are_explained(ablation, words, word, message):
    with pytest.raises(InputError, match=message):
        ablation.main(changed(words, *word.split()))
