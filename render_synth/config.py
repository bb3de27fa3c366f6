"""Options of `python -m render_synth`: every field is a `name=value` of the command line."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from diffproxy.utils.errors import InputError
from diffproxy.utils.options import at_least, one_of, option, refuse_unread, within
from diffproxy.utils.shared_options import BODY, MOTION, SEED, SHARDS

VARIANTS = ("auto", "scalar_rgb", "llvm_ad_rgb", "cuda_ad_rgb")
SPLITS = ("train", "test")
CLOTH = ("none", "warp")
FOLDERS = {
    "motion": "of .npz or .bvh files",
    "assets": "with clothes/, hair/, skins/",
    "env": "of .hdr or .exr files",
    "backgrounds": "of photographs",
}
MOST = 1000  # views, hand crops or other people of a sample


@dataclass(frozen=True)
class RenderConfig:
    """Options of a run. Sample k depends on (options, k) only: workers and restarts do not change a byte.

    Raises:
        InputError: a value is out of range, or a file or folder does not exist.
    """

    out: str = option(
        "shards/train", "folder of the shards; a second run with the same options resumes", "DIR", "Output"
    )
    subjects: int = option(100, "number of subjects (samples)")
    start: int = option(
        0, "number of the first sample: give each machine a range of its own, they may share `out`"
    )
    seed: int = SEED()
    split: str = option(
        "train", "part of the pose bank to draw from; no motion is in both", "train|test", "Input"
    )
    workers: int = option(2, "processes; each renders on one thread")
    per_shard: int = option(20, "subjects per shard", section="Output")
    views: int = option(
        4, "square crops around the body per subject, each from a different camera", section="Views"
    )
    full_frames: int = option(
        1,
        "of those cameras, how many also give a whole frame (for tests of the person detector)",
        section="Views",
    )
    body_crops: bool = option(
        True, "the square crops around the body; false: whole frames and hand crops alone", section="Views"
    )
    hand_crops: int = option(
        2, "crops around a visible hand per subject, from the same cameras", section="Views"
    )
    size: int = option(256, "crop size in pixels; also the long side of a whole frame", section="Views")
    hand_size: int = option(0, "size of hand crops in pixels (0: as `size`)", section="Views")
    samples_per_pixel: int = option(6, "light paths per pixel")
    max_depth: int = option(3, "longest light path: 2 direct light only, 3 one bounce")
    max_bystanders: int = option(
        2,
        "maximum number of other people per subject; stored with parameters and visibility",
        section="People",
    )
    group_fraction: float = option(
        0.0,
        "share of subjects in a group: up to `max_bystanders` others, at least one, stand 0.45 to 1.6 m from them",
        section="People",
    )
    body: str = BODY()
    child_fraction: float = option(
        0.0, "share of people who are children (an adult's body, small and slender)", section="People"
    )
    easy_fraction: float = option(
        0.0,
        "share of easy subjects: tight clothes, few objects, nothing held, nothing before the cameras",
        section="People",
    )
    action_pose_fraction: float = option(
        0.0,
        "share of bank and motion poses replaced by raised arms and balancing (at 0, one pose in four is one of these)",
        section="People",
    )
    random_orientation_fraction: float = option(
        0.0,
        "share of bank and motion poses whose whole body gets a uniformly random rotation",
        section="People",
    )
    motion: str = MOTION()
    env: str = option(
        "",
        "folder of equirectangular .hdr or .exr environments (empty: procedural light only)",
        "DIR",
        "Input",
    )
    furniture: str = option(
        "",
        "Sweet Home 3D furniture (.sh3f), or a folder of .sh3f, .obj or .glb files (empty: boxes and rods only)",
        "FILE|DIR",
        "Input",
    )
    backgrounds: str = option(
        "", "folder of photographs for posters, walls and backdrops (empty: none)", "DIR", "Input"
    )
    desk_fraction: float = option(
        0.0,
        "share of subjects who sit, mostly at a table, seen by webcams with wide lenses 0.5 to 1.5 m away",
        section="Views",
    )
    phone_fraction: float = option(
        0.0,
        "share of the other subjects filmed by upright phones 1.2 to 2.8 m away that may cut off the body",
        section="Views",
    )
    close_fraction: float = option(
        0.0,
        "share of the remaining subjects filmed at arm's length, 0.6 to 1.3 m, through wide lenses (selfies)",
        section="Views",
    )
    big_hair_fraction: float = option(
        0.0,
        "share of subjects with scalp hair that stands 1.5 to 7 cm farther off the head",
        section="People",
    )
    distortion_fraction: float = option(
        0.0,
        "share of subjects whose cameras keep their lens distortion (most readers expect pinholes: 0)",
        section="Views",
    )
    camera_effects: float = option(
        0.8,
        "strength of noise, blur, exposure errors and JPEG artefacts: 0 none, 1 strong",
        section="Views",
    )
    extras: str = option(
        "",
        "further maps per view, such as extras=depth,normals,visibility (docs/render_synth.md)",
        "NAMES",
        "Output",
    )
    assets: str = option(
        "",
        "folder with clothes/, hair/, eyebrows/, skins/ in MakeHuman's layout (empty: built-in clothes only)",
        "DIR",
        "Input",
    )
    cloth: str = option(
        "none",
        "engine for skirts and coats: built-in relaxation, or a simulation (needs warp-lang)",
        "none|warp",
        "People",
    )
    variant: str = option(
        "auto",
        "Mitsuba variant: llvm_ad_rgb is faster than scalar_rgb but needs LLVM; auto: llvm_ad_rgb where it works",
        "auto|scalar_rgb|llvm_ad_rgb|cuda_ad_rgb",
    )

    def __post_init__(self) -> None:
        least = dict.fromkeys(("subjects", "workers", "per_shard", "views", "samples_per_pixel"), 1)
        least |= dict.fromkeys(("start", "seed", "max_bystanders", "hand_crops"), 0) | {"max_depth": 2}
        for name, low in least.items():
            at_least(name, getattr(self, name), low)
        for name in ("views", "hand_crops", "max_bystanders"):
            within(name, getattr(self, name), 0, MOST)
        for name in ("size", "hand_size"):
            pixels = getattr(self, name)
            if not 32 <= pixels <= 4096 and not (name == "hand_size" and pixels == 0):
                raise InputError(
                    f"{name} between 32 and 4096 pixels", f"{name}={pixels}", f"for example {name}=256"
                )
        if not 0 <= self.full_frames <= self.views:
            found = f"full_frames={self.full_frames}, views={self.views}"
            raise InputError("0 <= full_frames <= views", found, "lower full_frames or raise views")
        if not (self.body_crops or self.full_frames or self.hand_crops):
            raise InputError("views of some kind", "body_crops=false alone", "add full_frames=1")
        for name, known in (("split", SPLITS), ("cloth", CLOTH), ("variant", VARIANTS)):
            one_of(name, getattr(self, name), known)
        for name in (*(f.name for f in fields(self) if f.name.endswith("_fraction")), "camera_effects"):
            if not 0 <= getattr(self, name) <= 1:
                found = f"{name}={getattr(self, name)}"
                raise InputError(f"{name} between 0 and 1", found, f"for example {name}=0.1")
        for name, what in FOLDERS.items():
            path = getattr(self, name)
            if path and not Path(path).is_dir():
                fix = f"give an existing folder, or leave {name} out"
                raise InputError(f"{name}: a folder {what}", path, fix)
        if self.furniture and not Path(self.furniture).exists():
            raise InputError("furniture: a .sh3f file or a folder", self.furniture, "give an existing one")
        if not self.hand_crops:
            refuse_unread(self, ("hand_size",), "hand_crops=1 or more")
        if self.extra_names:
            self._check_extras()

    @property
    def extra_names(self) -> tuple[str, ...]:
        """The names in `extras`."""
        return tuple(name.strip() for name in self.extras.split(",") if name.strip())

    def _check_extras(self) -> None:
        from diffproxy.datasets.extras import EXTRAS  # loads torch: not for --help

        unknown = sorted(set(self.extra_names) - set(EXTRAS))
        if unknown:
            raise InputError(f"extras among {', '.join(EXTRAS)}", ", ".join(unknown), f"extras={EXTRAS[0]}")

    def content(self) -> dict[str, Any]:
        """The options that determine the content of a sample: all but output, sample numbers and workers."""
        skip = {"out", "subjects", "start", "workers", "per_shard"}
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in skip}


@dataclass(frozen=True)
class InspectOptions:
    """Options of `inspect`."""

    shards: str = SHARDS("")
    out: str = option("contact_sheet.png", "image to write, .png or .jpg", "FILE", "Output")
    count: int = option(8, "number of subjects to show")
    first: int = option(0, "number of the first subject, from 0")
    kinds: str = option("", "kinds of views to show, with commas: body, full, hands (empty: all)", "NAMES")
    views: int = option(0, "maximum number of views per subject (0: all)")
    size: int = option(160, "long side of each image in pixels")
    body: str = BODY()

    def __post_init__(self) -> None:
        for name, low in (("count", 1), ("first", 0), ("views", 0), ("size", 32)):
            at_least(name, getattr(self, name), low)


@dataclass(frozen=True)
class ValidateOptions:
    """Options of `validate`."""

    shards: str = SHARDS("")
    count: int = option(0, "number of subjects to check, spread over the set (0: all)")
    body: str = BODY()

    def __post_init__(self) -> None:
        at_least("count", self.count, 0)


@dataclass(frozen=True)
class RelabelOptions:
    """Options of `relabel`."""

    shards: str = SHARDS("")
    out: str = option("relabelled", "folder of the new shards", "DIR", "Output")
    body: str = BODY()
    workers: int = option(1, "number of processes")

    def __post_init__(self) -> None:
        at_least("workers", self.workers, 1)
