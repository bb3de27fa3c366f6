"""Our own renders in the layouts of the published data sets: `evaluate.py` on all of them before anybody has the data.

    python -m diffproxy.evaluation.rehearsal shards=shards/test out=rehearsal limit=4
    python evaluate.py dataset=rich dataset.path=rehearsal/rich dataset.models=rehearsal/models \\
        dataset.allow_pickle=true

Each subject becomes a sequence of one frame. The body that was rendered takes the place of SMPL, SMPL-H and SMPL-X, in
their file formats (`out/models`, female and neutral); its scale goes into the world's unit of length. Images lie in
the corner of an image of the data set's size. Exit status 2: wrong input.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from diffproxy.body import load_body
from diffproxy.body.smpl_family import load_smpl_family
from diffproxy.datasets.shards import ShardIndex
from diffproxy.evaluation.datasets import human_data
from diffproxy.evaluation.rehearsal_agora import write_agora
from diffproxy.evaluation.rehearsal_human_data import write_human_data
from diffproxy.evaluation.rehearsal_layouts import (
    LENS,
    PCA,
    write_behave,
    write_dress4d,
    write_moyo,
    write_mpi_inf_3dhp,
    write_rich,
)
from diffproxy.evaluation.rehearsal_models import write_models
from diffproxy.evaluation.rehearsal_take import take_of
from diffproxy.utils.errors import InputError
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.options import option, within
from diffproxy.utils.subcommand import Subcommand


@dataclass
class RehearsalOptions:
    shards: str = option("shards/test", "shards of python -m render_synth", "DIR", "Input")
    out: str = option("rehearsal", "folder for the data sets and the models", "DIR", "Output")
    limit: int = option(
        4, "so many subjects, at most 12: their hands have to fit 12 components", section="Input"
    )
    lens: bool = option(True, "distort BEHAVE's images by a lens; otherwise all its coefficients are 0")

    def __post_init__(self) -> None:
        within("limit", self.limit, 1, PCA)


def write_all(options: RehearsalOptions) -> None:
    """Write all layouts and the models. InputError for subjects of fewer than four views, or a folder with files."""
    index, body, out = ShardIndex(options.shards), load_body("anny"), Path(options.out).expanduser()
    if out.exists() and any(out.iterdir()):
        raise InputError(
            "an empty folder, or none", f"out={options.out} with files in it", "choose another out="
        )
    takes = [take_of(index, s, body) for s in range(min(options.limit, len(index)))]
    models = out / "models"
    write_models(models, takes)
    write_mpi_inf_3dhp(out / "mpi_inf_3dhp", takes)
    write_behave(out / "behave", takes, LENS if options.lens else (0.0,) * 8)
    write_rich(out / "rich", takes, models)
    write_moyo(out / "moyo", takes)
    write_dress4d(out / "dress4d", takes, models)
    smpl = load_smpl_family(models / "smpl/SMPL_NEUTRAL.npz")
    for name in human_data.FILES:
        write_human_data(out / name, name, takes, smpl)
    write_agora(out / "agora", takes, load_smpl_family(models / "smplx/SMPLX_NEUTRAL.npz"))


def main(words: Sequence[str] | None = None) -> int:
    command = Subcommand(RehearsalOptions, __doc__ or "", write_all)
    return exit_status(lambda: command.run(sys.argv[1:] if words is None else words))


if __name__ == "__main__":
    sys.exit(main())
