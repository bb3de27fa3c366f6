"""Garments, shoes, hats, hair, eyebrows and skins of an asset folder in MakeHuman layout, read once per process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8

from diffproxy.utils.errors import InputError
from render_synth.humans.body.anatomy import Anatomy
from render_synth.humans.makehuman.asset_files import read_image
from render_synth.humans.makehuman.asset_garments import AssetGarment, read_garments
from render_synth.humans.makehuman.garment_fitting import GarmentFitter
from render_synth.humans.makehuman.mhclo import read_mhmat

CLOTHES_SIDE, SKIN_SIDE = 512, 1024  # longest sides of images, pixels
FOLDERS = {"clothes": "clothes", "hair": "hair", "eyebrows": "brows"}


@dataclass(frozen=True)
class Skin:
    """A skin image in the base mesh's UV map; sRGB."""

    name: str
    licence: str
    image: UInt8[np.ndarray, "S T 3"]


@dataclass(frozen=True)
class SkinMesh:
    """The body's own triangles with one vertex per corner of the UV map."""

    of: Int[np.ndarray, " M"]  # body vertex of each
    faces: Int[np.ndarray, "F 3"]
    uv: Float[np.ndarray, "M 2"]
    eyes: Int[np.ndarray, "G 3"]  # faces between body vertices


@dataclass(frozen=True)
class Wardrobe:
    """Immutable; `garments` by kind: top, bottom, suit, shoes, hat, hair, brows."""

    garments: dict[str, tuple[AssetGarment, ...]]
    skins: tuple[Skin, ...]
    skin_mesh: SkinMesh

    def some(self, rng: np.random.Generator, kind: str) -> AssetGarment | None:
        """One garment of a kind, or None if there is none."""
        found = self.garments.get(kind, ())
        return found[int(rng.integers(len(found)))] if found else None


def read_wardrobe(folder: str | Path, a: Anatomy) -> Wardrobe:
    """Read `clothes/`, `hair/`, `eyebrows/` and `skins/` below `folder`; images are scaled down.

    Raises InputError for a broken asset, an empty folder, or a body that garments cannot be fitted to.
    """
    root = Path(folder)
    fitter = GarmentFitter(a.body)
    garments: dict[str, list[AssetGarment]] = {}
    for name, kind in FOLDERS.items():
        for path in sorted((root / name).glob("**/*.mhclo")):
            for garment in read_garments(path, root, kind, fitter, a, CLOTHES_SIDE):
                garments.setdefault(garment.kind, []).append(garment)
    skins, seen = [], set()
    for path in sorted((root / "skins").glob("**/*.mhmat")):
        material = read_mhmat(path, root)
        if material.image is not None and material.image not in seen:
            seen.add(material.image)
            image = np.ascontiguousarray(read_image(material.image, SKIN_SIDE)[..., :3])
            skins.append(Skin(material.image.stem, material.licence, image))
    if not garments and not skins:
        raise InputError(
            "assets: a folder with clothes/, hair/ or skins/ in MakeHuman's layout",
            f"none in {root}",
            "give the folder above clothes/, or leave assets out",
        )
    return Wardrobe({k: tuple(v) for k, v in garments.items()}, tuple(skins), build_skin_mesh(a))


def build_skin_mesh(a: Anatomy) -> SkinMesh:
    """Vertices doubled along the seams of the UV map; the eyes apart, since skin images do not show them."""
    extra, faces = a.body.extra, a.body.faces.numpy()
    base = extra["base_vertex"]
    eye = ((base >= 14598) & (base <= 14741))[faces].any(1)  # helper geometry of hm08: the two eyeballs
    corners = np.stack([faces[~eye].ravel(), extra["ft_skin"][~eye].ravel()], 1)
    pairs, index = np.unique(corners, axis=0, return_inverse=True)
    uv = extra["vt_skin"][pairs[:, 1]].astype(np.float32)
    return SkinMesh(pairs[:, 0], index.reshape(-1, 3), uv, faces[eye])
