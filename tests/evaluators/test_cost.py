"""What evaluations are said to have taken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evaluators import tasks
from evaluators.cost import flops, state_bytes, step_flops
from programs import zoo
from programs.layout import Layout
from programs.parse import parse

TEXT = tasks.get("text_ngram")


def test_a_task_without_a_model_is_counted_by_its_weights() -> None:
    custom = replace(TEXT, model=None)
    assert step_flops(custom) == 6 * TEXT.layout.size * TEXT.batch
    assert 0.3 < step_flops(TEXT) / step_flops(custom) <= 1.0, "about the same, without the embedding's look-ups"


def test_the_curvature_costs_two_more_gradients() -> None:
    plain, curved = (zoo.load(name) for name in ("sgd", "adahessian"))
    assert flops(TEXT, curved, 10) > 3 * 10 * step_flops(TEXT)
    assert flops(TEXT, plain, 10) == pytest.approx(10 * (step_flops(TEXT) + TEXT.layout.size))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("def f(g):\n    return g\n", 0),
        ("def f(g, m):\n    m = m + g\n    return m, m\n", 24),
        ("def f(g, n):\n    n = n + mean(g)\n    return g * n, n\n", 2),
        ("def f(w, g, w0):\n    return w - w0 + g\n", 24),
        ("def f(g, m):\n    m = m + g\n    return g, m\n", 0),
    ],
)
def test_bytes_of_state_are_those_that_matter(text: str, kept: int) -> None:
    assert state_bytes(parse(text), Layout.of([(4, 5), (4,)])) == 4 * kept
