"""No number option of any command takes a value that can only be a slip: negative, or too large for 64 bits."""

from importlib import import_module

import pytest

from diffproxy.utils.errors import InputError
from diffproxy.utils.options import option_types, parse_options

CLASSES = {
    "diffproxy.calibration.options": ("CalibrationOptions",),
    "diffproxy.evaluation.config": ("EvaluateOptions", "DatasetOption"),
    "diffproxy.evaluation.rehearsal": ("RehearsalOptions",),
    "diffproxy.evaluation.tables": ("TableOptions",),
    "diffproxy.export.__main__": ("ExportOptions",),
    "diffproxy.fitting.config": ("FitConfig",),
    "diffproxy.motion.__main__": ("BankOptions",),
    "diffproxy.pipeline.config": ("FitOptions", "SaveOptions"),
    "diffproxy.pose_prior.options": ("PriorTrainOptions", "SampleOptions"),
    "diffproxy.single_view.options": ("BenchOptions", "CameraOptions", "ImageOptions", "VideoOptions"),
    "diffproxy.training.config": ("AugmentConfig", "TrainConfig"),
    "diffproxy.viewer.__main__": ("ViewOptions",),
    "render_synth.config": ("InspectOptions", "RelabelOptions", "RenderConfig", "ValidateOptions"),
    "render_synth.launch": ("LaunchOptions",),
}
NEGATIVE = {"frame_offset"}  # of MoYo's pictures against its mocap


@pytest.mark.parametrize("module", CLASSES)
def test_numbers_are_bounded(module):
    for schema in (getattr(import_module(module), name) for name in CLASSES[module]):
        for name, kind in option_types(schema).items():
            if "." not in name and kind in (int, float):
                for value in ("nan", "1e300" if kind is float else "1" + "0" * 30, "-7"):
                    if value == "-7" and name in NEGATIVE:
                        continue
                    with pytest.raises(InputError):
                        pytest.fail(f"{schema.__name__}: {parse_options(schema, [f'{name}={value}'])}")
