"""One frame: its status, its notes."""

import typing

import pytest

from diffproxy.pipeline import fit_frame
from diffproxy.pipeline.generate_proxies import Generated


def test_annotations_name_types_that_exist() -> None:
    for function in (fit_frame.first_fit, fit_frame.fit_frame, fit_frame.to_record):
        assert "return" in typing.get_type_hints(function)


@pytest.mark.parametrize("nobody", [False, True])
def test_an_unseen_hand_is_noted_once(body, oracle_of, params_of, make_ring, nobody: bool) -> None:
    import torch

    cameras = make_ring(3, size=96, radius=3.2)
    pipe = oracle_of([None if nobody else params_of(0)])
    maps = pipe(torch.full((3, 3, 96, 96), 20 / 255), cameras, ["body"] * 3).proxies
    boxes = ((0.0, 0.0, 96.0, 96.0),) * 3
    hands: dict[str, list[str]] = {"left": [], "right": []}
    config = fit_frame.FitConfig(hands=False)
    record = fit_frame.fit_frame(0, Generated(maps, boxes, (), hands), body, config)
    for side in hands:
        assert sum(f"{side} hand" in note for note in record.info["notes"]) == 1
