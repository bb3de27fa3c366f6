"""Check the proxies of shards against their parameters and cameras with two independent implementations."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
from jaxtyping import Bool, Float

from diffproxy.body import BodyModel, BodyParams
from diffproxy.datasets.shards import FULL, ShardIndex, ShardView
from diffproxy.proxies.maps import Kind
from diffproxy.utils.errors import InputError
from render_synth.validate_people import PeopleTally, check_people

FAR_MM = 2.0  # a UV that lands farther off is wrong
LIMIT = 0.001  # fraction of the labelled pixels that may be wrong
SAME_UV = 3e-5  # two steps of 16 bits


@dataclass
class Tally:
    """Counts of pixels. `wrong` holds those that count against the data; `ambiguous` is due to overlapping charts."""

    views: int = 0
    labelled: int = 0  # stored pixels with a label
    label_differs: int = 0  # the bare body has another label there, or none
    uv_lands_off: int = (
        0  # the stored UV names a point more than 2 mm from the body's point at the pixel's centre
    )
    ambiguous: int = (
        0  # the stored UV is right, but `atlas.lookup` gives another sheet of a chart that overlaps itself
    )
    missing: int = 0  # no label although the body is there and neither mask nor visibility say what covers it
    outside_mask: int = 0  # a label where the mask does not show the subject
    reprojection_px: list[float] = field(default_factory=list)  # from each pixel's centre, a sample

    @property
    def wrong(self) -> float:
        """Fraction of the labelled pixels."""
        bad = self.label_differs + self.uv_lands_off + self.missing + self.outside_mask
        return bad / max(self.labelled, 1)

    def add(self, other: Tally) -> None:
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)

    def summary(self) -> dict[str, float]:
        """Plain numbers for JSON."""
        out = {k: v for k, v in asdict(self).items() if k != "reprojection_px"}
        px = np.array(self.reprojection_px or [np.nan])
        out |= {f"reprojection_px_{q}": float(np.percentile(px, q)) for q in (50, 99)}
        return out | {"wrong": self.wrong, "ambiguous_fraction": self.ambiguous / max(self.labelled, 1)}


def check_view(body: BodyModel, vertices: Float[np.ndarray, "Nv 3"], view: ShardView) -> Tally:
    """Compare one stored view with the posed bare body (metres, world)."""
    from diffproxy.proxies.surface import render_surface

    faces = body.faces.numpy()
    surface = render_surface(vertices, faces, [view.camera])[0]
    kind = cast(Kind, "body" if view.kind == FULL else view.kind)
    again = np.zeros(view.labels.shape, np.uint8)
    uv = np.zeros((*view.labels.shape, 2), np.float32)
    hit = surface.outline
    again[hit], uv[hit] = body.atlas.encode(surface.face[hit].astype(np.int64), surface.bary[hit], kind)
    on = view.labels > 0
    tally = Tally(views=1, labelled=int(on.sum()))
    tally.label_differs = int((again[on] != view.labels[on]).sum())
    tally.outside_mask = int((view.mask[on] != 1).sum())
    tally.missing = int(((again > 0) & ~on & in_frame(view) & ~covered(view)).sum())
    same = on & (again == view.labels)
    if not same.any():
        return tally
    seen = np.einsum("nc,ncd->nd", surface.bary[same], vertices[faces[surface.face[same]]])
    # Second implementation: stored label and UV through the charts to the posed body and into the camera.
    face, bary, ok = body.atlas.lookup(view.labels[same], view.uv[same])
    landed = np.einsum("nc,ncd->nd", bary, vertices[faces[face]])
    far = ~ok | (np.linalg.norm(landed - seen, axis=1) * 1000 > FAR_MM)
    exact = np.abs(uv[same] - view.uv[same]).max(-1) <= SAME_UV
    tally.ambiguous, tally.uv_lands_off = int((far & exact).sum()), int((far & ~exact).sum())
    rows, columns = np.nonzero(same)
    pixels = view.camera.project(landed.astype(np.float64))
    error = np.linalg.norm(pixels - np.stack([columns + 0.5, rows + 0.5], 1), axis=1)[~far]
    tally.reprojection_px = [float(e) for e in error[:: max(len(error) // 200, 1)]]
    return tally


def covered(view: ShardView) -> Bool[np.ndarray, "H W"]:
    """Pixels where the stored mask or visibility says that the body is hidden."""
    hidden = view.mask != 1
    return hidden | (view.extras["visibility"] == 2) if "visibility" in view.extras else hidden


def in_frame(view: ShardView) -> Bool[np.ndarray, "H W"]:
    """Pixels that the source frame holds; the rest of a crop is black."""
    from render_synth.cameras import inside_frame

    size = (view.camera.width, view.camera.height)
    if not view.info.get("crop") or not view.info.get("source"):
        return np.ones((size[1], size[0]), bool)
    width, height = view.info["source"]
    return inside_frame(tuple(view.info["crop"]), size, (int(width), int(height)))


def validate(where: str | Path, body: str, count: int) -> tuple[dict[str, Tally], PeopleTally]:
    """Compare stored labels, UV and masks with the bodies posed again from the stored parameters.

    Args:
        where: Folder of shards, a pattern, or one `.tar` file.
        body: Name of the rendered body, or path of an SMPL-X npz.
        count: Number of subjects, spread over the set; 0: all.

    Returns:
        Counts of labelled and wrong pixels by kind of view, and of all views under "all"; counts of the other people.

    Raises:
        InputError: Not shards, or shards of another body.
    """
    import torch
    from tqdm import tqdm

    from diffproxy.body import load_body

    index, model = ShardIndex(where), load_body(body)
    chosen = range(len(index)) if not count else np.unique(np.linspace(0, len(index) - 1, count).astype(int))
    tallies, others = {"all": Tally()}, PeopleTally()
    for i in tqdm([int(c) for c in chosen], unit="subject", desc=f"{where}"):
        meta = index.meta(i)
        if meta.get("topology", model.topology_id) != model.topology_id:
            found = f"{index.key(i)} of body {meta.get('body')}, not {model.name}"
            raise InputError("shards of the body that was named", found, "give body=PATH of that body")
        with torch.no_grad():
            posed = model(BodyParams.cat(index.people(i)))
        vertices, joints = posed.vertices.double().numpy(), posed.joints.double().numpy()
        others.unlabelled += 0 if index.labels_everybody(i) else meta["bystanders"]
        for j, kind in enumerate(index.kinds(i)):
            view = index.view(i, j, extras=("visibility",))
            tally = check_view(model, vertices[0], view)
            tallies.setdefault(kind, Tally()).add(tally)
            tallies["all"].add(tally)
            if index.labels_everybody(i) and kind in ("body", FULL):
                others.add(check_people(vertices, joints, model.faces.numpy(), view))
    return tallies, others


def table(tallies: dict[str, Tally]) -> str:
    """One line per kind of view; pixels in parts per million of the labelled ones."""
    columns = ("label_differs", "uv_lands_off", "missing", "outside_mask", "ambiguous")
    lines = [
        f"{'views':10s} {'n':>6s} {'labelled':>10s} "
        + " ".join(f"{c:>13s}" for c in columns)
        + "   reprojection"
    ]
    for kind, t in sorted(tallies.items(), key=lambda item: item[0] == "all"):
        ppm = " ".join(f"{1e6 * getattr(t, c) / max(t.labelled, 1):9.0f} ppm" for c in columns)
        s = t.summary()
        px = f"{s['reprojection_px_50']:.3f} px (99 %: {s['reprojection_px_99']:.3f})"
        lines.append(f"{kind:10s} {t.views:6d} {t.labelled:10d} {ppm}   {px}")
    whole = tallies["all"]
    verdict = "agree" if whole.wrong <= LIMIT else "DISAGREE"
    lines.append(
        f"{100 * whole.wrong:.4f} % of the labelled pixels are wrong (limit {100 * LIMIT} %): the shards {verdict}"
    )
    lines.append(
        "ambiguous: the stored UV is right, but the chart overlaps itself there and a look-up gives another sheet"
    )
    return "\n".join(lines)
