"""The options that `fit.py` and `evaluate.py` share: body, generator, solver, and how proxies are made."""

from __future__ import annotations

from dataclasses import dataclass

from diffproxy.utils.options import one_of, option, within
from diffproxy.utils.shared_options import BODY, GENERATOR, SEED


@dataclass
class BodyOption:
    """Which body model is fitted."""

    path: str = BODY()
    allow_pickle: bool = option(False, "also read a body from a .pkl that you trust")


@dataclass
class AttentionOption:
    """How the generator's masked attention across views is computed (docs/generator.md)."""

    backend: str = option("sdpa", "implementation of the attention across views", "sdpa|flex|xformers")


@dataclass
class GeneratorOption:
    """Which generator draws the proxies, and how."""

    weights: str = GENERATOR()
    steps: int = option(
        -1, "denoising steps; -1 is the weights' own number, 0 the dense regression head alone"
    )
    sources: dict[str, str] = option(
        dict, "local folders of the public parts of sd21 (unet, codec, encoder)", "{PART: DIR}"
    )
    download: bool = option(False, "allow fetching weights from the hub")
    attention: AttentionOption = option(AttentionOption, "the attention across views")


@dataclass
class SolverOption:
    """Which solver fits the body, and its settings."""

    name: str = option("lm", "Levenberg-Marquardt, or the paper's staged Adam", "lm|adam")
    settings: dict[str, float | int | bool | str] = option(
        dict, "further fields of FitConfig, as solver.settings.KEY=VALUE", "{KEY: VALUE}"
    )


@dataclass
class SharedOptions:
    """Options that `fit.py` and `evaluate.py` have in common."""

    body: BodyOption = option(BodyOption, "short for body.path", "anny|FILE", "Models")
    generator: GeneratorOption = option(
        GeneratorOption, "short for generator.weights", "nano|DIR|ID", "Models"
    )
    solver: SolverOption = option(SolverOption, "short for solver.name", "lm|adam", "Models")
    prior: str = option(
        "gaussian", "pose prior: gaussian, diffusion, none, or trained weights", "NAME|FILE|DIR", "Models"
    )
    samples: int = option(1, "proxies sampled per view; their agreement weighs the pixels")
    encoder_keypoints: bool = option(
        True, "also fit to the keypoints of the generator's encoder, if it predicts any"
    )
    hands: bool = option(True, "second pass with enlarged hand crops")
    tta_flip: bool = option(True, "test-time flip: average with the flipped views, for twice the work")
    tta_rotation: bool = option(
        True,
        "test-time rotation: turn views of people who lie or hang upside down, if the generator is surer",
    )
    crop_source: str = option(
        "body",
        "what aims the crops of the second pass: a quickly fitted body, or (paper) the segmentation",
        "body|segmentation",
    )
    refine_crops: bool = option(True, "crop again around the first proxies where the first box was off")
    seed: int = SEED()
    device: str = option("auto", "where the generator runs", "auto|cpu|cuda")

    def check_shared(self) -> None:
        """InputError for values out of range."""
        one_of("solver", self.solver.name, ("lm", "adam"))
        one_of("crop_source", self.crop_source, ("body", "segmentation"))
        within("generator.steps", self.generator.steps, -1, 1000)
        within("samples", self.samples, 1, 1000)
        within("seed", self.seed, 0, 2**63 - 1)
