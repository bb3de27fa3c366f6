"""The viewer: one HTML file per run, with bodies, cameras and pictures, that needs no network and no server."""

from diffproxy.viewer.page import ViewerBody, viewer_html
from diffproxy.viewer.run_viewer import write_run_viewer

__all__ = ["ViewerBody", "viewer_html", "write_run_viewer"]
