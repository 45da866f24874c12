import itertools
import math

import pytest

from programs import zoo
from programs.ir import Program
from programs.parse import parse
from programs.same import Verdict, compare


def rule(*lines: str, head: str = "w, g, m, lr, t") -> Program:
    return parse("\n    ".join([f"def rule({head}):", *lines]) + "\n")


SGD = rule("return g * lr, m")


def test_rewrites_of_one_side_alone_are_told() -> None:
    average = rule("m = interp(g, m, 0.9)", "return m * lr, m")
    written_out = rule("idle = exp(w)", "n = (1 - 0.9) * g + m * 0.9", "return lr * n, n, idle", head="w, g, m, v, lr")
    found = compare(average, written_out)
    assert found.verdict is Verdict.STRUCTURE
    assert found.left == {"interp(x, y, a) = (1 - a) * x + a * y": 1}
    assert found.right == {"leave out an instruction that does nothing": 1, "leave out a dead state": 1}


def test_a_rule_is_the_same_as_itself_without_any_rewrite() -> None:
    found = compare(zoo.load("adamw"), zoo.load("adamw"))
    assert (found.verdict, found.left, found.right) == (Verdict.STRUCTURE, {}, {})


def test_what_only_behaves_alike() -> None:
    found = compare(rule("return (g + w + t) * lr, m"), rule("return g * lr + (w * lr + t * lr), m"))
    assert found.verdict is Verdict.BEHAVIOUR


def test_a_constant_factor_is_told() -> None:
    found = compare(SGD, rule("return lr * g * 3, m"))
    assert found.verdict is Verdict.FACTOR
    assert found.factor == pytest.approx(3)


def test_thresholds_that_no_probe_crosses_are_told() -> None:
    left, right = (rule(f"return where(greater(lr, {number}), w, g) * lr, m") for number in (30, 40))
    assert compare(left, right).verdict is Verdict.DECISIONS


def test_a_difference_that_grows_is_told_where_it_is_large() -> None:
    found = compare(SGD, rule("return g * lr * (1 + 1e-9 * t ** 3), m"))
    assert found.difference is not None
    assert found.difference.relative > 0.1


def test_the_first_difference_is_told() -> None:
    found = compare(SGD, rule("return where(greater(t, 2), w, g) * lr, m"))
    assert found.verdict is Verdict.DIFFERENT
    assert found.difference is not None
    assert found.difference.step == 3
    assert found.difference.left != found.difference.right
    assert 0 < found.difference.relative <= 2


def test_a_difference_that_takes_many_steps_is_told() -> None:
    turns = "x = global_dot(m, v)"
    states = "lr, interp(g, m, 0.5), interp(g, v, 0.99)"
    head = "g, m, v, lr"
    left, right = (rule(turns, f"return g * {x} * {states}", head=head) for x in ("x", "square(sqrt(x))"))
    found = compare(left, right)
    assert found.verdict is Verdict.DIFFERENT
    assert found.difference is not None
    assert "forty" in found.difference.shown
    assert found.difference.step > 10


@pytest.mark.parametrize("update", ["g / 0", "sqrt(-1) * g", "log(g - 1000) * lr"])
def test_a_difference_to_what_is_not_finite_is_infinite_from_either_side(update: str) -> None:
    other = rule(f"return {update}, m")
    for found in (compare(SGD, other), compare(other, SGD)):
        assert found.difference is not None
        assert found.difference.relative == math.inf


def test_a_rule_that_ignores_the_learning_rate_differs_from_one_that_does_not() -> None:
    found = compare(SGD, rule("return g, m"))
    assert found.difference is not None
    assert 0 < found.difference.relative < 1


def test_known_rules_are_told_apart() -> None:
    names = zoo.names()
    for left, right in itertools.pairwise(names):
        assert compare(zoo.load(left), zoo.load(right)).verdict is Verdict.DIFFERENT, (left, right)
