"""Cameras and rigs."""

from diffproxy.cameras.camera import Camera, stack_cameras
from diffproxy.cameras.check import RigReport, check_rig
from diffproxy.cameras.frame_matching import FrameMatching, frame_matching
from diffproxy.cameras.frames import RigFrames
from diffproxy.cameras.frames_of_folder import open_frames
from diffproxy.cameras.io import load_rig, save_rig
from diffproxy.cameras.pixel_grid import PixelGrid
from diffproxy.cameras.rig import Rig

__all__ = [
    "Camera",
    "FrameMatching",
    "PixelGrid",
    "Rig",
    "RigFrames",
    "RigReport",
    "check_rig",
    "frame_matching",
    "load_rig",
    "open_frames",
    "save_rig",
    "stack_cameras",
]
