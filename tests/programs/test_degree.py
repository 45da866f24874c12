import numpy as np
import pytest
from hypothesis import assume, given

from programs import zoo
from programs.degree import is_proportional
from programs.fingerprint import PROBE, digits
from programs.ir import Program
from programs.parse import parse
from programs.probe import respond


def rule(update: str, m: str = "g") -> Program:
    return parse(f"def rule(w, g, m, lr, t):\n    return {update}, {m}\n")


@pytest.mark.parametrize(
    "update",
    [
        *("g * lr", "lr * (g + m)", "g * (lr * 0.1) + w * lr", "-(g * lr) / t", "interp(g * lr, w * lr, 0.3)"),
        *(
            "where(greater(g, 0), g * lr, w * lr)",
            "maximum(g * lr, w * lr)",
            "clip(g * lr, lr * -1, lr)",
            "abs(g * lr)",
        ),
    ],
)
def test_what_is_proportional(update: str) -> None:
    assert is_proportional(rule(update), "lr")


@pytest.mark.parametrize(
    "update",
    [
        *("g", "g * lr * lr", "g / lr", "g * lr + w", "clip(g * lr, -1, 1)", "where(greater(g, lr), g * lr, w * lr)"),
        *("sqrt(lr) * g", "g * interp(lr, 1, 0.5)", "lr / (lr * g)", "sign(g * lr)"),
    ],
)
def test_what_is_not(update: str) -> None:
    assert not is_proportional(rule(update), "lr")


def test_not_where_a_state_depends_on_it() -> None:
    assert not is_proportional(rule("g * lr", "m + lr"), "lr")
    assert is_proportional(rule("g * lr", "m + g"), "lr")


def test_most_known_rules_are() -> None:
    assert {"adamw", "lion", "sgd"} <= {name for name in zoo.names() if is_proportional(zoo.load(name), "lr")}


@given(program=...)
def test_what_is_said_to_be_proportional_is(program: Program) -> None:
    assume(is_proportional(program, "lr"))
    updates = respond(program, PROBE)
    assume(np.isfinite(updates).all())
    slow, fast = np.split(updates, 2, axis=1)
    np.testing.assert_array_equal(digits(fast / 4), digits(slow))
