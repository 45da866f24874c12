from __future__ import annotations

import numpy as np

from evaluators.tasks.text import CONTEXT, TASK


def test_the_target_is_the_symbol_that_follows_the_context() -> None:
    train = TASK.data.train
    assert train.inputs.shape[1] == CONTEXT
    assert np.array_equal(train.inputs[1:, -1], train.targets[:-1])
    assert np.array_equal(train.inputs[1:, :-1], train.inputs[:-1, 1:])
    assert len(train.targets) > 500_000
    assert len(TASK.data.validation.targets) == 1024
