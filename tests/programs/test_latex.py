from __future__ import annotations

import pytest
from hypothesis import given, settings
from matplotlib.mathtext import MathTextParser

from programs import zoo
from programs.ir import Program
from programs.latex import equations
from programs.ops import OPS, Op, Shape
from programs.parse import parse

TYPESETTER = MathTextParser("path")


def test_adamw_is_written_as_in_its_paper() -> None:
    assert equations(zoo.load("adamw")) == [
        r"m_{t} = (1 - \beta_{1}) \cdot g_t + \beta_{1} \cdot m_{t-1}",
        r"v_{t} = (1 - \beta_{2}) \cdot g_t^2 + \beta_{2} \cdot v_{t-1}",
        r"\hat{m} = \frac{m_{t}}{1 - \beta_{1}^{t}}",
        r"\hat{v} = \frac{v_{t}}{1 - \beta_{2}^{t}}",
        r"\mathrm{update} = \frac{\hat{m}}{\sqrt{\hat{v}} + \epsilon} + w_{t-1} \cdot \lambda",
        r"w_t = w_{t-1} - \mathrm{update} \cdot \eta_t",
    ]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("(g + 1) * w", r"\left(g_t + 1\right) \cdot w_{t-1}"),
        ("g - (w - 2)", r"g_t - \left(w_{t-1} - 2\right)"),
        ("(g * w) ** 2.5", r"\left(g_t \cdot w_{t-1}\right)^{2.5}"),
        ("square(-g)", r"\left(-g_t\right)^2"),
        ("g * 1e-8 + g * 2.5e-7", r"g_t \cdot 10^{-8} + g_t \cdot 2.5 \cdot 10^{-7}"),
        ("g * -2", r"g_t \cdot \left(-2\right)"),
        ("interp(g + w, w, 0.9)", r"(1 - 0.9) \cdot \left(g_t + w_{t-1}\right) + 0.9 \cdot w_{t-1}"),
    ],
)
def test_parentheses_stand_where_they_are_needed(expression: str, expected: str) -> None:
    (line,) = equations(parse(f"def one(w, g):\n return abs({expression})\n"))
    assert line == rf"w_t = w_{{t-1}} - \left|{expected}\right|"


def test_a_name_that_comes_again_gets_a_prime() -> None:
    lines = equations(parse("def one(g, m):\n    x = g + 1\n    y = x * x\n    x = y + g\n    return x * x * m, g\n"))
    assert [line.partition(" = ")[0] for line in lines] == ["x", "y", "x'", "m_{t}", "w_t"]


@pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)
def test_every_operation_can_be_typeset(op: Op) -> None:
    square = op.shape is Shape.SQUARE
    values = ", ".join(["matmul(g, transpose(g))" if square else "g", "0.5" if square else "w", "0.25"][: op.arity])
    if op.shape is Shape.RESCALING:
        values = "g, 0.5"
    if op.shape is Shape.PRODUCT:
        values = "g, transpose(w)"
    call = f"{op.name}({values})"
    call = call if op.shape is Shape.GLOBAL else f"norm({call})"
    for line in equations(parse(f"def one(w, g):\n return {call} * g\n")):
        TYPESETTER.parse(f"${line}$")


@given(program=...)
@settings(max_examples=25)
def test_every_rule_can_be_typeset_and_shows_all_its_states(program: Program) -> None:
    lines = equations(program)
    for line in lines:
        TYPESETTER.parse(f"${line}$")
    assert len(lines) >= 1 + len(program.states)
