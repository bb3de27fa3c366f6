"""Photos or videos of a calibrated rig in, SMPL-X bodies out. `python fit.py --help` lists every option."""

import sys

from diffproxy.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["fit", *sys.argv[1:]]))
