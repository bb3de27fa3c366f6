"""Viewers of a run: one HTML file that needs no network and no server, and a live page of viser."""

from diffproxy.viewer.page import viewer_html
from diffproxy.viewer.run_viewer import write_run_viewer
from diffproxy.viewer.scene import Scene, ViewerBody

__all__ = ["Scene", "ViewerBody", "viewer_html", "write_run_viewer"]
