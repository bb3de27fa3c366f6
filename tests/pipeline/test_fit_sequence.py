"""Options of sequences that do nothing are told."""

import numpy as np
import pytest

from diffproxy.body import BodyParams
from diffproxy.fitting import FitConfig
from diffproxy.fitting.sequence.config import SequenceConfig
from diffproxy.pipeline.fit_frame import BodyFitter
from diffproxy.pipeline.fit_sequence import fit_as_sequence, motion_metrics, without_effect
from diffproxy.pipeline.proxy_cache import ProxyStore
from diffproxy.pipeline.results import FrameResult, params_to_arrays
from diffproxy.pipeline.run_folder import RunFolder


def standing(count: int, height: float) -> list[FrameResult]:
    """Bodies whose lowest joint is at this height, metres, and a frame without one."""
    joints = np.linspace([0.0, height, 0.0], [0.0, height + 1.6, 0.0], 55).astype(np.float32)
    params = params_to_arrays(BodyParams.rest(1))
    return [
        *(FrameResult(i, "ok", params=params, joints=joints) for i in range(count)),
        FrameResult(count, "failed"),
    ]


@pytest.mark.parametrize(
    ("count", "options", "said"),
    [
        (1, {}, "two bodies"),
        (2, {}, ""),
        (2, {"smooth": 1.0}, "three: 2 here"),
        (2, {"ground": "auto"}, "three: 2 here"),
        (3, {"smooth": 1.0, "ground": "auto"}, ""),
        (3, {"ground": "0.4"}, ""),
        (3, {"ground": "400"}, "lowest joints are at 0.45 m"),  # millimetres
        (3, {"ground": "-5"}, "ground=-5 is no ground"),
    ],
)
def test_what_has_no_effect_is_said(count, options, said):
    notes = without_effect(standing(count, 0.45), SequenceConfig(shape="shared", **options))
    assert len(notes) == bool(said) and said in "".join(notes)


def test_it_is_said_of_whom(tmp_path, body, caplog) -> None:
    """Of several people, whose frames are fitted one after the other."""
    run, records = RunFolder(tmp_path / "person_01", {}), standing(1, 0.45)
    proxies, fitter = ProxyStore(tmp_path, body, must_exist=False), BodyFitter(body, FitConfig())
    assert fit_as_sequence(run, records, proxies, fitter, SequenceConfig(smooth=1.0), 30.0) is records
    assert "person_01: " in caplog.text


@pytest.mark.parametrize(("content", "kept"), [('{"ground_m": 0.1}', True), ("{", False), ("[1]", False)])
def test_a_damaged_report_is_no_report(tmp_path, body, content, kept) -> None:
    (tmp_path / "sequence.json").write_text(content)
    found = motion_metrics(tmp_path, standing(3, 0.45), body, (0.0, 1.0, 0.0), 30.0)
    assert "foot_slide_cm_s" in found and ("sequence" in found) == kept
