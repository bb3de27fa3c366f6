"""Cameras and rigs."""

from diffproxy.cameras.camera import Camera, stack_cameras
from diffproxy.cameras.check import RigReport, check_rig
from diffproxy.cameras.frames import RigFrames, open_frames
from diffproxy.cameras.io import load_rig, save_rig
from diffproxy.cameras.pixel_grid import PixelGrid
from diffproxy.cameras.rig import Rig

__all__ = [
    "Camera",
    "PixelGrid",
    "Rig",
    "RigFrames",
    "RigReport",
    "check_rig",
    "load_rig",
    "open_frames",
    "save_rig",
    "stack_cameras",
]
