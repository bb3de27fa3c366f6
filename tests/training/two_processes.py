"""Run by torchrun in a test: train, then train with a clock that runs far ahead in the second process."""

import itertools
import os
import sys
from types import SimpleNamespace

from diffproxy.cli import show_messages
from diffproxy.training import trainer
from diffproxy.training.cli import read_config

show_messages()
words = sys.argv[1:]
trainer.train(read_config(words))
if os.environ["RANK"] == "1":
    trainer.time = SimpleNamespace(monotonic=itertools.count(0.0, 1e6).__next__)
out, *others = words
others = [w for w in others if not w.startswith("steps=")]
trainer.train(read_config([f"{out}_limited", *others, "steps=50", "time_limit_min=60"]))
