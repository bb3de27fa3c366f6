"""Train the proxy generator: `python train_generator.py shards=DIR out=DIR`; several GPUs: `accelerate launch`."""

import sys

from diffproxy.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
