"""The benchmark of the paper's fit: each subject's proxies are generated once, three fits get them, runs resume."""

import json
from types import SimpleNamespace

import pytest
import torch

from diffproxy.body import BodyParams
from diffproxy.pipeline.results import FrameResult, params_to_arrays
from tests.evaluation.conftest import ring_of_four, shards_of  # noqa: F401


@pytest.fixture
def script(load_benchmark):
    return load_benchmark("paper_fit")


def test_three_fits_get_the_same_proxies(script, body, shards_of, tmp_path, monkeypatch, capsys):  # noqa: F811
    params, made, fits = BodyParams.rest(1), [], []

    def generate(generator, subject, *more):
        made.append([image.mean() for image in subject.images])
        return made[-1]

    def fit(frame_id, proxies, fitter):
        config, encoder = fitter.config, fitter.encoder
        fits.append((proxies, config.objective, config.solver, config.prior, encoder is not None))
        if config.objective == "paper" and len(made) == 2:
            return FrameResult(0, "failed", "nothing")
        off = params.replace(transl=params.transl + 0.01 * len(fits))
        with torch.no_grad():
            return FrameResult(0, "ok", "", params_to_arrays(off), body.joints(off)[0].numpy())

    monkeypatch.setattr(script, "generate_proxies", generate)
    monkeypatch.setattr(script, "fit_frame", fit)
    shards = str(shards_of([params, params]))
    pipe = SimpleNamespace(network=SimpleNamespace(config=SimpleNamespace(image_size=128)))
    options = script.PaperFitOptions(shards=shards, views=3, limit=2, out=str(tmp_path / "out"))
    assert script.run(options, pipe) == 0
    assert len(made) == 2 and len(made[0]) == 3 and made[0] != made[1]
    assert [f[0] for f in fits] == [made[0]] * 3 + [made[1]] * 3
    settings = [("robust", "lm", "gaussian", True), ("robust", "lm", "gaussian", False)]
    assert [f[1:] for f in fits[:3]] == [*settings, ("paper", "adam", "diffusion", False)]

    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert summary["fits"] == json.loads(capsys.readouterr().out)
    assert summary["fits"]["preset=paper"]["status"] == {"failed": 1, "ok": 1}
    error = 10 * 3**0.5  # of the first fit, mm
    assert summary["fits"]["default"]["median"]["mpvpe"] == pytest.approx(2.5 * error, rel=1e-3)
    pairs = summary["against_default"]["default without keypoints"]["mpjpe"]
    assert pairs["subjects"] == 2 and pairs["difference"] == pytest.approx(error, rel=1e-3)
    assert summary["against_default"]["preset=paper"]["mpjpe"]["subjects"] == 1

    assert script.run(options, pipe) == 0 and len(made) == 2  # nothing is left to do
