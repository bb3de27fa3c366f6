"""Pose sources and checks of poses."""
