"""DiffProxy: precise SMPL-X bodies from calibrated cameras through diffusion-generated dense proxies."""

__version__ = "0.1.0"
