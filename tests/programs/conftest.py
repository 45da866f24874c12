"""Random programs for property tests: `@given(...)` with an argument annotated `Program` draws one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from programs.generate import random_program
from programs.ir import Program


def _program(seed: int, size: int) -> Program:
    return random_program(np.random.default_rng(seed), size)


st.register_type_strategy(Program, st.builds(_program, st.integers(0, 2**32 - 1), st.integers(1, 24)))


@pytest.fixture(params=["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"])
def device(request: pytest.FixtureRequest) -> str:
    """Every kind of device that is here."""
    return str(request.param)
