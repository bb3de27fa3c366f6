"""Cameras and rigs."""

from diffproxy.cameras.camera import Camera

__all__ = ["Camera"]
