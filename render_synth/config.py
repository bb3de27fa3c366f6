"""Options of one render run; every field is a `key=value` of the command line."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from diffproxy.datasets.extras import EXTRAS
from diffproxy.utils.errors import InputError

VARIANTS = ("auto", "scalar_rgb", "llvm_ad_rgb", "cuda_ad_rgb")
SPLITS = ("train", "test")
CLOTH = ("none", "warp")


def option(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class RenderConfig:
    """Options of a run. Sample k is a pure function of (options, k): workers and restarts do not change a byte.

    Raises:
        InputError: A value is out of range, or a file or folder does not exist.
    """

    out: str = option("shards/train", "folder of the shards; a second run with the same options resumes")
    subjects: int = option(100, "number of subjects (samples)")
    start: int = option(
        0, "number of the first sample: give each machine a range of its own, they may share `out`"
    )
    seed: int = option(0, "seed of the run")
    split: str = option(
        "train", "which part of the pose bank to draw from: train | test (no motion is in both)"
    )
    workers: int = option(2, "processes; each renders on one thread")
    per_shard: int = option(20, "subjects per shard")
    views: int = option(4, "square crops around the body per subject, each from a camera of its own")
    full_frames: int = option(
        1, "of those cameras, how many also give a whole frame (for training the person detector)"
    )
    hand_crops: int = option(2, "crops around a visible hand per subject, from the same cameras")
    size: int = option(256, "crop size in pixels; also the long side of a whole frame")
    hand_size: int = option(0, "size of hand crops in pixels (0: as `size`)")
    samples_per_pixel: int = option(6, "light paths per pixel")
    max_depth: int = option(3, "longest light path: 2 direct light only, 3 one bounce")
    max_bystanders: int = option(2, "most bystanders of a subject; they are never labelled")
    body: str = option("anny", "body name or path of an SMPL-X npz")
    child_fraction: float = option(
        0.0, "share of people who are children (an adult's body, small and slender)"
    )
    easy_fraction: float = option(
        0.0, "share of easy subjects: tight clothes, few objects, nothing held, nothing before the cameras"
    )
    action_pose_fraction: float = option(
        0.0,
        "share of bank and motion poses replaced by raised arms and balancing (at 0, one pose in four is one of these)",
    )
    random_orientation_fraction: float = option(
        0.0, "share of bank and motion poses whose whole body gets a uniformly random rotation"
    )
    motion: str = option(
        "",
        "folder of your motion files: AMASS or SMPL-X .npz, .bvh, at any depth (empty: packaged poses only)",
    )
    env: str = option(
        "", "folder of your equirectangular .hdr or .exr environments (empty: procedural light only)"
    )
    furniture: str = option(
        "", "Sweet Home 3D furniture (.sh3f), or a folder of .sh3f or .obj files (empty: boxes and rods only)"
    )
    backgrounds: str = option("", "folder of photographs for posters, walls and backdrops (empty: none)")
    desk_fraction: float = option(
        0.0,
        "share of subjects who sit, mostly at a table, seen by webcams with wide lenses 0.5 to 1.5 m away",
    )
    phone_fraction: float = option(
        0.0,
        "share of the other subjects filmed by upright phones 1.2 to 2.8 m away that may cut off the body",
    )
    big_hair_fraction: float = option(
        0.0, "share of subjects with scalp hair that stands 1.5 to 7 cm farther off the head"
    )
    distortion_fraction: float = option(
        0.0, "share of subjects whose cameras keep their lens distortion (most readers expect pinholes: 0)"
    )
    camera_effects: float = option(
        0.8, "strength of noise, blur, exposure errors and JPEG artefacts: 0 none, 1 strong"
    )
    extras: str = option(
        "",
        "more pictures per view, e.g. extras=depth,normals,visibility (empty: none; see docs/render_synth.md)",
    )
    assets: str = option(
        "",
        "folder with clothes/, hair/, eyebrows/, skins/ in MakeHuman's layout (empty: built-in clothes only)",
    )
    cloth: str = option(
        "none", "engine for skirts and coats: none (built-in relaxation) | warp (simulated; needs warp-lang)"
    )
    variant: str = option(
        "auto",
        "Mitsuba variant: scalar_rgb (runs anywhere) | llvm_ad_rgb (faster, needs the LLVM library) | cuda_ad_rgb | "
        "auto (llvm_ad_rgb where it works, else scalar_rgb)",
    )

    def __post_init__(self) -> None:
        least = dict.fromkeys(("subjects", "workers", "per_shard", "views", "samples_per_pixel"), 1)
        least |= dict.fromkeys(("start", "seed", "max_bystanders", "hand_crops"), 0) | {"max_depth": 2}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise InputError(
                    f"{name} >= {low}", f"{name}={getattr(self, name)}", f"give {name}={low} or more"
                )
        for name in ("size", "hand_size"):
            pixels = getattr(self, name)
            if not 32 <= pixels <= 4096 and not (name == "hand_size" and pixels == 0):
                raise InputError(
                    f"{name} between 32 and 4096 pixels", f"{name}={pixels}", f"for example {name}=256"
                )
        if not 0 <= self.full_frames <= self.views:
            found = f"full_frames={self.full_frames}, views={self.views}"
            raise InputError("0 <= full_frames <= views", found, "lower full_frames or raise views")
        for name, known in (("split", SPLITS), ("cloth", CLOTH), ("variant", VARIANTS)):
            if getattr(self, name) not in known:
                found = f"{name}={getattr(self, name)}"
                raise InputError(f"{name} one of {', '.join(known)}", found, f"for example {name}={known[0]}")
        for name in (*(f.name for f in fields(self) if f.name.endswith("_fraction")), "camera_effects"):
            if not 0 <= getattr(self, name) <= 1:
                found = f"{name}={getattr(self, name)}"
                raise InputError(f"{name} between 0 and 1", found, f"for example {name}=0.1")
        if self.motion and not Path(self.motion).is_dir():
            raise InputError(
                "motion: a folder of .npz or .bvh files",
                self.motion,
                "give an existing folder, or leave motion out",
            )
        if self.assets and not Path(self.assets).is_dir():
            raise InputError(
                "assets: a folder with clothes/, hair/, skins/",
                self.assets,
                "give an existing folder, or leave assets out",
            )
        if self.env and not Path(self.env).is_dir():
            raise InputError(
                "env: a folder of .hdr or .exr files", self.env, "give an existing folder, or leave env out"
            )

        if self.furniture and not Path(self.furniture).exists():
            raise InputError("furniture: a .sh3f file or a folder", self.furniture, "give an existing one")
        if self.backgrounds and not Path(self.backgrounds).is_dir():
            raise InputError(
                "backgrounds: a folder of photographs", self.backgrounds, "give an existing folder"
            )
        unknown = sorted(set(self.extra_names) - set(EXTRAS))
        if unknown:
            raise InputError(f"extras among {', '.join(EXTRAS)}", ", ".join(unknown), f"extras={EXTRAS[0]}")

    @property
    def extra_names(self) -> tuple[str, ...]:
        """The names in `extras`."""
        return tuple(name.strip() for name in self.extras.split(",") if name.strip())

    @staticmethod
    def parse(pairs: list[str]) -> RenderConfig:
        """Options from the words of a command line.

        Args:
            pairs: Words like "subjects=10"; names and defaults are the fields of this class.

        Returns:
            The options, with values converted to the type of the default.

        Raises:
            InputError: An unknown name, a value of another type, or a value out of range.
        """
        known = {f.name: f for f in fields(RenderConfig)}
        values: dict[str, Any] = {}
        for pair in pairs:
            key, sep, text = pair.partition("=")
            if not sep or key not in known:
                raise InputError(
                    "options as key=value, key one of " + ", ".join(known), repr(pair), "see --help"
                )
            kind = type(known[key].default)
            try:
                values[key] = kind(text)
            except ValueError as error:
                raise InputError(
                    f"{key}: {kind.__name__}", repr(text), f"for example {key}={known[key].default}"
                ) from error
        return RenderConfig(**values)

    def content(self) -> dict[str, Any]:
        """The options that determine the content of a sample: all but output, numbers of samples and workers."""
        skip = {"out", "subjects", "start", "workers", "per_shard"}
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in skip}
