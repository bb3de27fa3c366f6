"""The network of a whole picture: encoder, maps, one query for each person, and their refinement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from diffproxy.body import BodyModel
from diffproxy.detector.people import people_at, strongest_cells
from diffproxy.encoders.movenet import MULTIPOSE, MoveNet, MoveNetOutput
from diffproxy.encoders.movenet_keypoints import deviation
from diffproxy.single_view.keypoint_body import KeypointBody
from diffproxy.single_view.regressor import BodyRegressor
from diffproxy.single_view.regressor_weights import load_regressor
from diffproxy.single_view.whole_picture.decoder import RefinementLayer
from diffproxy.single_view.whole_picture.features import PictureMaps, PictureNeck
from diffproxy.single_view.whole_picture.queries import Queries, first_queries, of_everybody

MOST_PEOPLE = 32
"""In a picture."""
CONFIDENCE_POWER = 0.25
"""The regressor has learnt Thunder's confidences; multipose states lower ones. PA-MPJPE of the first bodies on 60
pictures of the validation split with 1.3, 1, 0.7, 0.5, 0.35, 0.25, 0.15: 143, 139, 131, 127, 127, 126, 127 mm."""
CROP_OVER_BOX = 1.35
"""Side of the crops that deviations of keypoints are measured in, over the longer side of the person's box."""


@dataclass(frozen=True)
class WholePictureConfig:
    """Sizes of the network."""

    width: int = 128
    layers: int = 3


class PeopleOutput(NamedTuple):
    """What the network says of B pictures, M people each.

    Attributes:
        maps: Of the pictures.
        cells: Where each query was placed, in the score map.
        score: Logits of the scores there.
        keypoints: That the first bodies are made of: x, y, confidence, deviation (pixels), B M rows.
        stages: The bodies before the first layer and after each, B M rows.
    """

    maps: PictureMaps
    cells: Int[Tensor, "B M"]
    score: Float[Tensor, " R"]
    keypoints: Float[Tensor, "R 17 4"]
    stages: tuple[Queries, ...]


class WholePictureNetwork(nn.Module):
    """Pictures and cameras to everybody in them.

    The encoder (the detector's MoveNet) and the body regressor are those of the package and stay as they are.

    Args:
        body: Body model.
        config: Sizes.
        regressor: Makes the first bodies of the encoder's keypoints; None: the packaged one.
    """

    def __init__(
        self,
        body: BodyModel,
        config: WholePictureConfig | None = None,
        regressor: BodyRegressor | None = None,
    ):
        super().__init__()
        self.config = config = config or WholePictureConfig()
        self.encoder = MoveNet(MULTIPOSE).load_published().eval().requires_grad_(False)
        self.regressor = (regressor or load_regressor()).requires_grad_(False)
        self.skeleton = KeypointBody(body)
        self.neck = PictureNeck()
        self.layers = nn.ModuleList(
            RefinementLayer(config.width, self.skeleton) for _ in range(config.layers)
        )

    def forward(
        self,
        images: Float[Tensor, "B 3 H W"],
        camera: Float[Tensor, "B 4"],
        cells: Int[Tensor, "B M"] | None = None,
        valid: Bool[Tensor, "B M"] | None = None,
        top: int = MOST_PEOPLE,
    ) -> PeopleOutput:
        """Everybody in B pictures.

        Args:
            images: RGB in [-1, 1], sides multiples of 32.
            camera: Focal length and principal point (x, y) in pixels of these images, and the deviation of the focal
                length's logarithm: 0 where it is known.
            cells: Where people are; None: at the `top` strongest peaks of the score.
            valid: Which of the cells are used; None: all.
            top: Number of people, without `cells`.
        """
        maps, heads = self.look(images, camera)
        if cells is None:
            cells = strongest_cells(maps.score.sigmoid(), top)
        valid = torch.ones_like(cells, dtype=torch.bool) if valid is None else valid
        return self.people(maps, heads, camera, cells, valid)

    def look(
        self, images: Float[Tensor, "B 3 H W"], camera: Float[Tensor, "B 4"]
    ) -> tuple[PictureMaps, dict[str, Tensor]]:
        """Maps of pictures, and the encoder's own; arguments as of `forward`."""
        seen = self.encode(images)
        return self.neck(seen, camera), {name: maps.float() for name, maps in seen.heads.items()}

    @torch.no_grad()
    def encode(self, images: Float[Tensor, "B 3 H W"]) -> MoveNetOutput:
        """What does not depend on the camera."""
        return self.encoder(images)

    def people(
        self,
        maps: PictureMaps,
        heads: dict[str, Tensor],
        camera: Float[Tensor, "B 4"],
        cells: Int[Tensor, "B M"],
        valid: Bool[Tensor, "B M"],
    ) -> PeopleOutput:
        """The people in given cells; arguments as of `forward` and from `look`."""
        score = maps.score.flatten(1).gather(1, cells).flatten()
        with torch.no_grad():
            found = people_at(heads, cells)
            told = of_everybody(camera, cells)
            boxes = found.boxes.flatten(0, 1)
            side = (boxes[:, 2:] - boxes[:, :2]).amax(1, keepdim=True)
            seen = found.keypoints.flatten(0, 1)
            sure = seen[..., 2].clamp_min(1e-6) ** CONFIDENCE_POWER
            # The regressor takes the picture to be symmetric about the principal point.
            high, wide = (4 * n for n in maps.score.shape[-2:])
            sides = torch.stack([torch.full_like(told[:, 0], n) for n in (wide, high)], dim=1)
            half = torch.maximum(told[:, 1:3], sides - told[:, 1:3])
            place = seen[..., :2] - told[:, None, 1:3] + half[:, None]
            std = deviation(sure) * side * CROP_OVER_BOX
            trust = torch.stack([sure, std], dim=-1)
            start = self.regressor(
                torch.cat([place, trust], dim=-1),
                torch.cat([2 * half, told[:, :1], torch.zeros_like(told[:, :1])], 1),
            )
            queries = first_queries(start, told[:, 3], score)
        stages = [queries]
        for layer in self.layers:
            queries = layer(queries, maps, found.keypoints, score.detach(), camera, valid)
            stages.append(queries)
        keypoints = torch.cat([seen[..., :2], trust], dim=-1)
        return PeopleOutput(maps, cells, score, keypoints, tuple(stages))
