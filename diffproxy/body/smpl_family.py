"""SMPL, SMPL-H and SMPL-X bodies of data sets: any gender, own template, 10 to 300 shape coefficients, PCA hands.

`BodyModel` is the body that is fitted; this is the body of somebody else's ground truth. Source of the formulas: the
`smplx` package (github.com/vchoutas/smplx), which the tests compare with.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int

from diffproxy.body.files import read_arrays
from diffproxy.body.kinematics import Chain
from diffproxy.body.smpl_parts import face_parts
from diffproxy.geometry.so3 import rotvec_to_rotmat
from diffproxy.utils.errors import InputError

Kind = Literal["smpl", "smplh", "smplx"]
KINDS: dict[int, Kind] = {24: "smpl", 52: "smplh", 55: "smplx"}
"""By number of joints."""
HANDS = {"smplh": {"left": 22, "right": 37}, "smplx": {"left": 25, "right": 40}}
"""First of the 15 joints of each hand."""
FULL_SHAPE_SPACE = 300
"""An SMPL-X file with at least as many directions has its expressions after these, a smaller one after 10."""
REQUIRED = ("v_template", "f", "shapedirs", "J_regressor", "weights", "kintree_table")


@dataclass(frozen=True)
class PosedBodies:
    """F posed bodies, metres."""

    vertices: Float[np.ndarray, "F Nv 3"]
    joints: Float[np.ndarray, "F J 3"]


class SmplFamilyBody:
    """A body model of the SMPL family; computes in float64.

    Args:
        arrays: what a model file holds: `v_template` (Nv, 3), `f` (Nf, 3), `shapedirs` (Nv, 3, S), perhaps
            `posedirs` (Nv, 3, 9 (J - 1)), `J_regressor` (J, Nv), `weights` (Nv, J), `kintree_table` (2, J), and for PCA
            hands `hands_meanl`, `hands_componentsl` (45, 45) and the same ending in r.
        name: for messages.

    Raises:
        InputError: if an array is missing, or the number of joints is that of no model of the family.
    """

    def __init__(self, arrays: dict[str, np.ndarray], name: str = "body"):
        missing = [k for k in REQUIRED if k not in arrays]
        if missing:
            raise InputError("an SMPL, SMPL-H or SMPL-X file", f"{name} without {', '.join(missing)}", _FIX)
        real = {
            k: np.asarray(arrays[k], dtype=np.float64) for k in REQUIRED if k not in ("f", "kintree_table")
        }
        parents = np.asarray(arrays["kintree_table"]).astype(np.int64)[0]
        if len(parents) not in KINDS or real["weights"].shape[1] != len(parents):
            found = f"{len(parents)} in the tree, {real['weights'].shape[1]} in the weights of {name}"
            raise InputError("24, 52 or 55 joints", found, _FIX)
        self.name, self.kind = name, KINDS[len(parents)]
        self.faces = np.asarray(arrays["f"]).astype(np.int64)
        self.v_template, self.J_regressor = real["v_template"], real["J_regressor"]
        self._shapedirs, self._weights = (torch.from_numpy(real[k]) for k in ("shapedirs", "weights"))
        self._posedirs = None
        if "posedirs" in arrays and not bool(arrays.get("posedirs_are_zero", False)):
            self._posedirs = torch.from_numpy(np.asarray(arrays["posedirs"], dtype=np.float64))
        self._chain = Chain((-1, *(int(p) for p in parents[1:])))
        self._hands = {
            side: tuple(
                np.asarray(arrays[f"hands_{k}{side[0]}"], dtype=np.float64) for k in ("mean", "components")
            )
            for side in ("left", "right")
            if f"hands_mean{side[0]}" in arrays and f"hands_components{side[0]}" in arrays
        }

    @property
    def num_joints(self) -> int:
        return self.J_regressor.shape[0]

    @property
    def num_vertices(self) -> int:
        return len(self.v_template)

    def face_parts(self) -> Int[np.ndarray, " Nf"]:
        """Which of SMPL's 24 joints each triangle belongs to."""
        return face_parts(self.faces, self._weights.numpy())

    def hand_pose(
        self, side: Literal["left", "right"], coefficients: Float[np.ndarray, "F _"], flat_hand_mean: bool
    ) -> Float[np.ndarray, "F 45"]:
        """Axis-angle pose of a hand from n PCA coefficients; `flat_hand_mean=False` adds the file's mean hand."""
        if side not in self._hands:
            raise InputError(f"the hand components of {self.name}", "a file without them", _FIX)
        mean, components = self._hands[side]
        return coefficients @ components[: coefficients.shape[1]] + (0 if flat_hand_mean else mean)

    def mean_hand(self, side: Literal["left", "right"]) -> Float[np.ndarray, " 45"]:
        """The pose that `flat_hand_mean=False` adds to axis-angle hands."""
        return self.hand_pose(side, np.zeros((1, 0)), flat_hand_mean=False)[0]

    def pose(
        self,
        full_pose: Float[np.ndarray, "#F _"],
        betas: Float[np.ndarray, "#F _"],
        transl: Float[np.ndarray, "#F 3"],
        expression: Float[np.ndarray, "#F _"] | None = None,
        v_template: Float[np.ndarray, "Nv 3"] | None = None,
    ) -> PosedBodies:
        """Vertices and joints.

        Args:
            full_pose: axis-angle of all J joints in the model's order, radians.
            betas: any number of shape coefficients that the file has directions for.
            transl: added to vertices and joints, metres.
            expression: SMPL-X only.
            v_template: template of one person, in place of the file's.

        Raises:
            InputError: if a number of coefficients or vertices does not fit the model.
        """
        if full_pose.shape[1] != 3 * self.num_joints:
            raise InputError(
                f"{3 * self.num_joints} pose numbers ({self.kind})", f"{full_pose.shape[1]}", _FIX
            )
        template = self.v_template if v_template is None else np.asarray(v_template, dtype=np.float64)
        if template.shape != self.v_template.shape:
            raise InputError(
                f"a template of {self.v_template.shape}", f"{template.shape}", "use its own mesh.ply"
            )
        shaped = torch.from_numpy(template) + self._blend(betas, 0, self._shape_end())
        if expression is not None:
            start = self._shape_end()
            shaped = shaped + self._blend(expression, start, self._shapedirs.shape[2])
        local = rotvec_to_rotmat(
            torch.from_numpy(full_pose.astype(np.float64)).unflatten(-1, (self.num_joints, 3))
        )
        rest = torch.einsum(
            "jv,fvc->fjc", torch.from_numpy(self.J_regressor), shaped.expand(len(full_pose), -1, -1)
        )
        rotation, joints = self._chain(local, rest)
        points = shaped
        if self._posedirs is not None:
            feature = (local[:, 1:] - torch.eye(3, dtype=local.dtype)).flatten(1)
            points = points + (feature @ self._posedirs.flatten(0, 1).T).unflatten(1, (-1, 3))
        shift = joints - (rotation @ rest[..., None])[..., 0]
        blended = torch.einsum("vj,fjab->fvab", self._weights, torch.cat([rotation, shift[..., None]], -1))
        vertices = (blended[..., :3] @ points[..., None])[..., 0] + blended[..., 3]
        return PosedBodies(vertices.numpy() + transl[:, None], joints.numpy() + transl[:, None])

    def _shape_end(self) -> int:
        """Where the directions of shape end and those of expression begin."""
        count = self._shapedirs.shape[2]
        if self.kind != "smplx":
            return count
        return FULL_SHAPE_SPACE if count > FULL_SHAPE_SPACE else min(count, 10)

    def _blend(self, coefficients: np.ndarray, start: int, end: int) -> torch.Tensor:
        coefficients = np.asarray(coefficients, dtype=np.float64)
        many = coefficients.shape[1]
        if many > end - start:
            found = f"{many} coefficients, {end - start} directions in {self.name}"
            raise InputError("a model file with as many shape directions as the data have", found, _FIX)
        return torch.einsum(
            "vck,fk->fvc", self._shapedirs[..., start : start + many], torch.from_numpy(coefficients)
        )


_FIX = "download the model again, from smpl.is.tue.mpg.de, mano.is.tue.mpg.de or smpl-x.is.tue.mpg.de"


def load_smpl_family(path: str | Path, allow_pickle: bool = False) -> SmplFamilyBody:
    """A model file, .npz or (with `allow_pickle`, by a reader that runs nothing in it) .pkl.

    Raises:
        InputError: for a missing or broken file, or one of another family.
    """
    path = Path(path).expanduser()
    optional = [
        "posedirs",
        "posedirs_are_zero",
        *(f"hands_{k}{s}" for k in ("mean", "components") for s in "lr"),
    ]
    return SmplFamilyBody(read_arrays(path, (*REQUIRED, *optional), allow_pickle), path.name)


def find_model(folder: str | Path, kind: Kind, gender: str) -> Path:
    """The file of a model in the folders that the `smplx` package reads: `smplx/SMPLX_FEMALE.npz` and so on.

    Raises:
        InputError: if there is none; it names the files that were looked for.
    """
    folder, upper, gender = Path(folder).expanduser(), kind.upper(), gender.lower()
    stems = [f"{kind}/{upper}_{gender.upper()}", f"{upper}_{gender.upper()}", f"{kind}/{gender}/model"]
    for stem in stems:
        for ending in (".npz", ".pkl"):
            if (folder / f"{stem}{ending}").is_file():
                return folder / f"{stem}{ending}"
    raise InputError(
        f"the {gender} {upper} model as {stems[0]}.npz or .pkl",
        f"none of {', '.join(stems)} in {folder}",
        "give dataset.models=DIR, the folder that holds smpl/, smplh/ and smplx/",
    )
