import os

import pytest

from diffproxy.utils.bounded_files import Limits, path_inside, read_bytes
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.errors import InputError


def test_pipes_folders_and_missing_files_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in ("pipe", "folder", "missing", "loop", "a\0b", "x" * 300):
        with pytest.raises(InputError):
            read_bytes(tmp_path / name, "JSON")


def test_large_files_are_refused_unread(tmp_path):
    with (tmp_path / "a.json").open("wb") as file:
        file.truncate(Limits.TEXT_BYTES + 1)
    with pytest.raises(InputError, match="at most 64 MiB"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_byte_order_marks_are_read(tmp_path, encoding):
    (tmp_path / "a.json").write_text('{"name": "Käthe"}', encoding=encoding)
    assert read_json(tmp_path / "a.json") == {"name": "Käthe"}


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../a.png", "a/../../b.png"])
def test_names_that_lead_out_of_the_folder_are_refused(tmp_path, name):
    assert path_inside(tmp_path, "a/b.png", "an image", "fix") == tmp_path / "a/b.png"
    with pytest.raises(InputError, match="names inside of"):
        path_inside(tmp_path, name, "an image", "fix")
