import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from programs.canon import structure
from programs.ir import Arg, Const, Program, Ref, Var
from programs.ops import OPS
from programs.rules import DEFINITIONS, SHORTER, SIGNS, Rule, read
from programs.run_torch import MEANINGS
from programs.show import show

NUMBERS = [0.0, -0.0, 1.0, -1.0, 0.5, -3.0, 0.1, 1e-320, -1e-310, 1e200, -1e300, np.inf, -np.inf, np.nan]


def readable(rule: Rule) -> str:
    return " = ".join(show(side).partition("return ")[2].strip() for side in (rule.left, rule.right))


LINES = [line for text in (SHORTER, DEFINITIONS, SIGNS) for line in text.strip().splitlines()]
RULES = [pytest.param(rule, id=line) for line, rule in zip(LINES, read("\n".join(LINES)), strict=True)]


def variables(side: Program) -> set[str]:
    return {arg.name for _, arg in side.uses() if isinstance(arg, Ref)}


def evaluate(side: Program, meanings: Mapping[str, Callable[..., Any]], values: Mapping[str, Any]) -> Any:
    results: list[Any] = []

    def value(arg: Arg) -> Any:
        match arg:
            case Const(number):
                return number
            case Ref(name):
                return values[name]
            case Var(index):
                return results[index]

    for instr in side.body:
        args = [value(arg) for arg in instr.args]
        meaning = OPS[instr.op].numpy if all(isinstance(arg, float) for arg in args) else meanings[instr.op]
        results.append(meaning(*args))
    return value(side.outputs[0])


def bits(values: Any) -> bytes:
    array: NDArray[Any] = np.asarray(values)
    return np.where(np.isnan(array), np.nan, array).tobytes()


def every_case(rule: Rule) -> dict[str, NDArray[Any]]:
    names = sorted(variables(rule.left))
    choices = [[-1.0, -0.3, -1e-300] if name == "n" else NUMBERS for name in names]
    cases = np.array(list(itertools.product(*choices)))
    return dict(zip(names, cases.T.copy(), strict=True))


@pytest.mark.parametrize("rule", RULES)
def test_both_sides_agree_bit_for_bit_in_the_reference(rule: Rule) -> None:
    cases = every_case(rule)
    meanings = {name: op.numpy for name, op in OPS.items()}
    with np.errstate(all="ignore"):
        assert bits(evaluate(rule.left, meanings, cases)) == bits(evaluate(rule.right, meanings, cases))


@pytest.mark.parametrize("rule", RULES)
def test_both_sides_agree_bit_for_bit_in_torch_single_precision(rule: Rule) -> None:
    with np.errstate(all="ignore"):
        cases = {name: torch.tensor(value.astype(np.float32)) for name, value in every_case(rule).items()}
    assert bits(evaluate(rule.left, MEANINGS, cases)) == bits(evaluate(rule.right, MEANINGS, cases))


@pytest.mark.parametrize("rule", RULES)
def test_both_sides_use_the_same_variables(rule: Rule) -> None:
    assert variables(rule.left) == variables(rule.right)


@pytest.mark.parametrize("rule", RULES)
def test_the_canonical_form_respects_every_rule(rule: Rule) -> None:
    assert structure(rule.left) == structure(rule.right)


@pytest.mark.parametrize("rule", [*read(SHORTER), *(rule.reversed() for rule in read(DEFINITIONS))], ids=readable)
def test_a_rule_for_reading_never_adds_an_instruction(rule: Rule) -> None:
    assert len(rule.right.body) <= min(1, len(rule.left.body))
