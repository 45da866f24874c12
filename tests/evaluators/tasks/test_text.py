from __future__ import annotations

import numpy as np

from evaluators.tasks.text import CONTEXT, SYMBOLS, TASK, TRAIN, VALIDATION, symbols


def test_printable_text_and_line_feeds_are_kept_and_everything_else_is_left_out() -> None:
    assert symbols(b"a b\n~").tolist() == [66, 1, 67, 0, 95]
    assert symbols(b"\t\r\x00\x7f\xc3\xa9").tolist() == []
    assert sorted(symbols(bytes(range(256)))) == list(range(SYMBOLS))


def test_the_target_is_the_symbol_that_follows_the_context() -> None:
    train = TASK.data.train
    assert train.inputs.shape[1] == CONTEXT
    assert np.array_equal(train.inputs[1:, -1], train.targets[:-1])
    assert np.array_equal(train.inputs[1:, :-1], train.inputs[:-1, 1:])


def test_no_module_is_both_trained_on_and_validated_on() -> None:
    assert not set(TRAIN) & set(VALIDATION)
    assert len(TASK.data.train.targets) > 500_000
    assert len(TASK.data.validation.targets) == 1024
