from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from evaluators.models.losses import CrossEntropy, MeanSquare

LANES, BATCH, POSITIONS = 3, 5, 4
RANDOM = torch.Generator().manual_seed(0)


def random(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=RANDOM)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_torchs_in_every_lane(smoothing: float) -> None:
    logits, targets = random(LANES, 6, 1, BATCH), torch.randint(6, (LANES, BATCH), generator=RANDOM)
    expected = [
        functional.cross_entropy(logits[i, :, 0].mT, targets[i], label_smoothing=smoothing) for i in range(LANES)
    ]
    torch.testing.assert_close(CrossEntropy(smoothing)(logits, targets), torch.stack(expected))


def test_cross_entropy_of_many_positions_is_the_mean_over_all_of_them() -> None:
    logits, targets = random(LANES, 6, POSITIONS, BATCH), torch.randint(6, (LANES, BATCH, POSITIONS), generator=RANDOM)
    expected = [
        functional.cross_entropy(logits[i].permute(2, 1, 0).reshape(-1, 6), targets[i].flatten()) for i in range(LANES)
    ]
    torch.testing.assert_close(CrossEntropy()(logits, targets), torch.stack(expected))


@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_a_smoothing_that_is_no_share_is_refused(smoothing: float) -> None:
    with pytest.raises(ValueError, match="smoothing"):
        CrossEntropy(smoothing)


def test_mean_square_is_torchs_in_every_lane_with_and_without_positions() -> None:
    output, targets = random(LANES, 6, POSITIONS, BATCH), random(LANES, BATCH, POSITIONS, 6)
    expected = [functional.mse_loss(output[i].permute(2, 1, 0), targets[i]) for i in range(LANES)]
    torch.testing.assert_close(MeanSquare()(output, targets), torch.stack(expected))
    single = MeanSquare()(output[:, :, :1], targets[:, :, 0])
    torch.testing.assert_close(single, MeanSquare()(output[:, :, :1], targets[:, :, :1]))
