import numpy as np
import pytest

from programs import zoo
from programs.measures import measure
from programs.parse import parse


def degree(update: str, *lines: str, head: str = "w, g, m, lr, t") -> float:
    body = "\n    ".join([*lines, f"return {update}, m"])
    return measure(parse(f"def rule({head}):\n    {body}\n"))["gradient_homogeneity"]


# name: state slots, instructions, degree
KNOWN = {
    "sgd": (0, 1, 1),
    "momentum": (1, None, 1),
    "nesterov": (1, None, 1),
    "rmsprop": (1, None, 0),
    "adam": (2, None, 0),
    "adamw": (2, 15, 0),
    "lion": (1, 6, 0),
    "signum": (1, None, 0),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_rules_have_known_measures(name: str) -> None:
    slots, instructions, homogeneity = KNOWN[name]
    measures = measure(zoo.load(name))
    assert measures["state_slots"] == slots
    assert instructions is None or measures["instructions"] == instructions
    assert measures["gradient_homogeneity"] == pytest.approx(homogeneity, abs=0.01)
    assert measures["matrix_products"] == 0


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        ("g * lr", 1.0),
        ("sign(g) * lr", 0.0),
        ("sign(g) * sqrt(abs(g)) * lr", 0.5),
        ("g * g * sign(g) * lr", 2.0),
        ("cbrt(g) * lr", 1 / 3),
        ("g / square(norm(g)) * lr", -1.0),
        ("g / norm(g) * lr", 0.0),
        ("orthogonalize(g) * lr", 0.0),
        ("g * lr + w * 0.1", 1.0),
        ("sign(g) * lr + w * 0.1", 0.0),
    ],
)
def test_degree_of_homogeneity(update: str, expected: float) -> None:
    assert degree(update) == pytest.approx(expected, abs=1e-4)


def test_the_whole_history_of_gradients_is_scaled() -> None:
    assert degree("g / sqrt(m) * lr", "m = m * 0.9 + g * g") == pytest.approx(0.0, abs=1e-6)
    assert degree("m * g * lr", "m = m * 0.9 + g") == pytest.approx(2.0, abs=1e-6)


@pytest.mark.parametrize(
    ("update", "expected"), [("g / norm(g) * norm(w) * lr", 0.0), ("g * abs(w) * lr", 1.0), ("g * lr / norm(w)", 1.0)]
)
def test_rules_that_vanish_or_break_at_zero_weights_are_measured_at_others(update: str, expected: float) -> None:
    assert degree(update) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("update", ["g * 0", "g / 0", "sqrt(-square(g)) * lr", "exp(1e9 / abs(g)) * lr"])
def test_an_undefined_degree_is_zero(update: str) -> None:
    with np.errstate(all="raise"):
        assert degree(update) == 0.0


def test_huge_updates_have_a_degree() -> None:
    assert degree("g * 1e300") == pytest.approx(1.0)
    assert degree("cube(g) * 1e-300") == pytest.approx(3.0)


def test_only_what_matters_is_counted() -> None:
    program = parse(
        "def rule(w, g, m, v, s, n, lr):\n"
        "    dead = orthogonalize(g)\n"
        "    m = interp(g, m, 0.9)\n"
        "    v = v + orthogonalize(dead)\n"
        "    s = interp(norm(g), s, 0.9)\n"
        "    n = interp(g, n, 0.9)\n"
        "    update = orthogonalize(m) / s * 1 + n\n"
        "    return update * lr, m, v, s, n\n"
    )
    measures = measure(program)
    # v and the first two matrix products are dead, n is m, and s holds one number per tensor.
    assert measures["state_slots"] == 1
    assert measures["matrix_products"] == 1
    assert measures["instructions"] == 7
    assert all(isinstance(value, float) for value in measures.values())


def test_memory_and_operations_are_those_of_what_matters() -> None:
    sgd, adamw = (measure(zoo.load(name)) for name in ("sgd", "adamw"))
    assert (sgd["memory_per_weight"], adamw["memory_per_weight"]) == (0, 2)
    assert 0 < sgd["flops_per_weight"] < adamw["flops_per_weight"]
    wasteful = measure(parse("def rule(w, g, m, lr):\n    m = m + square(sqrt(g))\n    return g * lr, m\n"))
    assert {name: wasteful[name] for name in sgd} == sgd
