"""Images and cameras to dense proxies: network, conditioning, sampling."""

from diffproxy.generator.config import AttentionConfig, GeneratorConfig
from diffproxy.generator.geometry import CameraBatch
from diffproxy.generator.network import Conditioning, ProxyGenerator, build_generator
from diffproxy.generator.pipeline import ProxyPipeline, load_generator
from diffproxy.generator.presets import nano_config, preset, sd21_config
from diffproxy.generator.public import initial_generator
from diffproxy.generator.store import load_saved_generator, save_generator

__all__ = [
    "AttentionConfig",
    "CameraBatch",
    "Conditioning",
    "GeneratorConfig",
    "ProxyGenerator",
    "ProxyPipeline",
    "build_generator",
    "initial_generator",
    "load_generator",
    "load_saved_generator",
    "nano_config",
    "preset",
    "save_generator",
    "sd21_config",
]
