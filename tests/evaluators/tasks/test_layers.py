from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from evaluators.tasks.layers import cross_entropy, embed, linear

LANES, BATCH = 3, 5
RANDOM = torch.Generator().manual_seed(0)


def random(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=RANDOM)


def test_linear_is_torchs_linear_in_every_lane() -> None:
    x, weight, bias = random(LANES, 4, BATCH), random(LANES, 2, 4), random(LANES, 2)
    expected = [functional.linear(x[i].mT, weight[i], bias[i]).mT for i in range(LANES)]
    torch.testing.assert_close(linear(x, weight, bias), torch.stack(expected))


def test_embed_is_torchs_embedding_in_every_lane() -> None:
    table, indices = random(LANES, 7, 2), torch.randint(7, (LANES, BATCH, 4), generator=RANDOM)
    expected = [functional.embedding(indices[i], table[i]) for i in range(LANES)]
    assert torch.equal(embed(table, indices), torch.stack(expected))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_torchs_in_every_lane(smoothing: float) -> None:
    logits, targets = random(LANES, 6, BATCH), torch.randint(6, (LANES, BATCH), generator=RANDOM)
    expected = [functional.cross_entropy(logits[i].mT, targets[i], label_smoothing=smoothing) for i in range(LANES)]
    torch.testing.assert_close(cross_entropy(logits, targets, smoothing), torch.stack(expected))
