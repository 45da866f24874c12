from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from torch.nn import Parameter

from exported import RULES, assert_close, interpreted, optimizer_class, trained
from programs import zoo
from programs.check import result_kind
from programs.export import export
from programs.ir import Program
from programs.kinds import Kind
from programs.layout import Layout
from programs.ops import OPS, Op, Shape
from programs.parse import parse
from programs.run import NUMPY, NumpyBackend, Runner
from programs.run_torch import TORCH


def test_a_rule_reads_like_itself() -> None:
    source = export(zoo.load("adamw"))
    assert (
        """
    m = (1 - beta1) * g + beta1 * m
    v = (1 - beta2) * torch.square(g) + beta2 * v
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    update = m_hat / (torch.sqrt(v_hat) + eps)
    update = update + w * weight_decay
    return update * lr, m, v
"""
        in source
    )
    assert "on_numbers" not in source
    assert "orthogonalize" not in source


@pytest.mark.parametrize("name", RULES)
def test_trains_step_for_step_as_the_interpreter(name: str) -> None:
    program = parse(RULES[name])
    expected = interpreted(program, steps=50)
    for foreach in (True, False):
        assert_close(trained(program, steps=50, foreach=foreach), expected)


class OtherZeros(NumpyBackend):
    """Where the table leaves open which of 0 and -0 is the result, gives the other one."""

    def meaning(self, op: str) -> Callable[..., Any]:
        swapped: dict[str, Callable[..., Any]] = {
            "maximum": lambda x, y: np.maximum(y, x),
            "minimum": lambda x, y: np.minimum(y, x),
            "clip": lambda x, low, high: np.minimum(high, np.maximum(low, x)),
        }
        return swapped.get(op) or super().meaning(op)


@given(program=...)
@settings(max_examples=100)
def test_random_programs_train_as_in_the_interpreter(program: Program) -> None:
    by_numpy, *others = (interpreted(program, backend, steps=3) for backend in (NUMPY, TORCH, OtherZeros()))
    for other in others:  # what the last bit or the sign of a zero decides may differ
        assume(torch.allclose(by_numpy, other, rtol=1e-11, atol=1e-11, equal_nan=True))
    for foreach in (True, False):
        assert_close(trained(program, steps=3, foreach=foreach), by_numpy, rtol=1e-9)


EXAMPLES: dict[Kind, str] = {
    Kind.SCALAR: "0.7",
    Kind.PER_TENSOR: "norm({0})",
    Kind.TENSOR: "{0}",
    Kind.PER_ROW: "row_norm({0})",
    Kind.PER_COLUMN: "column_norm({0})",
    Kind.ROW_SQUARE: "matmul({0}, transpose({0}))",
    Kind.COLUMN_SQUARE: "matmul(transpose({0}), {0})",
    Kind.TRANSPOSED: "transpose({0})",
    Kind.ROW_VECTOR: "transpose(row_norm({0}))",
    Kind.COLUMN_VECTOR: "transpose(column_norm({0}))",
}
KINDS = {"tensor": "g", "per_tensor": "p", "state": "s", "hyper": "{}", "constant": "{}", "computed": "(lr * {})"}


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.shape is Shape.ELEMENTWISE], ids=lambda op: op.name)
def test_every_operation_takes_every_kind_of_argument(op: Op) -> None:
    values = ("0.3", "0.8", "-0.4")[: op.arity]
    for kinds in itertools.product(KINDS, repeat=op.arity):
        names = [n if k == "hyper" else v for k, n, v in zip(kinds, "abc", values, strict=False)]
        args = ", ".join(KINDS[kind].format(name) for kind, name in zip(kinds, names, strict=True))
        hypers = ", ".join(f"{name}={value}" for name, value in zip("abc", values, strict=False))
        program = parse(
            f"def one(w, g, s, lr, *, {hypers}):\n p = max(g) - 1\n return w * 0.1 + {op.name}({args}) * g, s + 0.7\n"
        )
        assert_close(trained(program, steps=2), interpreted(program, steps=2))


@pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)
def test_every_operation_takes_every_kind_of_argument_that_it_is_made_for(op: Op) -> None:
    legal = [
        (kinds, result)
        for kinds in itertools.product(Kind, repeat=op.arity)
        if isinstance(result := result_kind(op, kinds), Kind) and max(kinds)
    ]
    random.Random(0).shuffle(legal)
    for kinds, result in legal[:25]:
        call = f"{op.name}({', '.join(EXAMPLES[kind].format('g') for kind in kinds)})"
        if result is not Kind.SCALAR:
            call = f"dot({call}, {EXAMPLES[result].format('w')})"
        program = parse(f"def one(w, g, lr):\n return g * {call} * lr\n")
        assert_close(trained(program, steps=2), interpreted(program, steps=2), rtol=1e-9)


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.shape is not Shape.ELEMENTWISE], ids=lambda op: op.name)
def test_facts_about_shapes_go_wherever_a_number_per_tensor_may(op: Op) -> None:
    arguments = ["rows(g)", *["0.5"] * (op.arity - 1)]
    if op.shape in (Shape.PRODUCT, Shape.REDUCTION, Shape.GLOBAL):
        arguments = ["rows(g)", "axes(g)"][: op.arity]
    program = parse(f"def one(w, g, lr):\n return w + {op.name}({', '.join(arguments)}) * g * lr\n")
    assert_close(trained(program, steps=2), interpreted(program, steps=2))


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.shape is Shape.ELEMENTWISE], ids=lambda op: op.name)
def test_numbers_follow_ieee_where_python_would_raise(op: Op) -> None:
    heads = ["a", "b", "c"][: op.arity]
    hypers = ", ".join(f"{head}=1" for head in heads)
    program = parse(f"def one(g, *, {hypers}):\n return g * {op.name}({', '.join(heads)})\n")
    make = optimizer_class(program)
    for values in itertools.product((0.0, -1.0, 0.5, -8.0, 3e2, 1e200), repeat=op.arity):
        chosen = dict(zip(heads, values, strict=True))
        p = Parameter(torch.ones(1, dtype=torch.float64))
        p.grad = torch.ones_like(p)
        make([p], **chosen).step()
        (update,), _ = Runner(program, Layout.of([(1,)]), NUMPY, chosen)({"g": np.ones((1, 1))}, [])
        assert_close(p.detach(), 1 - torch.from_numpy(update[0]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ["adamw", "muon_like", "horizon", "choices", "constant_state"])
def test_parameters_and_states_keep_their_type(name: str, dtype: torch.dtype) -> None:
    program = parse(RULES[name])
    result = trained(program, steps=5, dtype=dtype)
    assert result.dtype == dtype
    assert_close(result, interpreted(program, TORCH, steps=5, dtype=dtype), rtol=torch.finfo(dtype).eps * 8)


@pytest.mark.parametrize("power", ["0", "lr - 0.05"])
def test_a_root_of_order_zero_is_as_in_the_interpreter(power: str) -> None:
    program = parse(f"def one(g, lr):\n return matmul(inverse_root(matmul(g, transpose(g)), {power}, 0.5), g) * lr\n")
    assert_close(trained(program, steps=1), interpreted(program, steps=1), rtol=1e-9)
