"""The exported models with a body regressor of random weights: what is tested is the same with any."""

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


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """The models in a folder, and the modules that they were exported from."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    folder = tmp_path_factory.mktemp("onnx")
    torch.manual_seed(0)
    regressor = BodyRegressor(RegressorConfig(width=64, blocks=1))
    save_regressor(regressor, folder / "regressor.safetensors")
    export_models(ExportModelsOptions(out=str(folder), regressor=str(folder / "regressor.safetensors")))
    pipe = DiffProxyPipeline.from_pretrained("nano", precision="fp32")
    return SimpleNamespace(folder=folder, models=Models(folder, threads=1), pipe=pipe)
