"""Generator folder from a stored adapter: a new `nano` with the published encoder and this adapter.

python -m tools.restore_head checkpoints/nano_movenet_head.safetensors runs/start
"""

from __future__ import annotations

import argparse
from pathlib import Path

from diffproxy.body import load_body
from diffproxy.generator import initial_generator, preset, save_generator


def restore(adapter: Path, folder: Path) -> Path:
    """Write the generator to `folder`; RuntimeError if the adapter is not one of a present `nano`."""
    from safetensors.torch import load_file

    generator = initial_generator(preset("nano"))
    generator.adapter.load_state_dict({k: v.float() for k, v in load_file(adapter).items()})
    return save_generator(generator, load_body("anny").atlas.palette, folder, half=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("adapter", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    restore(options.adapter, options.folder)


if __name__ == "__main__":
    main()
