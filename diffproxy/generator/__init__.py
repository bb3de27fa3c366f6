"""Images and cameras to dense proxies: network, conditioning, sampling."""

from diffproxy.generator.checkpoint import load_saved_generator, save_generator
from diffproxy.generator.config import AttentionConfig, GeneratorConfig
from diffproxy.generator.network.camera_conditioning import CameraBatch
from diffproxy.generator.network.network import Conditioning, ProxyGenerator, build_generator
from diffproxy.generator.output import DiffProxyOutput
from diffproxy.generator.pipeline import DiffProxyPipeline
from diffproxy.generator.presets import nano_config, preset, sd21_config
from diffproxy.generator.pretrained import initial_generator

__all__ = [
    "AttentionConfig",
    "CameraBatch",
    "Conditioning",
    "DiffProxyOutput",
    "DiffProxyPipeline",
    "GeneratorConfig",
    "ProxyGenerator",
    "build_generator",
    "initial_generator",
    "load_saved_generator",
    "nano_config",
    "preset",
    "save_generator",
    "sd21_config",
]
