import numpy as np
import pytest

from programs.kinds import Kind, join
from programs.layout import Layout, extents, slices, spread_index, width

LAYOUT = Layout.of([(), (3,), (2, 4), (2, 5, 3), (0,), (0, 2)])
MATRICES = [kind for kind in Kind if kind is not Kind.SCALAR]


def test_parameters_lie_end_to_end_in_the_order_given() -> None:
    layout = Layout.of([(), (3,), [2, 4], (2, 1, 3)])
    assert layout.sizes == (1, 3, 8, 6)
    assert [(part.start, part.stop) for part in layout.slices] == [(0, 1), (1, 4), (4, 12), (12, 18)]
    assert layout.size == 18


def test_a_parameter_is_a_matrix_of_its_first_axis_by_all_others_and_a_vector_is_one_row() -> None:
    assert [LAYOUT.matrix_shape(index) for index in range(6)] == [(1, 1), (1, 3), (2, 4), (2, 15), (1, 0), (0, 2)]


def test_equal_layouts_are_one_key() -> None:
    assert len({Layout.of([(2, 3), ()]), Layout.of([[2, 3], []]), Layout.of([(3, 2), ()])}) == 2


@pytest.mark.parametrize("kind", MATRICES)
def test_a_value_of_any_kind_has_a_place_for_every_number_of_every_parameter(kind: Kind) -> None:
    covered = [place for part in slices(LAYOUT, kind) for place in range(part.start, part.stop)]
    assert covered == list(range(width(LAYOUT, kind)))
    for (rows, columns), part in zip(extents(LAYOUT, kind), slices(LAYOUT, kind), strict=True):
        assert part.stop - part.start == rows * columns
    assert width(LAYOUT, Kind.TENSOR) == LAYOUT.size
    assert width(LAYOUT, Kind.PER_TENSOR) == 6
    assert width(LAYOUT, Kind.SCALAR) == 1


@pytest.mark.parametrize("wide", MATRICES)
@pytest.mark.parametrize("kind", MATRICES)
def test_spreading_is_broadcasting_one_parameter_at_a_time(kind: Kind, wide: Kind) -> None:
    if join([kind, wide]) is not wide:
        return
    value = np.random.default_rng(0).standard_normal((2, width(LAYOUT, kind)))
    spread = value[:, spread_index(LAYOUT, kind, wide)]
    assert spread.shape == (2, width(LAYOUT, wide))
    for index in range(6):
        narrow = value[:, slices(LAYOUT, kind)[index]].reshape(2, *extents(LAYOUT, kind)[index])
        found = spread[:, slices(LAYOUT, wide)[index]].reshape(2, *extents(LAYOUT, wide)[index])
        np.testing.assert_array_equal(found, np.broadcast_to(narrow, found.shape))
