"""The script that makes the pictures of the viewer in the documents."""

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "make_viewer_picture.py"


@pytest.fixture
def picture_script(monkeypatch):
    spec = importlib.util.spec_from_file_location("make_viewer_picture", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, script)  # dataclasses look their module up
    spec.loader.exec_module(script)
    return script
