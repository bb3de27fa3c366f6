"""Shards being written: under a temporary name until they are whole."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from diffproxy.body.params import BodyParams
from diffproxy.datasets.extras import encode_extra
from diffproxy.datasets.shards import VERSION, ShardView, params_to_json
from diffproxy.proxies.png import encode_png, encode_proxy_png
from diffproxy.utils.errors import InputError, from_os_error
from diffproxy.utils.io import make_folder

KEY_BYTES = 75  # of a sample's key: a name in a tar file has at most 100


@contextmanager
def new_shard(path: Path) -> Iterator[tarfile.TarFile]:
    """A tar file that has its name when the block ends, and is gone when the block raises.

    Another process sees from the temporary name whose it is. InputError where it cannot be written, such as on a full
    disk.
    """
    make_folder(path.parent)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        with tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as tar:
            yield tar
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise from_os_error(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)


def add_file(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """One file of a shard. Time stamps are zero, so equal data gives equal bytes."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


class ShardWriter:
    """Writes one shard, which has its name when the context ends."""

    def __init__(self, path: str | Path, quality: int = 92):
        self.path, self.quality = Path(path), quality
        self._keys: set[str] = set()
        self._shard = new_shard(self.path)

    def __enter__(self) -> ShardWriter:
        self._tar = self._shard.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._shard.__exit__(*raised)

    def add(self, key: str, views: list[ShardView], params: BodyParams, meta: dict[str, Any]) -> None:
        """One subject; equal data gives equal bytes.

        `key` must hold no dot or slash, at most `KEY_BYTES` bytes, and not be that of another subject of the shard:
        readers would take both for one. InputError otherwise.
        """
        import cv2

        if not key or "." in key or "/" in key or len(key.encode()) > KEY_BYTES or key in self._keys:
            wanted = f"a sample key of its own without dots and slashes, of at most {KEY_BYTES} bytes"
            raise InputError(wanted, repr(key), "for example s0-0000001")
        self._keys.add(key)
        jpeg = [cv2.IMWRITE_JPEG_QUALITY, self.quality]
        for i, v in enumerate(views):
            add_file(
                self._tar, f"{key}.v{i}.rgb.jpg", cv2.imencode(".jpg", v.rgb[..., ::-1], jpeg)[1].tobytes()
            )
            add_file(self._tar, f"{key}.v{i}.proxy.png", encode_proxy_png(v.labels, v.uv))
            add_file(self._tar, f"{key}.v{i}.mask.png", encode_png(v.mask))
            for name in sorted(v.extras):
                add_file(self._tar, f"{key}.v{i}.{name}.png", encode_extra(name, v.extras[name]))
        listed = [{"kind": v.kind, "camera": v.camera.to_json()} | v.info for v in views]
        full = {"version": VERSION, "params": params_to_json(params), "views": listed} | meta
        add_file(self._tar, f"{key}.meta.json", json.dumps(full, sort_keys=True).encode())
