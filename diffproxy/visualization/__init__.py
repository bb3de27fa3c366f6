"""Visualisation: overlays, proxies as colours, contact sheets, plots and the HTML report."""

from diffproxy.visualization.maps import draw_labels, draw_uv, draw_weight, proxy_sheet
from diffproxy.visualization.overlay import BodyPainter, overlay_body
from diffproxy.visualization.people import PeoplePainter
from diffproxy.visualization.plots import LinePlot
from diffproxy.visualization.report import Report, report_html, write_report
from diffproxy.visualization.shading import shade
from diffproxy.visualization.sheet import contact_sheet, save_image

__all__ = [
    "BodyPainter",
    "LinePlot",
    "PeoplePainter",
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
    "write_report",
]
