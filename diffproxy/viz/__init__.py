"""Pictures for people: overlays, proxies as colours, contact sheets, the report."""

from diffproxy.viz.maps import draw_labels, draw_uv, draw_weight, proxy_sheet
from diffproxy.viz.overlay import BodyPainter, overlay_body
from diffproxy.viz.report import Report, report_html, write_report
from diffproxy.viz.shading import shade, vertex_normals
from diffproxy.viz.sheet import contact_sheet, save_image

__all__ = [
    "BodyPainter",
    "Report",
    "contact_sheet",
    "draw_labels",
    "draw_uv",
    "draw_weight",
    "overlay_body",
    "proxy_sheet",
    "report_html",
    "save_image",
    "shade",
    "vertex_normals",
    "write_report",
]
