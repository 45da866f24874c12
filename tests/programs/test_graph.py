import pytest

from programs.graph import Graph
from programs.ir import Const, Ref
from programs.ops import OPS
from programs.rules import TO_COMPARE, TO_READ, Rule


def graph_with_names(commutative: frozenset[str] = frozenset()) -> tuple[Graph, int, int]:
    graph = Graph(TO_READ, commutative)
    return graph, graph.leaf(Ref("x"), "x"), graph.leaf(Ref("y"), "y")


def test_equal_expressions_are_one_node() -> None:
    graph, x, y = graph_with_names()
    assert graph.apply("div", (x, y)) == graph.apply("div", (x, y))
    assert graph.apply("div", (x, y)) != graph.apply("div", (y, x))


def test_arguments_swap_only_where_told() -> None:
    strict, x, y = graph_with_names()
    assert strict.apply("mul", (x, y)) != strict.apply("mul", (y, x))
    loose, x, y = graph_with_names(frozenset({"mul"}))
    assert loose.apply("mul", (x, y)) == loose.apply("mul", (y, x))


def test_keys_do_not_depend_on_the_graph() -> None:
    one, x, y = graph_with_names()
    other = Graph(TO_READ, frozenset())
    other.constant(3.0)
    v, u = other.leaf(Ref("renamed"), "y"), other.leaf(Ref("x"), "x")
    assert one.nodes[one.apply("div", (x, y))].key == other.nodes[other.apply("div", (u, v))].key


def test_constants_fold_in_double_precision() -> None:
    graph, *_ = graph_with_names()
    assert graph.apply("sub", (graph.constant(1.0), graph.constant(0.9))) == graph.constant(1.0 - 0.9)


def test_what_is_no_constant_of_the_language_is_not_folded() -> None:
    graph, *_ = graph_with_names()
    zero, minus_one, huge = graph.constant(0.0), graph.constant(-1.0), graph.constant(1e300)
    for op, args in (("div", (minus_one, zero)), ("sqrt", (minus_one,)), ("square", (huge,)), ("neg", (zero,))):
        assert graph.nodes[graph.apply(op, args)].op == op


@pytest.mark.parametrize("op", ["exp", "tanh", "power", "cbrt", "log"])
def test_what_libraries_round_differently_is_not_folded(op: str) -> None:
    graph, *_ = graph_with_names()
    half = graph.constant(0.5)
    assert graph.nodes[graph.apply(op, (half,) * OPS[op].arity)].op == op


def test_a_sorted_graph_keeps_arguments_in_one_order_whoever_came_first() -> None:
    nodes = []
    for turned in (False, True):
        graph = Graph(TO_COMPARE, frozenset({"mul"}), sort=True)
        x, y = graph.leaf(Ref("x"), "x"), graph.leaf(Ref("y"), "y")
        node = graph.nodes[graph.apply("mul", (y, x) if turned else (x, y))]
        nodes.append([graph.nodes[arg].key for arg in node.args])
    assert nodes[0] == nodes[1]


def test_rules_that_are_applied_are_told() -> None:
    fired: list[Rule] = []
    graph = Graph(TO_READ, frozenset({"mul"}), fired=fired)
    x = graph.leaf(Ref("x"), "x")
    graph.apply("mul", (x, graph.constant(1.0)))
    assert [rule.line for rule in fired] == ["x * 1 = x"]


def test_minus_one_is_not_one() -> None:
    graph, x, _ = graph_with_names(frozenset({"mul"}))
    assert graph.apply("mul", (graph.constant(1.0), x)) == x
    assert graph.nodes[graph.apply("mul", (graph.constant(-1.0), x))].op == "neg"


def test_a_variable_that_occurs_twice_must_stand_for_one_node() -> None:
    graph, x, y = graph_with_names(frozenset({"mul"}))
    assert graph.nodes[graph.apply("mul", (x, x))].op == "square"
    assert graph.nodes[graph.apply("mul", (x, y))].op == "mul"


def test_matching_tries_every_order_of_nested_arguments() -> None:
    graph, x, y = graph_with_names(frozenset({"mul", "add"}))
    share = graph.leaf(Ref("a"), "a")
    rest = graph.apply("sub", (graph.constant(1.0), share))
    average = graph.apply("interp", (x, y, share))
    left, right = graph.apply("mul", (x, rest)), graph.apply("mul", (y, share))
    assert graph.apply("add", (left, right)) == graph.apply("add", (right, left)) == average


def test_signs_move_outwards_to_compare() -> None:
    graph = Graph(TO_COMPARE, frozenset({"mul"}))
    x, y = graph.leaf(Ref("x"), "x"), graph.leaf(Ref("y"), "y")
    product = graph.apply("mul", (graph.apply("neg", (x,)), graph.apply("div", (y, graph.constant(-2.0)))))
    plain = graph.apply("mul", (x, graph.apply("div", (y, graph.constant(2.0)))))
    assert product == plain


def test_leaves_are_found_again() -> None:
    graph, *_ = graph_with_names()
    assert graph.nodes[graph.constant(2.0)].leaf == Const(2.0)
