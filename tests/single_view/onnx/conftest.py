"""The exported models, with a body regressor and a small network of whole pictures of random weights: what is tested is
the same with any."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from diffproxy.generator import DiffProxyPipeline
from diffproxy.single_view.export_models import export_models
from diffproxy.single_view.onnx.models import Models
from diffproxy.single_view.options import ExportModelsOptions
from diffproxy.single_view.regressor import BodyRegressor, RegressorConfig
from diffproxy.single_view.regressor_weights import save_regressor
from diffproxy.single_view.whole_picture.network import WholePictureConfig, WholePictureNetwork
from diffproxy.single_view.whole_picture.weights import load_whole_picture, save_whole_picture
from diffproxy.utils.checkpoint import trained_state


@pytest.fixture(scope="session")
def exported(tmp_path_factory, body):
    """The models in a folder, and the modules that they were exported from."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    folder = tmp_path_factory.mktemp("onnx")
    torch.manual_seed(0)
    regressor = BodyRegressor(RegressorConfig(width=64, blocks=1))
    save_regressor(regressor, folder / "regressor.safetensors")
    network = WholePictureNetwork(body, WholePictureConfig(width=16, layers=1))
    with torch.no_grad():
        for value in trained_state(network).values():
            value.add_(0.02 * torch.randn_like(value))
    save_whole_picture(network, folder / "picture.safetensors")
    files = {"regressor": folder / "regressor.safetensors", "whole_picture": folder / "picture.safetensors"}
    export_models(ExportModelsOptions(out=str(folder), **{name: str(path) for name, path in files.items()}))
    pipe = DiffProxyPipeline.from_pretrained("nano", precision="fp32")
    network = load_whole_picture(str(files["whole_picture"]), body)
    return SimpleNamespace(folder=folder, models=Models(folder, threads=1), pipe=pipe, network=network)
