import math

import pytest
import torch

from diffproxy.training.losses import allowed_labels, dense_loss, diffusion_loss, scale_loss


def test_a_hand_view_may_not_answer_with_body_parts():
    allowed = allowed_labels(torch.tensor([False, True]), body_ids=[1, 2], hand_ids=[3], num=4)
    assert allowed.tolist() == [[True, True, True, False], [True, False, False, True]]


def test_dense_loss_by_hand():
    logits = torch.zeros(1, 3, 1, 2)
    logits[0, 1, 0, 1] = 2.0
    labels = torch.tensor([[[0, 1]]])
    uv, uv_pred = torch.zeros(1, 2, 1, 2), torch.full((1, 2, 1, 2), 0.25)
    out = dense_loss(logits, uv_pred, labels, uv, torch.ones(1, 3, dtype=torch.bool), foreground_weight=3.0)
    background, foreground = (
        torch.log(torch.tensor(3.0)),
        -torch.log_softmax(torch.tensor([0.0, 2.0, 0.0]), 0)[1],
    )
    assert out["label"].item() == pytest.approx(((background + 3 * foreground) / 4).item(), abs=1e-6)
    assert out["uv"].item() == pytest.approx(0.25)  # only the foreground pixel counts


def test_dense_loss_without_foreground_is_finite():
    out = dense_loss(
        torch.zeros(1, 3, 2, 2), torch.ones(1, 2, 2, 2), torch.zeros(1, 2, 2, dtype=torch.long),
        torch.zeros(1, 2, 2, 2), torch.ones(1, 3, dtype=torch.bool),
    )  # fmt: skip
    assert torch.isfinite(out["label"]) and out["uv"].item() == 0


def test_weighted_diffusion_loss_is_a_weighted_mean():
    prediction, target = torch.tensor([[1.0, 2.0]]), torch.zeros(1, 2)
    assert diffusion_loss(prediction, target).item() == pytest.approx(2.5)
    assert diffusion_loss(prediction, target, torch.tensor([[3.0, 1.0]])).item() == pytest.approx((3 + 4) / 4)


def test_scale_loss_by_hand_and_at_its_best():
    """Distance 5 cm in a chart of (1, 0.5) metres; the likeliest scale of a distance d is d / 2."""
    uv = torch.zeros(1, 2, 1, 2)
    predicted = torch.tensor([0.03, 0.08]).view(1, 2, 1, 1).expand(1, 2, 1, 2)
    labels = torch.tensor([[[0, 1]]])
    metres = torch.tensor([[0.0, 0.0], [1.0, 0.5]])

    def loss(b):
        return scale_loss(torch.full((1, 1, 1, 2), math.log(b)), predicted, labels, uv, metres).item()

    assert loss(0.05) == pytest.approx(0.05 / 0.05 + 2 * math.log(0.05), abs=1e-5)
    assert loss(0.025) < min(loss(0.024), loss(0.026))


def test_coordinates_get_no_gradient_from_what_they_are_uncertain_by():
    predicted = torch.rand(1, 2, 2, 2, requires_grad=True)
    log_scale = torch.zeros(1, 1, 2, 2, requires_grad=True)
    labels = torch.ones(1, 2, 2, dtype=torch.long)
    scale_loss(log_scale, predicted, labels, torch.zeros(1, 2, 2, 2), torch.ones(2, 2)).backward()
    assert predicted.grad is None and log_scale.grad.abs().sum() > 0
