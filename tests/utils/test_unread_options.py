"""An option that nothing reads is refused: who sets it believes that it has an effect."""

import pytest

from diffproxy.calibration.options import CalibrationOptions
from diffproxy.evaluation.config import PUBLISHED, READ_BY, DatasetOption, EvaluateOptions
from diffproxy.evaluation.protocol import ProtocolOption
from diffproxy.evaluation.single_view_options import SingleViewEvaluationOptions
from diffproxy.pipeline.config import FitOptions, SaveOptions
from diffproxy.pipeline.model_options import GeneratorOption
from diffproxy.single_view.options import ImageOptions
from diffproxy.training.cli import read_config
from diffproxy.training.config import TrainConfig
from diffproxy.utils.errors import InputError
from diffproxy.viewer.__main__ import ViewOptions
from render_synth.config import RenderConfig
from render_synth.launch import LaunchOptions

UNREAD = [
    (FitOptions, {"fov": 60.0}, "cameras=none beside fov"),
    (FitOptions, {"fov": 60.0, "cameras": "predicted", "predictions": "p"}, "cameras=none beside fov"),
    (FitOptions, {"person_height": 1.8}, "cameras=predicted.none beside person_height"),
    (FitOptions, {"camera_frames": 3}, "beside camera_frames"),
    (FitOptions, {"proxies": "p", "boxes": "full"}, "no proxies=DIR beside boxes"),
    (FitOptions, {"proxies": "p", "masks": "m"}, "no proxies=DIR beside masks"),
    (FitOptions, {"proxies": "p", "save": SaveOptions(overlay_video=True)}, "beside save.overlay_video"),
    (FitOptions, {"masks": "m", "boxes": "b.json"}, "no masks=DIR beside boxes"),
    (EvaluateOptions, {"fov": 60.0}, "cameras=none beside fov"),
    (EvaluateOptions, {"protocol": ProtocolOption(root="hips")}, "beside protocol.root"),
    (EvaluateOptions, {"dataset": DatasetOption("rich"), "shards": "s"}, "dataset=synthetic beside shards"),
    (EvaluateOptions, {"proxies": "exact", "generator": GeneratorOption("g")}, "beside generator.weights"),
    (EvaluateOptions, {"dataset": DatasetOption(cut=0, partial=0)}, "dataset.cut or dataset.partial"),
    (SingleViewEvaluationOptions, {"people": "all", "boxes": "detector"}, "people=one beside boxes"),
    (SingleViewEvaluationOptions, {"min_iou": 0.5}, "people=all beside min_iou"),
    (ProtocolOption, {"regressor": "J.npy"}, "beside regressor"),
    (TrainConfig, {"val_fit": 4}, "val_shards=DIR beside val_fit"),
    (TrainConfig, {"keypoint_matching": 5.0}, "beside keypoint_matching"),
    (TrainConfig, {"encoder_lr": 1e-4, "freeze_conditioning": True}, "freeze_conditioning=false beside"),
    (ImageOptions, {"polish": False, "start": "closed_form"}, "polish=true beside start"),
    (ImageOptions, {"polish": False, "steps": 4}, "polish=true beside steps"),
    (ViewOptions, {"port": 9}, "page=live beside port"),
    (ViewOptions, {"page": "live", "out": "x.html"}, "page=file beside out"),
    (RenderConfig, {"hand_crops": 0, "hand_size": 64}, "beside hand_size"),
    (CalibrationOptions, {"proxies": "p", "boxes": "b.json"}, "no proxies beside boxes"),
    (CalibrationOptions, {"proxies": "p", "generator": "g"}, "no proxies beside generator"),
    (CalibrationOptions, {"init": "none", "rotation_std": 9.0}, "init=approximate beside rotation_std"),
    (CalibrationOptions, {"focal": "false", "common_focal": True}, "focal=true beside common_focal"),
    (LaunchOptions, {"launch": "local", "partition": "gpu"}, "launch=slurm beside partition"),
    (LaunchOptions, {"launch": "ray", "minutes": 3}, "launch=slurm beside minutes"),
]

OTHERS = {
    "path": "p", "models": "m", "views": ["1"], "sequences": ["s"], "step_by": "number", "three_views": "skip",
    "pixel_center": 0.5, "allow_pickle": True, "joints_inside": False, "lens": False,
}  # fmt: skip
"""Values other than the defaults; of all other names a number."""


@pytest.mark.parametrize(("schema", "options", "message"), UNREAD)
def test_what_nothing_reads_is_refused(schema, options, message):
    with pytest.raises(InputError, match=message):
        schema(**options)


def test_options_are_fine_where_they_are_read():
    FitOptions(cameras="none", fov=60.0, person_height=1.8, camera_frames=3)
    EvaluateOptions(dataset=DatasetOption("rich", lens=False), protocol=ProtocolOption(root="hips"))
    TrainConfig(val_shards="v", val_fit=4, encoder_lr=1e-4, keypoint_matching=5.0)
    RenderConfig(hand_size=64)


@pytest.mark.parametrize("name", READ_BY)
def test_options_of_other_data_sets_are_refused(name):
    value = OTHERS.get(name, 7)
    for dataset in ("synthetic", "rendered", *PUBLISHED):
        if dataset in READ_BY[name]:
            assert getattr(DatasetOption(dataset, **{name: value}), name) == value
        else:
            with pytest.raises(InputError, match=f"beside dataset.{name}|write shards=p,"):
                DatasetOption(dataset, **{name: value})


@pytest.mark.parametrize(
    "word", ["condition_dropout=0.5", "timestep_sampling_power=3", "gradient_checkpointing=true"]
)
def test_options_of_the_unet_are_refused_without_it(word):
    read_config([word])
    with pytest.raises(InputError, match="diffusion_weight above 0 beside"):
        read_config([word, "diffusion_weight=0"])


def test_an_option_of_a_preset_may_be_unread_and_a_typed_one_not():
    assert read_config(["preset=paper", "hands=false"]).hand_cameras == "body"
    with pytest.raises(InputError, match="hands=true beside hand_cameras"):
        read_config(["hand_cameras=body", "hands=false"])
