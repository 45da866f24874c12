from __future__ import annotations

import pytest
import torch

from evaluators.device import choose, tiny_is_zero


def test_auto_is_a_gpu_where_there_is_one() -> None:
    assert choose("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("name", ["abacus", "cuda:63", "cpu:cpu"])
def test_a_device_that_is_not_here_is_named_in_the_error(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        choose(name)


def test_tiny_numbers_count_as_zero_while_training_and_nowhere_else() -> None:
    tiny = torch.tensor([1e-40])
    if not torch.set_flush_denormal(False):
        pytest.skip("this processor cannot")
    with tiny_is_zero():
        assert (tiny * 1.0).item() == 0
    assert (tiny * 1.0).item() > 0
