"""Everything `fit.py` can be told, with its types, defaults and checks."""

from __future__ import annotations

from dataclasses import dataclass, field

from diffproxy.utils.errors import InputError


def one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    """InputError unless `value` is one of `allowed`."""
    if value not in allowed:
        fix = f"write {option}={allowed[0]}"
        raise InputError(f"{option} as one of {', '.join(allowed)}", f"{option}={value}", fix)


def at_least(option: str, value: float | int, low: float | int) -> None:
    """InputError unless `value` >= `low`."""
    if value < low:
        fix = f"write {option}={low:g} or more"
        raise InputError(f"{option} of at least {low:g}", f"{option}={value:g}", fix)


@dataclass
class RigOption:
    """A rig folder; `prepare` names the recipe that makes it first ("" or "pose2sim")."""

    path: str = "examples/synthetic_rig"
    calibration: str = ""
    prepare: str = ""


@dataclass
class BodyOption:
    """`path`: "anny" (in the package) or a body file in SMPL-X format."""

    path: str = "anny"
    allow_pickle: bool = False


@dataclass
class AttentionOption:
    """`backend`: what computes the masked attention across views: sdpa, flex or xformers (docs/generator.md)."""

    backend: str = "sdpa"


@dataclass
class GeneratorOption:
    """`weights`: "nano" (in the package), a folder in diffusers layout, or a hub id.

    `steps`: denoising steps, -1 is the weights' own number, 0 the direct prediction. `sources`: local folders of
    public parts that the weights only refer to ({unet: /weights/sd21, ...}). `download`: allow the hub.
    """

    weights: str = "nano"
    steps: int = -1
    sources: dict[str, str] = field(default_factory=dict)
    download: bool = False
    attention: AttentionOption = field(default_factory=AttentionOption)


@dataclass
class SolverOption:
    """`name`: lm or adam; `settings`: further fields of `FitConfig`."""

    name: str = "lm"
    settings: dict[str, float | int | bool | str] = field(default_factory=dict)


@dataclass
class SaveOptions:
    """What is written beside result.npz and metrics.json."""

    mesh: str = "glb"
    proxies: bool = True
    overlay: bool = True
    report: bool = True
    vertices: bool = False


@dataclass
class FitOptions:
    """All options of `fit.py`; `conf/fit.yaml` explains each in one line."""

    rig: RigOption = field(default_factory=RigOption)
    body: BodyOption = field(default_factory=BodyOption)
    generator: GeneratorOption = field(default_factory=GeneratorOption)
    solver: SolverOption = field(default_factory=SolverOption)
    save: SaveOptions = field(default_factory=SaveOptions)
    frames: str = "all"
    views: str = "all"
    proxies: str = ""
    boxes: str = "auto"
    masks: str = ""
    keypoints: str = ""
    encoder_keypoints: bool = True
    box_margin: float = 1.2
    common_frames: bool = False
    samples: int = 1
    hands: bool = True
    mirror: bool = True
    upright: bool = True
    recrop: bool = True
    track: bool = True
    prior: str = "gaussian"
    shape: str = "per_frame"
    smooth: float = 0.0
    ground: str = "none"
    fps: float = 30.0
    out: str = "out/fit"
    overwrite: bool = False
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        one_of("shape", self.shape, ("per_frame", "shared"))
        if self.smooth > 0 or self.ground != "none":
            self.shape = "shared"  # frames that help each other have one body
        at_least("smooth", self.smooth, 0.0)
        at_least("fps", self.fps, 0.01)
        one_of("solver", self.solver.name, ("lm", "adam"))
        one_of("save.mesh", self.save.mesh, ("glb", "ply", "obj", "none"))
        at_least("generator.steps", self.generator.steps, -1)
        at_least("samples", self.samples, 1)
        at_least("box_margin", self.box_margin, 1.0)
        at_least("seed", self.seed, 0)
        if not self.out.strip():
            raise InputError("out=DIR", "an empty name", "write out=out/my_run")


def split_names(text: str) -> list[str] | None:
    """Names in "a,b" as a list; None for "all" or ""."""
    return None if text.strip() in ("", "all") else [part.strip() for part in text.split(",") if part.strip()]
