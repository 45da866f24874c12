from programs.layout import Layout


def test_parameters_lie_end_to_end_in_the_order_given() -> None:
    layout = Layout.of([(), (3,), [2, 4], (2, 1, 3)])
    assert layout.sizes == (1, 3, 8, 6)
    assert [(part.start, part.stop) for part in layout.slices] == [(0, 1), (1, 4), (4, 12), (12, 18)]
    assert layout.size == 18


def test_a_parameter_is_a_matrix_of_its_first_axis_by_all_others_and_a_vector_is_one_row() -> None:
    layout = Layout.of([(), (3,), (2, 4), (2, 5, 3)])
    assert [layout.matrix_shape(index) for index in range(4)] == [(1, 1), (1, 3), (2, 4), (2, 15)]


def test_equal_layouts_are_one_key() -> None:
    assert len({Layout.of([(2, 3), ()]), Layout.of([[2, 3], []]), Layout.of([(3, 2), ()])}) == 2
