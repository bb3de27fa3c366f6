"""Photos or videos of a calibrated rig in, SMPL-X bodies out. `python fit.py --help` lists every option."""

from diffproxy.commands import fit

if __name__ == "__main__":
    fit()
