"""Train the proxy generator: `python train_generator.py shards=DIR out=DIR` (or `accelerate launch train_generator.py ...`)."""

from diffproxy.training.cli import main

if __name__ == "__main__":
    main()
