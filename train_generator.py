"""Train the proxy generator: `python train_generator.py shards=DIR out=DIR`; several GPUs: `accelerate launch`."""

from diffproxy.training.cli import main

if __name__ == "__main__":
    main()
