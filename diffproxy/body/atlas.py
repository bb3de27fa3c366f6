"""`SurfaceAtlas`: mapping between surface points and (part label, u, v)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int64, UInt8

from diffproxy.body.files import BodyArrays
from diffproxy.body.palette import Palette
from diffproxy.body.parts import charts_of_file
from diffproxy.body.texels import TexelGrid
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.short_repr import short_repr

Kind = Literal["body", "left_hand", "right_hand"]


@checked
@dataclass(frozen=True)
class SurfaceAtlas:
    """Part of every face, and coordinates of its corners in the chart of that part, for both palettes.

    Labels of the body palette are in `face_part`, of the hand palette in `face_hand_part` (0 off the hands).
    `segment_of_label[label]` is the SMPL-X joint that moves the part rigidly.
    """

    face_part: UInt8[np.ndarray, " Nf"]
    face_hand_part: UInt8[np.ndarray, " Nf"]
    uv_corners: Float[np.ndarray, "Nf 3 2"]
    hand_uv_corners: Float[np.ndarray, "Nf 3 2"]
    palette: Palette
    segment_of_label: Int64[np.ndarray, " L"]
    template: Float[np.ndarray, "Nf 3 3"]  # rest corners of the faces, metres

    __repr__ = short_repr

    @staticmethod
    def of(arrays: BodyArrays) -> SurfaceAtlas:
        """The charts stored in a body file; for an official SMPL-X file its UV map, cut by skinning weights."""
        c = charts_of_file(arrays)
        return SurfaceAtlas(
            face_part=c.face_part,
            face_hand_part=c.face_hand_part,
            uv_corners=c.uv_corners,
            hand_uv_corners=c.hand_uv_corners,
            palette=c.palette,
            segment_of_label=c.segment_of_label,
            template=arrays.v_template[arrays.faces].astype(np.float32),
        )

    @cached_property
    def _texels(self) -> TexelGrid:
        return TexelGrid.of(
            labels=np.concatenate([self.face_part, self.face_hand_part]),
            corners=np.concatenate([self.uv_corners, self.hand_uv_corners]),
            faces=np.tile(np.arange(len(self.face_part)), 2),
            template=np.concatenate([self.template, self.template]),
            num_labels=len(self.palette.names),
        )

    @cached_property
    def metres_per_uv(self) -> Float[np.ndarray, "L 2"]:
        """Distance on the rest body per unit of u and of v: area-weighted mean over each part's faces.

        The scale varies by about a quarter within a part: little next to the uncertainty of predicted coordinates.

        Returns:
            (L, 2) metres; 0 for the background.
        """
        scale = np.zeros((len(self.palette.names), 2))
        total = np.zeros(len(scale))
        edges = (self.template[:, 1:] - self.template[:, :1]).astype(np.float64)
        area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=-1) / 2
        for labels, corners in (
            (self.face_part, self.uv_corners),
            (self.face_hand_part, self.hand_uv_corners),
        ):
            flat = (corners[:, 1:] - corners[:, :1]).astype(np.float64)
            usable = (labels > 0) & (np.abs(np.linalg.det(flat)) > 1e-9)
            lengths = np.linalg.norm(np.linalg.solve(flat[usable], edges[usable]), axis=-1)
            np.add.at(scale, labels[usable], area[usable, None] * lengths)
            np.add.at(total, labels[usable], area[usable])
        return (scale / np.maximum(total, 1e-12)[:, None]).astype(np.float32)

    def encode(
        self, face: Int64[np.ndarray, " N"], bary: Float[np.ndarray, "N 3"], kind: Kind = "body"
    ) -> tuple[UInt8[np.ndarray, " N"], Float[np.ndarray, "N 2"]]:
        """Labels and coordinates of surface points.

        Args:
            face: (N,) face of each point.
            bary: (N, 3) barycentric coordinates.
            kind: "body", or "left_hand", "right_hand" for the hand palette.

        Returns:
            Labels (N,), 0 for points off the hand in hand views, and uv (N, 2) in [0, 1].
        """
        if face.size and not 0 <= face.min() <= face.max() < len(self.face_part):
            found = f"faces from {face.min()} to {face.max()}"
            raise InputError(f"faces from 0 to {len(self.face_part) - 1}", found, "use faces of this body")
        hand = kind != "body"
        labels = (self.face_hand_part if hand else self.face_part)[face]
        corners = (self.hand_uv_corners if hand else self.uv_corners)[face]
        return labels, np.einsum("nk,nkc->nc", bary, corners).astype(np.float32)

    def lookup(
        self, labels: np.ndarray, uv: Float[np.ndarray, "N 2"]
    ) -> tuple[Int64[np.ndarray, " N"], Float[np.ndarray, "N 3"], Bool[np.ndarray, " N"]]:
        """Surface points of labels and coordinates; labels of both palettes may be mixed.

        Where a chart overlaps itself (ears, toes), the outer sheet is used. A coordinate outside its chart gets the
        nearest point of the chart.

        Args:
            labels: (N,) labels.
            uv: (N, 2) coordinates.

        Returns:
            Faces (N,), barycentric coordinates (N, 3), and ok (N,): False for background, unknown labels, NaN, and
            coordinates farther than `texels.TOLERANCE` from the chart.
        """
        return self._texels.lookup(labels, uv)
