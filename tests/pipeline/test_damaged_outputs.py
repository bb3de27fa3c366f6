"""Files of a run that a full disk, a crash of the machine or another program has damaged since they were written."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from diffproxy.pipeline.config import SaveOptions
from diffproxy.pipeline.fit_rig import run_fit
from diffproxy.pipeline.generate_proxies import Generated
from diffproxy.pipeline.networks import Networks
from diffproxy.pipeline.proxy_cache import KEYPOINTS, ProxyStore
from diffproxy.proxies import render_proxies
from diffproxy.utils.errors import InputError

pytestmark = pytest.mark.usefixtures("fits_computed_once")

ROOT = Path(__file__).resolve().parents[2]
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut off": lambda data: data[: len(data) // 2],
    "zeros at its end": lambda data: data[: len(data) // 2] + bytes(len(data) - len(data) // 2),
}


def test_damaged_meshes_and_overlays_are_drawn_again(rig_of, oracle_of, params_of, options_of) -> None:
    """A cut-off overlay ended every later run, and a mesh stayed as it was."""
    pipe, options = oracle_of([params_of(0)]), options_of(rig_of(), save=SaveOptions(mesh="glb"))
    out = run_fit(options, ROOT, Networks(pipe))
    figures = [out / "mesh" / "000000.glb", out / "overlay" / "cam1" / "000000.jpg"]
    whole = [path.read_bytes() for path in figures]
    for damage in DAMAGES.values():
        for path, data in zip(figures, whole, strict=True):
            path.write_bytes(damage(data))
        run_fit(options, ROOT, Networks(pipe))
        assert [path.read_bytes() for path in figures] == whole
    assert pipe.calls == 1


def test_a_damaged_list_of_figures_draws_all_again(rig_of, oracle_of, params_of, options_of) -> None:
    pipe, options = oracle_of([params_of(0)]), options_of(rig_of(), save=SaveOptions(mesh="glb"))
    out = run_fit(options, ROOT, Networks(pipe))
    listed = (out / "drawn.json").read_bytes()
    for text in ("", "[]", "null", '{"mesh', "[" * 100_000, "[[1, 2], [null, 3]]"):
        (out / "drawn.json").write_text(text)
        run_fit(options, ROOT, Networks(pipe))
        assert (out / "drawn.json").read_bytes() == listed


@pytest.mark.parametrize("views", [1, 4])
def test_keypoints_of_other_views_are_refused(body, params_of, make_ring, tmp_path, views) -> None:
    """Of fewer views than maps, they would have been taken for those of the first ones."""
    cameras = make_ring(2, size=64)
    maps = render_proxies(body, body(params_of(0)).vertices[0].numpy(), cameras)
    boxes = ((0.0, 0.0, 64.0, 64.0),) * 2
    store = ProxyStore(tmp_path, body, must_exist=False)
    store.save(0, Generated(maps, boxes, keypoints=np.zeros((2, 17, 4), np.float32)))
    assert store.load(0).keypoints is not None
    path = tmp_path / "000000" / KEYPOINTS
    np.save(path, np.zeros((views, 17, 4), np.float32))
    with pytest.raises(InputError, match=r"keypoints \(2, 17, 4\) in .*\n.*found shape"):
        store.load(0)
    np.save(path, np.full((2, 17, 4), np.nan, np.float32))
    with pytest.raises(InputError, match="not finite"):
        store.load(0)


def test_a_cut_off_image_is_named_with_its_folder(body, params_of, make_ring, tmp_path) -> None:
    cameras = make_ring(2, size=64)
    maps = render_proxies(body, body(params_of(0)).vertices[0].numpy(), cameras)
    store = ProxyStore(tmp_path, body, must_exist=False)
    store.save(7, Generated(maps, ((0.0, 0.0, 64.0, 64.0),) * 2))
    path = next((tmp_path / "000007").glob("v01.*.png"))
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InputError) as error:
        store.load(7)
    assert str(path) in error.value.expected
