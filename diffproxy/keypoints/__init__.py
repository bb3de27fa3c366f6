"""Sparse 2D keypoints of other detectors: reading, triangulation, and their positions on the body."""

from diffproxy.keypoints.keypoint_folder import KeypointFolder, open_keypoints
from diffproxy.keypoints.layouts import HAND_NAMES, NAMES, Person2D, person_from_flat
from diffproxy.keypoints.triangulate import Triangulated, triangulate_people

__all__ = [
    "HAND_NAMES",
    "NAMES",
    "KeypointFolder",
    "Person2D",
    "Triangulated",
    "open_keypoints",
    "person_from_flat",
    "triangulate_people",
]
