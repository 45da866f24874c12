import itertools

import numpy as np
import pytest

from programs.kinds import Kind, join, product

LENGTHS = {"1": 1, "r": 3, "c": 5}
MATRICES = [kind for kind in Kind if kind is not Kind.SCALAR]


def example(kind: Kind) -> np.ndarray:
    return np.zeros([LENGTHS[axis] for axis in kind.axes])


def kind_of(array: np.ndarray) -> Kind:
    return next(kind for kind in MATRICES if example(kind).shape == array.shape)


@pytest.mark.parametrize(("first", "second"), list(itertools.product(Kind, repeat=2)))
def test_kinds_join_as_numpy_broadcasts_their_matrices(first: Kind, second: Kind) -> None:
    try:
        expected = example(first) + example(second)
    except ValueError:
        assert join([first, second]) is None
        assert join([first, second, Kind.SCALAR]) is None
    else:
        assert join([first, second]) is (kind_of(expected) if expected.shape else Kind.SCALAR)
        assert join([second, first]) is join([first, second, first])


@pytest.mark.parametrize(("first", "second"), list(itertools.product(Kind, repeat=2)))
def test_a_product_exists_where_numpy_has_one_of_two_matrices(first: Kind, second: Kind) -> None:
    try:
        expected = example(first) @ example(second)
    except ValueError:
        assert product(first, second) is None
    else:
        assert product(first, second) is kind_of(expected)


@pytest.mark.parametrize("kind", MATRICES)
def test_transposing_and_reducing_go_where_numpy_goes(kind: Kind) -> None:
    array = example(kind)
    assert kind.transposed is kind_of(array.T)
    assert kind.by_row is kind_of(array.sum(axis=1, keepdims=True))
    assert kind.by_column is kind_of(array.sum(axis=0, keepdims=True))


def test_nothing_joins_to_a_scalar_and_a_scalar_changes_nothing() -> None:
    assert join([]) is Kind.SCALAR
    assert all(join([kind, Kind.SCALAR]) is kind for kind in Kind)


def test_kinds_are_named_as_a_reader_says_them() -> None:
    assert str(Kind.PER_TENSOR) == "per-tensor"
    assert len({kind.axes for kind in Kind}) == len(Kind)
