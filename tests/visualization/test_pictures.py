"""Colours of proxies, contact sheets, the report."""

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from diffproxy.proxies import ProxyMaps
from diffproxy.utils.errors import InputError
from diffproxy.visualization import (
    LinePlot,
    Report,
    contact_sheet,
    draw_labels,
    draw_uv,
    draw_weight,
    proxy_sheet,
    report_html,
    save_image,
    write_report,
)
from diffproxy.visualization.plots import line_plot_file, line_plot_svg, nice_ticks
from diffproxy.visualization.sheet import BAR, caption_bar

PALETTE = SimpleNamespace(
    names={0: "background", 1: "a", 2: "b"},
    colors=np.array([[0, 0, 0], [1, 0.5, 0], [0, 0, 1.0]]),
    body_ids=(1, 2),
    hand_ids=(),
)
LABELS = np.array([[0, 1], [2, 2]], dtype=np.uint8)


def test_labels_take_their_palette_colours():
    assert draw_labels(LABELS, PALETTE).tolist() == [[[0, 0, 0], [255, 128, 0]], [[0, 0, 255], [0, 0, 255]]]
    image = np.full((2, 2, 3), 100, dtype=np.uint8)
    over = draw_labels(LABELS, PALETTE, image, alpha=0.5)
    assert over[0, 0].tolist() == [100] * 3 and over[1, 0].tolist() == [50, 50, 178]


def test_uv_is_drawn_as_the_generator_draws_it():
    uv = np.full((2, 2, 2), [0.2, 0.6], dtype=np.float32)
    assert draw_uv(LABELS, uv)[0].tolist() == [[0, 0, 0], [51, 153, 255]]
    checked = draw_uv(LABELS, uv, checker=5)  # field (1, 3): even
    assert checked[1, 0].tolist() == [51, 153, 255]
    assert draw_uv(LABELS, uv, checker=2)[1, 0].tolist() == [28, 84, 140]  # field (0, 1): odd


def test_weight_runs_from_black_to_bright():
    drawn = draw_weight(np.array([[0.0, 0.5, 1.0]], dtype=np.float32))[0].astype(int)
    assert drawn[0].tolist() == [0, 0, 0] and drawn[2].tolist() == [255] * 3
    assert drawn[1].tolist() == [180, 128, 32]


def test_the_grid_holds_every_tile_where_it_belongs():
    tiles = [np.full((10, 20, 3), 50 + i, dtype=np.uint8) for i in range(5)]
    sheet = contact_sheet(tiles, columns=3, gap=2)
    assert sheet.shape == (2 * 12 + 2, 3 * 22 + 2, 3)
    for i in range(5):
        y, x = 2 + (i // 3) * 12, 2 + (i % 3) * 22
        assert (sheet[y : y + 10, x : x + 20] == 50 + i).all()
    assert (sheet[14:24, 46:66] == 24).all()  # the empty cell


def test_tiles_of_different_sizes_are_shrunk_and_centred():
    sheet = contact_sheet(
        [np.full((40, 80, 3), 200, dtype=np.uint8), np.full((6, 6, 3), 100, dtype=np.uint8)],
        ["a", "b"],
        2,
        20,
        gap=0,
    )
    assert sheet.shape == (BAR + 10, 40, 3)
    assert (sheet[BAR:, :20] == 200).all() and (sheet[BAR + 2 : BAR + 8, 27:33] == 100).all()
    assert (sheet[BAR:, 20:27] == 24).all()


def test_long_and_foreign_captions_do_not_break_the_bar():
    assert caption_bar("a very long caption indeed, far too long", 60).shape == (BAR, 60, 3)
    assert caption_bar("Kamera für 今日", 200).max() > 150 and caption_bar("", 30).max() == 24


def test_wrong_numbers_of_captions_and_images_are_told():
    with pytest.raises(InputError, match="at least one image"):
        contact_sheet([])
    with pytest.raises(InputError, match="1 captions"):
        contact_sheet([np.zeros((4, 4, 3), dtype=np.uint8)], ["a", "b"])


def test_a_sheet_of_proxies_has_a_column_a_view(make_ring):
    labels = np.stack([LABELS] * 3)
    uv = np.zeros((3, 2, 2, 2), dtype=np.float32)
    maps = ProxyMaps(labels, uv, np.ones((3, 2, 2), dtype=np.float32), ("body",) * 3, make_ring(3, size=2))
    assert proxy_sheet(maps, PALETTE).shape == (3 * (2 + BAR + 4) + 4, 3 * 6 + 4, 3)
    images = np.zeros((3, 2, 2, 3), dtype=np.uint8)
    assert proxy_sheet(maps, PALETTE, images).shape[0] == 4 * (2 + BAR + 4) + 4


def test_images_are_saved_as_rgb(tmp_path):
    image = np.zeros((4, 4, 3), dtype=np.uint8)
    image[..., 0] = 255
    save_image(tmp_path / "a.png", image)
    assert cv2.imread(str(tmp_path / "a.png"))[0, 0].tolist() == [0, 0, 255]
    save_image(tmp_path / "deep" / "a.jpg", image)
    assert (tmp_path / "deep" / "a.jpg").stat().st_size > 100
    with pytest.raises(InputError, match=r"\.gif"):
        save_image(tmp_path / "a.gif", image)


class Balance(HTMLParser):
    """Every tag that opens must close."""

    def __init__(self):
        super().__init__()
        self.open, self.urls = [], []

    def handle_starttag(self, tag, attrs):
        self.urls += [v for k, v in attrs if k in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def report():
    return Report(
        title="Run <1> & more",
        summary={"frames": 3, "error mm": 12.34567},
        warnings=["camera 'B' is <inverted>"],
        notes={"2 hands that no view shows in 2 frames": ["frame 0: left <hand>", "frame 1: left hand"]},
        plots=[LinePlot("residual & more, mm", [0, 1, 2], {"cam<0>": [1.0, float("nan"), 3.0]})],
        tables={"Seconds": [{"stage": "fit", "mean": 0.25}], "Empty": []},
        frames=[
            {"frame": 0, "status": "ok", "residual px": 0.71},
            {"frame": 1, "status": "one_view", "residual px": float("nan")},
            {"frame": 2, "status": "no_person", "notes": ["a", "b"]},
        ],
        images=[("frame 0", np.full((30, 40, 3), 90, dtype=np.uint8))],
    )


def test_the_report_is_one_closed_page_without_scripts_or_links(report, tmp_path):
    write_report(tmp_path / "report.html", report)
    page = (tmp_path / "report.html").read_text()
    parser = Balance()
    parser.feed(page)
    assert parser.open == [] and all(
        u.startswith("data:image/jpeg;base64,") or u == "#warnings" for u in parser.urls
    )
    assert "<script" not in page and "http" not in page
    image = base64.b64decode(re.search(r"base64,([^\"]+)", page)[1])
    assert cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR).shape == (30, 40, 3)


def test_the_report_escapes_and_formats(report):
    page = report_html(report)
    assert "Run &lt;1&gt; &amp; more" in page and "camera &#x27;B&#x27; is &lt;inverted&gt;" in page
    assert "12.35" in page and "12.3456" not in page and "Empty" not in page
    assert '<td class="ok">ok</td>' in page and '<td class="fair">one_view</td>' in page
    assert '<td class="bad">no_person</td>' in page and "<td>a, b</td>" in page
    assert page.count("nan") == 0 and "–" in page


def test_pictures_and_plots_come_before_warnings_and_folded_notes(report):
    page = report_html(report)
    order = ["12.35", "<img", "<svg", "<h2>Seconds", "<h2>Frames", "<h2>Warnings", "<h2>Notes"]
    places = [page.index(part) for part in order]
    assert places == sorted(places)
    fold = "<details><summary>2 hands that no view shows in 2 frames</summary><ul><li>frame 0: left &lt;hand&gt;</li>"
    assert fold in page and '<a href="#warnings">1</a>' in page and "cam&lt;0&gt;" in page
    pictures = report_html(replace(report, images=4 * list(report.images)))
    assert "<details><summary>2 more pictures</summary><figure>" in pictures and pictures.count("<img") == 4
    many = report_html(replace(report, warnings=[f"frame {k}: far" for k in range(9)]))
    assert (
        "<summary>4 more</summary><ul><li>frame 5: far</li>" in many and '<a href="#warnings">9</a>' in many
    )


def test_plots_have_gaps_and_round_ticks():
    values = {"a": [0.0, 1.0, None, 3.0, 9.7], "b": [5.0, 4.0, 4.0, 4.0, float("nan")]}
    page = line_plot_svg(LinePlot("t, mm", [0, 10, 20, 30, 40], values))
    lines = [
        [tuple(float(x) for x in point.split(",")) for point in text.split()]
        for text in re.findall(r'points="([^"]*)"', page)
    ]
    assert [len(line) for line in lines] == [2, 2, 4]  # a in two parts, b without its end
    assert re.findall(r'text-anchor="end">([\d.]+)<', page) == ["0", "5", "10"]
    (x0, y0), (x1, y1) = lines[0]
    assert x1 - x0 == pytest.approx((560 - 58) / 4, abs=0.2) and y0 - y1 == pytest.approx(
        (190 - 34) / 10, abs=0.2
    )
    assert nice_ticks(0, 0.037) == [0, 0.01, 0.02, 0.03, 0.04] and nice_ticks(-3, 3) == [-4, -2, 0, 2, 4]
    assert nice_ticks(0, 0) == [0, 0.5] and line_plot_svg(LinePlot("t", [0], {"a": [None]})) == ""
    with pytest.raises(InputError, match="2 values of a"):
        line_plot_svg(LinePlot("t", [0, 1], {"a": [1.0]}))


def test_a_plot_as_a_file_marks_every_value():
    plot = LinePlot("Errors, mm", [1, 2, 5], {"a<": [10.0, None, 20.0], "b": [5.0] * 3}, "views", marked=True)
    root = ElementTree.fromstring(line_plot_file(plot))
    texts = ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == "Errors, mma<b" and texts[-3:] == ["views 1", "views 2", "views 5"]
    dots = [(float(e.get("cx")), float(e.get("cy"))) for e in root.iter("{http://www.w3.org/2000/svg}circle")]
    inner = 190 - 34  # from 0 to 20 mm
    assert [y for _, y in dots[-3:]] == pytest.approx([8 + 0.75 * inner] * 3, abs=0.06)
    assert (48.0, 8 + inner / 2) in dots and (550.0, 8.0) in dots
    assert dots[-2][0] == pytest.approx(48 + 502 / 4, abs=0.06)
    assert line_plot_file(LinePlot("t", [0], {"a": [None]})) == ""


def test_an_almost_empty_report_is_a_page_too():
    page = report_html(Report("Nothing"))
    assert "<h1>Nothing</h1>" in page and "<table" not in page and "Warnings" not in page
