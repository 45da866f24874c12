import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from programs.canon import structure
from programs.check import check
from programs.generate import random_program
from programs.ir import Arg, Const, Instr, Program, Ref, Var
from programs.kinds import Kind
from programs.layout import Layout
from programs.ops import OPS
from programs.rewrite import insert, substitute
from programs.rules import DEFINITIONS, LENGTHS, POINTS, SHORTER, SIGNS, Rule, binds, read
from programs.run import NUMPY, Runner
from programs.run_torch import MEANINGS

NUMBERS = [0.0, -0.0, 1.0, -1.0, 0.5, -3.0, 0.1, 1e-320, -1e-310, 1e200, -1e300, np.inf, -np.inf, np.nan]
CONSTANTS = {"n": [-1.0, -0.3, -1e-300, -3e7], "p": [1.0, 0.3, 1e-300, 3e7], "k": [0.5, 2.0, 2.0**-30, 1024.0]}
SEEDS = range(3)

AT_POINTS = read(POINTS, Kind.SCALAR)
OF_LENGTHS = [rule for kind, lines in LENGTHS.items() for rule in read(lines, kind)]
EVERYWHERE = [*read(SHORTER), *OF_LENGTHS, *read(DEFINITIONS), *read(SIGNS)]
RULES = [*AT_POINTS, *EVERYWHERE]
# A test's name holds its seed, so a failure prints it.
every_rule = pytest.mark.parametrize("rule", RULES, ids=[rule.line for rule in RULES])
every_rule_with_variables = pytest.mark.parametrize("rule", EVERYWHERE, ids=[rule.line for rule in EVERYWHERE])


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


def bits(values: Any, rule: Rule) -> bytes:
    """One NaN; and one zero, where the table leaves open which it is."""
    array: NDArray[Any] = np.asarray(values)
    leaves_open = any("0 and -0" in OPS[instr.op].edge for instr in (*rule.left.body, *rule.right.body))
    if leaves_open and not DEFINITIONS.count(rule.line):
        array = array + 0.0
    return np.where(np.isnan(array), np.nan, array).tobytes()


def cases(rule: Rule, seed: int) -> dict[str, NDArray[Any]]:
    """Every combination of awkward numbers, and as many random ones, in rows of seven."""
    rng = np.random.default_rng(seed)
    names = sorted(variables(rule.left))
    choices = [CONSTANTS.get(name, NUMBERS) for name in names]
    awkward = np.array(list(itertools.product(*choices))).reshape(-1, len(names))
    ordinary = rng.standard_normal(awkward.shape) * 10.0 ** rng.integers(-9, 9, awkward.shape)
    for column, name in enumerate(names):
        if name in CONSTANTS:
            ordinary[:, column] = rng.choice(CONSTANTS[name], len(ordinary))
    rows = rng.permutation(np.concatenate([ordinary, awkward]))
    rows = np.resize(rows, (max(1, len(rows) // 7), 7, len(names)))
    return {name: rows[:, :, column].copy() for column, name in enumerate(names)}


@every_rule_with_variables
@pytest.mark.parametrize("seed", SEEDS)
def test_both_sides_agree_bit_for_bit_in_the_reference(rule: Rule, seed: int) -> None:
    values = cases(rule, seed)
    meanings = {name: op.numpy for name, op in OPS.items()}
    with np.errstate(all="ignore"):
        left, right = (bits(evaluate(side, meanings, values), rule) for side in (rule.left, rule.right))
    assert left == right


@every_rule_with_variables
@pytest.mark.parametrize("seed", SEEDS)
def test_both_sides_agree_bit_for_bit_in_torch_single_precision(rule: Rule, seed: int) -> None:
    with np.errstate(all="ignore"):
        values = {name: torch.tensor(value.astype(np.float32)) for name, value in cases(rule, seed).items()}
    left, right = (bits(evaluate(side, MEANINGS, values), rule) for side in (rule.left, rule.right))
    assert left == right


@pytest.mark.parametrize("rule", AT_POINTS, ids=[rule.line for rule in AT_POINTS])
def test_at_points_every_library_gives_the_same_in_every_precision(rule: Rule) -> None:
    (point,), value = rule.root.args, rule.right.outputs[0]
    assert isinstance(point, Const)
    assert isinstance(value, Const)
    for size in (1, 3, 8, 33):  # one number, and vectors with and without a rest
        for precision in (np.float32, np.float64):
            given, expected = np.full(size, point.value, precision), np.full(size, value.value, precision)
            assert bits(OPS[rule.root.op].numpy(given), rule) == bits(expected, rule)
            assert bits(MEANINGS[rule.root.op](torch.tensor(given)), rule) == bits(expected, rule)


@every_rule
def test_both_sides_use_the_same_variables(rule: Rule) -> None:
    assert variables(rule.left) == variables(rule.right)


LAYOUT = Layout.of([(), (5,), (3, 2)])


def updates(program: Program, rule: Rule) -> list[bytes]:
    rng = np.random.default_rng(0)
    runner = Runner(program, LAYOUT, NUMPY)
    w = rng.standard_normal((2, LAYOUT.size))
    states = runner.zero_states(w)
    found = []
    for step in range(1, 4):
        g = rng.standard_normal(w.shape) * rng.integers(0, 2, w.shape)
        inputs: dict[str, Any] = {"w": w, "g": g, "w0": w, "h": g * g, "loss": 0.5, "lr": 0.1, "t": float(step)}
        (update,), states = runner(inputs | {"T": 9.0}, states)
        found.append(bits(update, rule))
    return found


def planted(program: Program, side: Program, values: Mapping[str, Arg]) -> Program:
    """The program with one side of a rule, about some of its values, added to its update."""
    end = len(program.body)
    moved: dict[Arg, Arg] = {Ref(name): value for name, value in values.items()}
    moved |= {Var(index): Var(end + index) for index in range(len(side.body))}
    grown = insert(program, end, [Instr(i.op, tuple(moved.get(arg, arg) for arg in i.args)) for i in side.body])
    result = moved.get(side.outputs[0], side.outputs[0])
    grown = insert(grown, len(grown.body), [Instr("add", (grown.outputs[0], result))])
    return replace(grown, inputs=tuple(grown.signature.inputs), outputs=(Var(len(grown.body) - 1), *grown.outputs[1:]))


@every_rule
@pytest.mark.parametrize("seed", SEEDS)
def test_inside_a_random_program_both_sides_compute_the_same_and_have_one_form(rule: Rule, seed: int) -> None:
    rng = np.random.default_rng(seed)
    program = random_program(rng, 10)
    facts = check(program)
    tensors: list[Arg] = [*map(Ref, "wg"), *(Var(i) for i, kind in enumerate(facts.kinds) if kind is Kind.TENSOR)]
    values: dict[str, Arg] = {}
    for name in sorted(variables(rule.left)):
        constants = CONSTANTS.get(name)
        values[name] = Const(rng.choice(constants)) if constants else tensors[rng.integers(len(tensors))]
    left, right = (planted(program, side, values) for side in (rule.left, rule.right))
    assert updates(left, rule) == updates(right, rule)
    assert structure(left) == structure(right)


@every_rule
def test_the_canonical_form_respects_every_rule(rule: Rule) -> None:
    for values in zip(*CONSTANTS.values(), strict=True):
        chosen: dict[Arg, Arg] = {Ref(name): Const(value) for name, value in zip(CONSTANTS, values, strict=True)}
        assert structure(substitute(rule.left, chosen)) == structure(substitute(rule.right, chosen))


FOR_READING = [*read(SHORTER), *AT_POINTS, *OF_LENGTHS, *(r.reversed() for r in read(DEFINITIONS))]


@pytest.mark.parametrize("rule", FOR_READING, ids=[rule.line for rule in FOR_READING])
def test_a_rule_for_reading_never_adds_an_instruction(rule: Rule) -> None:
    assert len(rule.right.body) <= min(1, len(rule.left.body))


@pytest.mark.parametrize(
    ("variable", "yes", "no"),
    [("n", [-1.0, -1e-300], [0.0, 2.0]), ("p", [1.0, 1e-300], [0.0, -2.0]), ("k", [2.0, 0.25], [3.0, -2.0, 2.0**1023])],
)
def test_some_variables_stand_for_constants_alone(variable: str, yes: list[float], no: list[float]) -> None:
    assert all(binds(variable, Const(value)) for value in yes)
    assert not any(binds(variable, Const(value)) for value in no)
    assert not binds(variable, None)


def test_most_variables_stand_for_anything() -> None:
    assert all(binds("x", constant) for constant in (None, Const(0.0), Const(1.0)))
    assert [binds("q", constant) for constant in (None, Const(0.0), Const(1.0))] == [True, False, True]
