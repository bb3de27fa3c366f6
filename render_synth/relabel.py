"""Rewrite shards for the present charts of a body without rendering: rays at the stored cameras."""

from __future__ import annotations

import json
import tarfile
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from diffproxy.body import BodyModel
from diffproxy.datasets.shard_writer import add_file, new_shard
from diffproxy.datasets.shards import FULL, ShardIndex, shard_paths
from diffproxy.proxies.maps import Kind
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import is_alive, make_folder
from diffproxy.utils.worker_signals import finishing, signals_wait, worker_signals

DIFFER = 0.001  # share of the labelled pixels whose label may differ from the rays' before it is an error


def relabel(source: str | Path, out: str | Path, body: str, workers: int) -> int:
    """Rewrite shards for the present charts of a body, without rendering.

    Args:
        source: Folder of shards, a pattern, or one `.tar` file.
        out: Another folder; shards that are finished there are kept, so a killed run resumes.
        body: Name of the rendered body, or path of an SMPL-X npz.
        workers: Number of processes.

    Returns:
        The number of views written now.

    Raises:
        InputError: A shard is cut short or of another body; shards finished before it stay.
    """
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from tqdm import tqdm

    paths, folder = shard_paths(source), Path(out)
    if folder.resolve() == paths[0].parent.resolve():
        raise InputError("a folder of its own for the new shards", str(out), "name another folder")
    names = {p.name for p in paths}
    if others := sorted(p.name for p in folder.glob("*.tar") if p.name not in names):
        found = f"{len(others)} others in {folder}, such as {others[0]}"
        raise InputError("a folder of its own for the new shards", found, "name another folder")
    for p in paths:
        if (target := folder / p.name).exists():
            _check_finished(p, target, body)
    make_folder(folder)
    for leftover in [t for p in paths for t in folder.glob(f"{p.stem}.*.tmp")]:
        process = leftover.name.split(".")[-2]
        if not (process.isdecimal() and is_alive(int(process))):  # of a run that was killed
            leftover.unlink()
    todo = [(p, folder / p.name, body) for p in paths if not (folder / p.name).exists()]
    views = 0
    with tqdm(total=len(paths), initial=len(paths) - len(todo), unit="shard") as bar:
        if workers < 2:
            for job in todo:
                views += _one(job)
                bar.update()
            return views
        with ProcessPoolExecutor(workers, get_context("spawn"), worker_signals) as pool:
            with signals_wait():
                counts = pool.map(_one, todo)
            for n in counts:
                views += n
                bar.update()
    return views


def _check_finished(source: Path, target: Path, body: str) -> None:
    """InputError where a shard that is there already is not this one relabelled for this body."""
    old, new = ShardIndex(source), ShardIndex(target)
    same = [old.key(i) for i in range(len(old))] == [new.key(i) for i in range(len(new))]
    same = same and old.meta(0)["params"] == new.meta(0)["params"]
    if not same or new.meta(0).get("topology") != _body(body).topology_id:
        fix = "remove it, or name another folder"
        raise InputError(f"{source} relabelled for body={body}", f"another shard, {target}", fix)


def _one(job: tuple[Path, Path, str]) -> int:
    import torch

    torch.set_num_threads(1)
    source, target, name = job
    body = _body(name)
    with finishing():
        return relabel_shard(source, target, body)


@lru_cache(maxsize=1)
def _body(name: str) -> BodyModel:
    from diffproxy.body import load_body

    return load_body(name)


def relabel_shard(source: Path, target: Path, body: BodyModel) -> int:
    """One shard; every file but `*.proxy.png` and `*.meta.json` is copied as it is. Written whole or not at all."""
    index = ShardIndex(source)  # refuses one that ends early: the copy would look whole
    for sample in range(len(index)):
        index.meta(sample)  # refuses one of another content
    count = 0
    with tarfile.open(source, "r:") as old, new_shard(target) as new:
        members: dict[str, list[tuple[str, bytes]]] = {}
        for member in old:
            file = old.extractfile(member)
            key = member.name.partition(".")[0]
            members.setdefault(key, []).append((member.name, file.read() if file else b""))
        for key, files in members.items():
            changed, views = _sample(dict(files), key, body)
            count += views
            for name, data in files:
                add_file(new, name, changed.get(name, data))
    return count


def _sample(files: dict[str, bytes], key: str, body: BodyModel) -> tuple[dict[str, bytes], int]:
    """The proxy images and meta data of one sample that change, and its number of views."""
    import torch

    from diffproxy.cameras import Camera
    from diffproxy.datasets.shards import params_from_json
    from diffproxy.proxies.png import decode_proxy_png, encode_proxy_png
    from diffproxy.proxies.surface import render_surface

    meta: dict[str, Any] = json.loads(files[f"{key}.meta.json"])
    if meta.get("topology") == body.topology_id:
        return {}, len(meta["views"])
    with torch.no_grad():
        vertices = body(params_from_json(meta["params"])).vertices[0].double().numpy()
    changed: dict[str, bytes] = {}
    labelled = differ = 0
    for i, view in enumerate(meta["views"]):
        name = f"{key}.v{i}.proxy.png"
        if name not in files:
            raise InputError(f"{name} in the shard", "none", "delete that shard and render it again")
        labels, _ = decode_proxy_png(files[name], name)
        surface = render_surface(vertices, body.faces.numpy(), [Camera.from_json(view["camera"])])[0]
        on = labels > 0
        hit = on & surface.outline
        kind = cast(Kind, "body" if view["kind"] == FULL else view["kind"])
        new, uv = np.zeros_like(labels), np.zeros((*labels.shape, 2), np.float32)
        new[hit], uv[hit] = body.atlas.encode(surface.face[hit].astype(np.int64), surface.bary[hit], kind)
        labelled, differ = labelled + int(on.sum()), differ + int((new != labels).sum())
        changed[name] = encode_proxy_png(new, uv)
    if differ > DIFFER * max(labelled, 1):
        found = f"{differ} of {labelled} labelled pixels of {key} have another label"
        raise InputError("shards of a body of the same shape and parts", found, "give body=PATH of that body")
    note = {"from": meta.get("topology"), "to": body.topology_id, "what": "labels and uv of *.proxy.png"}
    meta |= {
        "topology": body.topology_id,
        "body": body.name,
        "relabelled": [*meta.get("relabelled", []), note],
    }
    changed[f"{key}.meta.json"] = json.dumps(meta, sort_keys=True).encode()
    return changed, len(meta["views"])
