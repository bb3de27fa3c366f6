"""Options that several commands have: one help text each, and one default where it is the same everywhere.

A field of an options dataclass is written `seed: int = SEED()`, or with a default of its own
`steps: int = STEPS(5000)`.
"""

from __future__ import annotations

from functools import partial

from diffproxy.utils.options import option

RIG = partial(option, text="rig folder: a calibration and images/ or videos/", value="DIR", section="Input")
IMAGES = partial(
    option,
    "",
    "folder of the images or videos, if it is not images/ or videos/ of the rig folder",
    "DIR",
    "Input",
)
CALIBRATION = partial(option, "", "calibration to use when the folder has several", "FILE", "Input")
FRAMES = partial(
    option,
    "all",
    "frame numbers, which stay in the result: 40 | 0:100:10 | 3,7,9 | all",
    "WHICH",
    "Input",
)
VIEWS = partial(option, "all", "cameras to use, such as cam01,cam03", "NAMES", "Input")
OFFSETS = partial(
    option,
    "",
    "frames by which the numbers of a camera are ahead: cam02:3,cam04:-7, or the file that `diffproxy sync` writes",
    "WHICH|FILE",
    "Input",
)
KEYPOINTS = partial(
    option,
    "",
    "2D keypoints of another detector, used together with the proxies (docs/keypoints.md)",
    "DIR",
    "Input",
)
SHARDS = partial(option, text="folder of shards of render_synth", value="DIR", section="Input")
VAL_SHARDS = partial(option, text="held-out shards", value="DIR", section="Input")
MOTION = partial(
    option, "", "folder of motion files, at any depth: AMASS or SMPL-X .npz, .bvh", "DIR", "Input"
)
BODY = partial(
    option, "anny", "the default body model in the package, or a file in SMPL-X format", "anny|FILE", "Models"
)
GENERATOR = partial(
    option, "nano", "weights in the package, a diffusers folder or a hub id", "nano|DIR|ID", "Models"
)
RUN = partial(option, "", "folder of a finished run, or of a take with several people", "RUN", "Input")
MOVED_BODY = partial(option, "", "body file, where the run's own has been moved", "FILE", "Models")
DETECTOR_STRIDE = partial(
    option, 4, "the detector runs in one frame of so many; between, the boxes are those of the bodies before"
)
SEED = partial(option, 0, "seed of the random numbers")
TRAINING_STEPS = partial(option, text="optimizer steps of the run")
LEARNING_RATE = partial(option, text="learning rate")
WARMUP_STEPS = partial(option, text="steps of linear warm-up of the learning rate")
EMA_DECAY = partial(option, text="decay of the averaged weights (EMA)")
SAVE_EVERY = partial(option, text="steps between checkpoints", section="Output")
TIME_LIMIT_MIN = partial(
    option,
    0.0,
    "stop with a checkpoint after so many minutes, 0 for no limit; the same command resumes",
    section="Output",
)

# Of single pictures, with and without torch.
PICTURES = partial(option, "", "what to look at", "PATH", "Input")
MIN_SCORE = partial(option, 0.2, "detections with a lower score are left out")
DETECTOR_SIDE = partial(option, 320, "longer side of the detector's input, pixels; small people need more")
PICTURE_FOLDERS = partial(
    option, "out/single_view", "folder of the results, one folder a picture in it", "DIR", "Output"
)
CAMERA_LIMIT = partial(option, 0, "frames to record; 0: until the command is interrupted", section="Input")
WARMUP_FRAMES = partial(option, text="frames before the measured ones")
