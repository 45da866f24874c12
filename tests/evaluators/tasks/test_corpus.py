from __future__ import annotations

import numpy as np
import pytest

from evaluators.tasks.corpus import (
    PYTHON_TRAIN,
    PYTHON_VALIDATION,
    SYMBOLS,
    Split,
    folder_of,
    headers,
    prose,
    python_source,
    sequences,
    symbols,
)


def test_printable_text_and_line_feeds_are_kept_and_everything_else_is_left_out() -> None:
    assert symbols(b"a b\n~").tolist() == [66, 1, 67, 0, 95]
    assert symbols(b"\t\r\x00\x7f\xc3\xa9").tolist() == []
    assert sorted(symbols(bytes(range(256)))) == list(range(SYMBOLS))


def test_no_module_is_both_trained_on_and_validated_on() -> None:
    assert not set(PYTHON_TRAIN) & set(PYTHON_VALIDATION)


@pytest.mark.parametrize("text", [python_source, prose, headers])
def test_a_text_is_long_has_rare_symbols_and_its_two_parts_are_alike_but_not_the_same(text: object) -> None:
    train, validation = text()  # type: ignore[operator]
    assert len(train) > 300_000
    assert len(validation) > 40_000
    shares = [np.bincount(part, minlength=SYMBOLS) / len(part) for part in (train, validation)]
    used = np.sort(shares[0][shares[0] > 0])
    assert used[-1] > 100 * used[len(used) // 10]  # the heavy tail of what is rare
    assert np.abs(shares[0] - shares[1]).sum() < 0.3
    assert validation[:2000].tobytes() not in train.tobytes()


def test_the_pieces_of_a_text_do_not_overlap_and_each_target_is_the_next_symbol() -> None:
    def split() -> Split:
        return np.arange(90, dtype=np.uint8), np.arange(50, dtype=np.uint8)

    data = sequences(split, 8, validation=3)
    assert data.train.inputs.shape == (11, 8)
    assert data.train.inputs.flatten().tolist() == list(range(88))
    assert (data.train.targets == data.train.inputs + 1).all()
    assert data.validation.inputs.shape == (3, 8)
    assert (data.validation.targets == data.validation.inputs + 1).all()


def test_a_package_that_is_not_there_is_named() -> None:
    assert (folder_of("torch") / "__init__.py").is_file()
    with pytest.raises(FileNotFoundError, match="no_such_package"):
        folder_of("no_such_package")
