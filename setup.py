"""The packages of the wheel: `conf/` and the example rig keep their places here and travel inside `diffproxy`."""

from setuptools import find_packages, setup

CARRIED = {"diffproxy.conf": "conf", "diffproxy.examples.synthetic_rig": "examples/synthetic_rig"}

setup(packages=[*find_packages(include=["diffproxy*", "render_synth*"]), *CARRIED], package_dir=CARRIED)
