import re

import pytest

from programs import hints
from programs.parse import parse

EXPRESSIONS = {
    **{name: text.partition(", which")[0] for name, text in (hints.ELSEWHERE | hints.BY_NUMBER).items()},
    **{text: found[1] for text in hints.CHARACTERS.values() if (found := re.match(r"Write: (.*)\.$", text))},
}


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_what_is_suggested_is_read(expression: str) -> None:
    x = "matmul(g, transpose(g))" if "inverse_root" in expression else "g"
    lines = [f"x = {x}", "y = x", "z = x", f"return g * global_norm({expression})"]
    parse("\n    ".join(["def f(g, *, a=0.5, c=2, low=-1, high=1, eps=1e-8):", *lines]))


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("x < y", "greater(y, x)"),
        ("x < = y", "1 - greater(x, y)"),
        ("x > = y", "1 - greater(y, x)"),
        ("x = = y", "where(x - y, 0, 1)"),
        ("x / / y", "floor(x / y)"),
        ("x % y", "x - y * floor(x / y)"),
        ("x and y", "x * y"),
        ("x . dot", "dot(x, y)"),
        ("x . sqrt", "sqrt(x)"),
        ("x . T", "transpose(x)"),
        ("x . clamp", "clip(x, low, high)"),
        ("( [ x", "no lists"),
        ("x [ 0", "a part of one"),
        ("x ? y", ""),
        ("x", ""),
    ],
)
def test_a_word_is_understood_by_what_stands_beside_it(text: str, expression: str) -> None:
    words = text.split()
    assert expression in hints.instead(words, min(1, len(words) - 1))
    assert bool(expression) == bool(hints.instead(words, min(1, len(words) - 1)))
