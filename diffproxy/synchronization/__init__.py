"""Offsets in time between the cameras of a rig, estimated from the motion of a person."""

from diffproxy.synchronization.offsets import CameraOffset, estimate_offsets
from diffproxy.synchronization.tracks import ViewTrack, subject_tracks

__all__ = ["CameraOffset", "ViewTrack", "estimate_offsets", "subject_tracks"]
