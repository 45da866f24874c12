from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.schedule import multiplier


@given(st.integers(1, 400))
def test_every_step_learns_and_none_more_than_the_peak(steps: int) -> None:
    shape = [multiplier(step, steps) for step in range(1, steps + 1)]
    assert all(0 < value <= 1 for value in shape)
    assert max(shape) == 1


@given(st.integers(40, 400))
def test_it_rises_in_a_line_for_a_twentieth_and_then_only_falls(steps: int) -> None:
    warmup = round(steps / 20)
    shape = [multiplier(step, steps) for step in range(1, steps + 1)]
    assert shape[:warmup] == pytest.approx([(i + 1) / warmup for i in range(warmup)])
    assert all(after < before for before, after in zip(shape[warmup - 1 :], shape[warmup:], strict=False))


def test_it_is_half_way_down_in_the_middle_of_the_decay_and_ends_near_zero() -> None:
    assert multiplier(525, 1000) == pytest.approx(0.5, abs=1e-3)
    assert multiplier(1000, 1000) == pytest.approx(0, abs=1e-5)
