"""Errors of the whole pipeline on subjects whose body is known. `python evaluate.py --help` lists every option."""

import sys

from diffproxy.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
