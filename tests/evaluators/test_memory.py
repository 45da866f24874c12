from __future__ import annotations

import pytest

from evaluators.memory import BYTES, lane_bytes
from programs.layout import Layout
from programs.parse import parse

LAYOUT = Layout.of([(4, 5), (4,)])


def tensors(text: str) -> float:
    return lane_bytes(parse(text), LAYOUT) / (BYTES * LAYOUT.size)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f(w, g):\n    return g\n", 3),  # weights, gradient, its parts
        ("def f(w, g, lr):\n    return g * lr\n", 4),  # and the result
        ("def f(w, g, m):\n    m = m + g\n    return m, m\n", 5),  # the state before and after
        ("def f(w, g):\n    return g * mean(g)\n", 4 + 2 / 24),  # and one number for each tensor
        ("def f(w, g):\n    a = sqrt(abs(g))\n    b = exp(a)\n    return sqrt(b)\n", 5),  # one in, one out at a time
        ("def f(w, g, w0, h):\n    return w - w0 + g * h\n", 8),  # two more inputs, three results at once
        ("def f(g, r):\n    r = r + matmul(g, transpose(g))\n    return g * max(r), r\n", 3 + (17 + 17 + 2 + 24) / 24),
        ("def f(w, g):\n    a = abs(g)\n    b = exp(g)\n    c = exp2(g)\n    return a + b + c\n", 7),
    ],
)
def test_the_estimate_counts_what_is_held_at_the_busiest_moment(text: str, expected: int) -> None:
    assert tensors(text) == expected


def test_the_estimate_grows_with_every_state_so_that_a_limit_can_stop_a_hoarder() -> None:
    def hoarder(states: int) -> str:
        names = [f"s{index}" for index in range(states)]
        body = "".join(f"    {name} = {name} + g\n" for name in names)
        return f"def hoarder(w, g, {', '.join(names)}):\n{body}    return {', '.join(['s0', *names])}\n"

    assert tensors(hoarder(40)) - tensors(hoarder(20)) >= 20
