"""The loop end to end on tiny data: it learns, stops, resumes exactly, and says what is wrong."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from diffproxy.training.config import AugmentConfig, TrainConfig
from diffproxy.training.dataset import ProxySamples, SampleConfig
from diffproxy.training.start_generator import start_generator
from diffproxy.training.trainer import train
from diffproxy.utils.ema import EMA
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import make_folder
from diffproxy.utils.one_writer import OneWriter


@pytest.fixture
def config(tiny_shards, held_out_shards, tiny_generator, tmp_path):
    return TrainConfig(
        out=str(tmp_path / "run"), shards=str(tiny_shards), val_shards=str(held_out_shards),
        generator=str(tiny_generator), steps=4, batch=2, warmup_steps=1, lr=1e-3, precision="no", workers=0,
        log_every=2, save_every=2, val_every=4, val_samples=1,
    )  # fmt: skip


def weights(folder):
    return {f.parent.name: load_file(f) for f in sorted(folder.glob("*/model.safetensors"))}


def same(a, b):
    return all(torch.equal(a[part][k], b[part][k]) for part in a for k in a[part])


def test_an_interrupted_run_ends_with_the_same_weights(config, tmp_path, monkeypatch):
    whole = weights(train(config))
    cut = replace(config, out=str(tmp_path / "cut"))
    update, calls = EMA.update, []

    def dies_in_step_three(self, model):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        update(self, model)

    monkeypatch.setattr(EMA, "update", dies_in_step_three)
    with pytest.raises(KeyboardInterrupt):
        train(cut)
    monkeypatch.setattr(EMA, "update", update)
    resumed = weights(train(cut))
    assert same(whole, resumed)
    rows = [json.loads(line) for line in (tmp_path / "cut" / "curves.jsonl").read_text().splitlines()]
    assert "val" in rows[-1] and 0 <= rows[-1]["val"]["sample_foreground_iou"] <= 1
    assert (tmp_path / "cut" / "samples" / "0000004.png").is_file()


def test_the_warm_up_stage_leaves_the_unet_alone(config, tiny_generator):
    exported = train(replace(config, diffusion_weight=0.0, encoder_lr=1e-3))
    before, after = weights(tiny_generator), weights(exported)
    assert all(torch.equal(v.half(), after["unet"][k].half()) for k, v in before["unet"].items())
    assert not torch.equal(before["adapter"]["head.weight"].half(), after["adapter"]["head.weight"].half())


def test_samples_depend_on_seed_and_number_alone(tiny_shards, body):
    make = lambda seed: ProxySamples(tiny_shards, body, SampleConfig(32, 16, seed=seed), AugmentConfig())  # noqa: E731
    a, b, other = make(0), make(0), make(1)
    assert all(torch.equal(a[5][k], b[5][k]) for k in a[5])
    assert not torch.equal(a[5]["images"], other[5]["images"])
    item = a[3]
    assert item["images"].shape == (4, 3, 32, 32) and item["labels"].shape == (4, 16, 16)
    assert item["kinds"].max() <= 2 and (item["uv"] >= 0).all() and (item["uv"] <= 1).all()


def test_mirrored_samples_are_exact_proxies_too(tiny_shards, body, make_ring):
    """Mirroring twice gives the sample back; mirroring once swaps left and right labels only."""
    from diffproxy.proxies.flip import flip_table

    table = flip_table(body)
    data = ProxySamples(tiny_shards, body, SampleConfig(48, 48), None)
    view = data.index.view(0, 0)
    labels, uv = table.apply(view.labels, view.uv)
    twice, uv_twice = table.apply(labels, uv)
    np.testing.assert_array_equal(twice, view.labels)
    np.testing.assert_allclose(uv_twice, view.uv, atol=1e-6)
    names = body.atlas.palette.names
    swapped = {names[int(i)] for i in np.unique(view.labels) if table.label_map[i] != i}
    assert all(n.endswith(("_l", "_r")) for n in swapped) and swapped


def test_missing_shards_are_named(config, tmp_path):
    with pytest.raises(InputError, match="shard"):
        train(replace(config, shards=str(tmp_path / "nothing")))


def test_held_out_shards_are_not_the_training_shards(config, tiny_shards, tmp_path):
    """Neither the same folder, nor a link to a shard, nor a copy of one."""
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "c.tar").symlink_to(tiny_shards / "a.tar")
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "a.tar").write_bytes((tiny_shards / "a.tar").read_bytes())
    for val in (tiny_shards, tmp_path / "link", tmp_path / "copy"):
        with pytest.raises(InputError, match="held-out subjects that are not trained on"):
            train(replace(config, val_shards=str(val)))
    assert not (tmp_path / "run" / "model").exists()


def test_two_trainings_do_not_mix(config, monkeypatch):
    monkeypatch.setattr("diffproxy.utils.one_writer.PATIENCE", 0.0)
    other = OneWriter(make_folder(Path(config.out)))
    with pytest.raises(InputError, match="no other process that writes to"):
        train(config)
    other.release()


def test_a_killed_validation_is_repeated_and_no_step(config, monkeypatch):
    """The checkpoint comes first; curves.jsonl has every line once, also after steps that no checkpoint holds."""
    import diffproxy.training.trainer as trainer

    scores, folder = trainer.held_out_scores, Path(config.out)

    def killed(run, step):
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "held_out_scores", killed)
    with pytest.raises(KeyboardInterrupt):
        train(config)
    assert (folder / "checkpoints" / "step_0000004.pt").is_file()
    with (folder / "curves.jsonl").open("a") as file:
        file.write(json.dumps({"step": 6, "total": 1.0}) + "\n" + '{"step": 8, "tot')
    (folder / "model/unet").mkdir(parents=True)
    for name in (".curves.jsonl", "checkpoints/.step_0000006.pt", "model/unet/.model.safetensors"):
        (folder / f"{name}.4194305.tmp").write_text("of a killed process: no system has this many")
    monkeypatch.setattr(trainer, "held_out_scores", scores)
    for _ in range(2):
        train(config)
        rows = [json.loads(line) for line in (folder / "curves.jsonl").read_text().splitlines()]
        assert [(r["step"], "val" in r) for r in rows] == [(2, False), (4, False), (4, True)]
    assert not list(folder.rglob("*.tmp"))


def test_weights_that_are_not_finite_are_neither_kept_nor_exported(config, monkeypatch):
    update, calls = EMA.update, []

    def breaks_in_step_three(self, model):
        calls.append(1)
        if len(calls) == 3:
            with torch.no_grad():
                next(p for p in model.parameters() if p.requires_grad).fill_(torch.nan)
        update(self, model)

    monkeypatch.setattr(EMA, "update", breaks_in_step_three)
    with pytest.raises(InputError, match="finite"):
        train(config)
    out = Path(config.out)
    assert [p.name for p in (out / "checkpoints").iterdir()] == ["step_0000002.pt"]
    assert not (out / "model").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"roll_deg": -3.0}, {"flip": 7.0}, {"shift": -0.1}, {"photometric": -1.0}, {"crop_scale": (5.0, 1.0)},
        {"crop_scale": (0.0, 0.0)},
    ],
    ids=str,
)  # fmt: skip
def test_augmentation_out_of_range_is_named(wrong):
    with pytest.raises(InputError, match=f"augment.{next(iter(wrong))}"):
        AugmentConfig(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": -1}, {"steps": 0}, {"batch": 0}, {"lr": float("nan")}, {"lr": -1.0}, {"precision": "fp8x"},
        {"save_every": 0}, {"log_every": 0}, {"ema": 2.0}, {"views": 0}, {"out": " "}, {"condition_dropout": 1.5},
        {"warmup_steps": -1}, {"workers": -1}, {"clip_norm": 0.0}, {"stage": "both"},
    ],
    ids=str,
)  # fmt: skip
def test_values_out_of_range_are_named(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        TrainConfig(**wrong)


def trained(folder):
    """Weights of the last checkpoint, before they are rounded to half precision."""
    return torch.load(sorted((folder / "checkpoints").glob("*.pt"))[-1], weights_only=True)["model"]


def untrained(config, names):
    """The weights of these names that a run begins with."""
    return {k: v for k, v in start_generator(config).state_dict().items() if k in names}


def difference(a, b):
    """Root of the sum of squares over all weights."""
    assert a.keys() == b.keys()
    return float(torch.stack([(a[k] - b[k]).square().sum() for k in a]).sum().sqrt())


def test_accumulated_batches_train_as_one_large_batch(config, tmp_path, monkeypatch):
    """Also where the environment asks for another number of batches, as `accelerate launch` does."""
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "3")
    large = replace(config, steps=2, save_every=1, val_shards=None, condition_dropout=0.3)
    train(large)
    parts = replace(large, batch=1, accumulate=2, out=str(tmp_path / "parts"))
    train(parts)
    a, b = (trained(Path(run.out)) for run in (large, parts))
    # Adam divides rounding errors by small gradients
    assert difference(a, b) < 1e-3 * difference(a, untrained(config, a))


def test_two_processes_train_as_one_and_stop_together(config, tmp_path):
    """Two processes of two accumulated batches are one batch of four; one process's time limit stops both."""
    large = replace(config, batch=4, steps=2, save_every=1, val_shards=None)
    train(large)
    words = [f"{k}={v}" for k, v in {
        "out": tmp_path / "two", "shards": large.shards, "generator": large.generator, "batch": 1, "accumulate": 2,
        "steps": 2, "warmup_steps": 1, "lr": large.lr, "precision": "no", "workers": 0, "save_every": 1,
        "tensorboard": "false",
    }.items()]  # fmt: skip
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone"]
    environment = os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    done = subprocess.run(
        [*command, str(Path(__file__).with_name("two_processes.py")), *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr.count("exported to") == 2  # one for each run
    assert [f.name for f in (tmp_path / "two_limited" / "checkpoints").iterdir()] == ["step_0000001.pt"]
    a, b = (trained(Path(folder)) for folder in (large.out, tmp_path / "two"))
    assert difference(a, b) < 1e-3 * difference(a, untrained(config, a))


def test_the_average_stays_on_the_device_of_the_model():
    """Checkpoints are read to the CPU; `meta` stands for a GPU."""
    cpu, gpu = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2, device="meta")
    ema = EMA(gpu)
    ema.load_state_dict(EMA(cpu).state_dict())
    ema.update(gpu)
    assert {v.device.type for v in ema.shadow.values()} == {"meta"}


def test_epochs_are_counted_in_subjects(config):
    from diffproxy.training.setup import set_up

    run = set_up(replace(config, epochs=30, batch=2, accumulate=3))
    assert run.config.steps == 10 == len(run.sampler) // 6  # two subjects, six samples a step


def test_hand_crops_of_the_cameras_of_the_body_views(tiny_shards, body):
    config = SampleConfig(32, 16, hand_cameras="body")
    data = ProxySamples(tiny_shards, body, config, AugmentConfig())
    places = data.index.camera_places(0)
    places[3] = places[1]  # the stored hand crop is of the second camera
    data.index.camera_places = lambda sample: places
    drawn = [data.slots(0, np.random.default_rng(k)) for k in range(40)]
    assert all(1 in chosen for chosen in drawn if 3 in chosen) and any(3 in chosen for chosen in drawn)
    assert any(3 not in chosen and len(set(chosen)) < 4 for chosen in drawn)


def test_a_model_whose_checkpoints_have_gone_is_not_replaced(config):
    folder = train(replace(config, steps=1, save_every=1, val_shards=None))
    before = (folder / "model_index.json").read_bytes()
    shutil.rmtree(folder.parent / "checkpoints")
    with pytest.raises(InputError, match="the checkpoint of the training"):
        train(replace(config, steps=1, val_shards=None))
    assert (folder / "model_index.json").read_bytes() == before
