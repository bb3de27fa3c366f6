"""The options of `fit.py`: types, defaults, help and checks."""

from __future__ import annotations

import math
from dataclasses import dataclass

from diffproxy.pipeline.frame_shares import share_of
from diffproxy.pipeline.model_options import SharedOptions
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import one_of, option, refuse_unread, within
from diffproxy.utils.shared_options import (
    CALIBRATION,
    FRAMES,
    IMAGES,
    KEYPOINTS,
    OFFSETS,
    RIG,
    VIEWS,
)

SEGMENT = 100  # frames


@dataclass
class RigOption:
    """Where the images and the calibration are."""

    path: str = RIG("examples/synthetic_rig")
    calibration: str = CALIBRATION()
    prepare: str = option(
        "", "recipe that fetches the folder first, set by rig=pose2sim and rig=pose2sim_two_people", "RECIPE"
    )
    offsets: str = OFFSETS()
    match: str = option(
        "number", "frames that belong together have equal numbers, or equal time stamps", "number|time"
    )
    images: str = IMAGES()
    rotate: str = option("", "degrees by which images are turned clockwise: cam02:90,cam03:270", "WHICH")


@dataclass
class SaveOptions:
    """What is written beside result.npz and metrics.json."""

    mesh: str = option("glb", "format of the mesh files", "glb|ply|obj|none")
    proxies: bool = option(True, "the dense maps")
    overlay: bool = option(True, "the body drawn over every image")
    overlay_video: bool = option(False, "a video per camera: its pictures beside those with the body")
    report: bool = option(True, "report.html")
    viewer: bool = option(True, "viewer.html: bodies and cameras in the browser, over time")
    vertices: bool = option(False, "vertices inside result.npz")


@dataclass
class FitOptions(SharedOptions):
    """All options of `fit.py`."""

    rig: RigOption = option(
        RigOption,
        "synthetic, pose2sim, pose2sim_two_people, or a folder with a calibration and images/ or videos/",
        "NAME|DIR",
        "Input",
    )
    frames: str = FRAMES()
    views: str = VIEWS()
    common_frames: bool = option(
        False, "use the frame numbers that all cameras share when they differ", section="Input"
    )
    rig_check: bool = option(
        True, "check the calibration first and stop on its errors; false goes on with it", section="Input"
    )
    proxies: str = option(
        "",
        "fit these saved proxies: no images, no generator; with rig.calibration=FILE in the cameras of that file",
        "DIR",
        "Input",
    )
    cameras: str = option(
        "given",
        "the calibration's, predicted ones, or none: without given ones they are solved from the person",
        "given|predicted|none",
        "Cameras",
    )
    predictions: str = option(
        "", "cameras=predicted: npz or json with extrinsic, intrinsic (VGGT and the like)", "FILE", "Cameras"
    )
    fov: float = option(
        0.0,
        "cameras=none: field of view along the longer side, degrees, where focal lengths are not known; "
        "0: those of the calibration, without one 60",
        section="Cameras",
    )
    camera_frames: int = option(
        10, "frames, spread over the chosen ones, that cameras are solved from", section="Cameras"
    )
    person_height: float = option(
        0.0,
        "cameras=predicted|none: sole to crown in metres, for the scale; 0: that of an average body",
        section="Cameras",
    )
    boxes: str = option(
        "auto", "subject boxes: detected, the whole images, or a JSON file", "auto|full|FILE", "Input"
    )
    masks: str = option("", "subject masks <cam>/<frame>.png, used for the boxes", "DIR", "Input")
    keypoints: str = KEYPOINTS()
    people: str = option(
        "one",
        "who is fitted: one person, all, or the N with most evidence; see people.json",
        "one|all|N",
        "People",
    )
    people_keep: str = option("all", "of these only the ids such as 0,2", "IDS", "People")
    people_during: str = option(
        "", "of these only who is in sight in half of these frames, such as 40:100", "FRAMES", "People"
    )
    people_box: str = option(
        "",
        "only the person in this box of a camera and frame, such as cam01:100,50,300,400@40",
        "VIEW:X0,Y0,X1,Y1@FRAME",
        "People",
    )
    people_detector: str = option(
        "whole_picture",
        "who finds everybody: MoveNet multipose, and in groups who hide each other those whom the network of whole "
        "pictures finds besides; or MoveNet multipose alone",
        "whole_picture|multipose",
        "People",
    )
    people_contact: bool = option(
        False, "penalise interpenetration: move bodies that intersect in a frame apart", section="People"
    )
    box_margin: float = option(1.2, "side of a crop over side of its box")
    start: str = option(
        "closed_form",
        "initial body of a frame: the closed form, or also that of the single-view network in the best view",
        "closed_form|single_view",
    )
    track: bool = option(True, "initialise the boxes and the fit of a frame from the previous frame")
    shape: str = option("per_frame", "one body shape for each frame, or one for all", "per_frame|shared")
    smooth: float = option(0.0, "smoothing of the motion: 0 off, 1 usual, more is smoother")
    ground: str = option(
        "none",
        "standing feet stay on a ground plane: estimated, or at a height in metres",
        "none|auto|HEIGHT",
    )
    fps: float = option(
        0.0,
        "frames a second of the numbering, for smooth, speeds and exports; 0: as videos state, 30 for pictures",
    )
    out: str = option(
        "out/fit", "folder of the results; a second run resumes where the first stopped", "DIR", "Output"
    )
    overwrite: bool = option(
        False, "remove what earlier runs wrote in that folder, and nothing else", section="Output"
    )
    save: SaveOptions = option(SaveOptions, "what is written", section="Output")
    jobs: int = option(1, "processes of this machine that share the frames", section="Jobs")
    share: str = option(
        "",
        "compute only part K of N, for several machines; the same command without it writes the results",
        "K/N",
        "Jobs",
    )
    segment: int = option(
        0,
        "with track: start anew at multiples of this frame number, where jobs may divide the take; "
        "0: never, with jobs or share 100",
        section="Jobs",
    )

    def __post_init__(self) -> None:
        self.check_shared()
        one_of("start", self.start, ("closed_form", "single_view"))
        one_of("shape", self.shape, ("per_frame", "shared"))
        self._check_people()
        self._check_cameras()
        if self.proxies:
            refuse_unread(self, ("boxes", "masks"), "no proxies=DIR")
            refuse_unread(self.save, ("overlay_video",), "no proxies=DIR", "save.")
        if self.masks:
            refuse_unread(self, ("boxes",), "no masks=DIR")
        if self.smooth > 0 or self.ground != "none":
            self.shape = "shared"  # smoothing over frames needs one body
        within("jobs", self.jobs, 1, 1024)
        within("segment", self.segment, 0, 10**9)
        if self.share:
            share_of(self.share)
            if self.overwrite:
                raise InputError(
                    "share without overwrite=true, which would remove the other parts",
                    f"share={self.share} overwrite=true",
                    "choose another out=DIR",
                )
        if (self.jobs > 1 or self.share) and self.track and self.segment == 0:
            self.segment = SEGMENT
        if not self.track:
            self.segment = 0  # every frame stands alone
        if self.fps:
            within("fps", self.fps, 0.01, 1e5)
        within("smooth", self.smooth, 0.0, 1e6)
        one_of("save.mesh", self.save.mesh, ("glb", "ply", "obj", "none"))
        within("box_margin", self.box_margin, 1.0, 10.0)
        if self.ground not in ("none", "auto"):
            _height(self.ground)
        if not self.out.strip():
            raise InputError("out=DIR", "an empty name", "write out=out/my_run")

    def _check_cameras(self) -> None:
        one_of("cameras", self.cameras, ("given", "predicted", "none"))
        if (self.cameras == "predicted") != bool(self.predictions):
            found = f"cameras={self.cameras} predictions={self.predictions}"
            raise InputError("a file of predictions, and cameras=predicted", found, "give both or none")
        within("fov", self.fov, 0.0, 179.0)
        if self.cameras != "none":
            refuse_unread(self, ("fov",), "cameras=none")
        if self.cameras == "given":
            refuse_unread(self, ("camera_frames", "person_height"), "cameras=predicted|none")
        within("camera_frames", self.camera_frames, 1, 1000)
        if self.person_height:
            within("person_height", self.person_height, 0.3, 3.0, "metres")
        if self.cameras != "given" and self.people != "one":
            raise InputError(
                "given cameras for several people",
                f"cameras={self.cameras} people={self.people}",
                f"solve them in frames of one person: cameras={self.cameras} frames=FIRST:LAST people=one out=out/one"
                f" ; then write people={self.people} rig.calibration=out/one/rig.json without cameras=",
            )

    def _check_people(self) -> None:
        one_of("people_detector", self.people_detector, ("whole_picture", "multipose"))
        if self.people not in ("one", "all") and not (
            self.people.isdecimal() and 0 < int(self.people) <= 1000
        ):
            raise InputError(
                "people as one, all or a number above 0", f"people={self.people}", "write people=all"
            )
        if self.people == "one" and self.people_contact:
            raise InputError(
                "people=all beside people_contact",
                "people=one people_contact=true",
                "write people=all people_contact=true",
            )
        for name, value in (
            ("keep", self.people_keep),
            ("during", self.people_during),
            ("box", self.people_box),
        ):
            if self.people == "one" and value not in ("", "all"):
                raise InputError(
                    f"people=all beside people_{name}",
                    f"people=one people_{name}={value}",
                    f"write people=all people_{name}={value}",
                )


def _height(text: str) -> None:
    try:
        finite = math.isfinite(float(text))
    except ValueError:
        finite = False
    if not finite:
        raise InputError("ground as none, auto or a height in metres", f"ground={text}", "write ground=auto")
