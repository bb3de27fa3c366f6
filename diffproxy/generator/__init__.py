"""Images and cameras to dense proxies: network, conditioning, sampling."""

from diffproxy.generator.config import AttentionConfig, GeneratorConfig
from diffproxy.generator.geometry import CameraBatch
from diffproxy.generator.network import Conditioning, ProxyGenerator, build_generator
from diffproxy.generator.presets import nano_config, preset, sd21_config

__all__ = [
    "AttentionConfig", "CameraBatch", "Conditioning", "GeneratorConfig", "ProxyGenerator", "build_generator",
    "nano_config", "preset", "sd21_config",
]  # fmt: skip
