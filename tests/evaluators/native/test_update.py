"""Whole rules on the interpreter, against `programs.run` in single and in double precision."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from evaluators import bytecode
from evaluators.bytecode import UnsupportedError
from evaluators.native.update import Update
from programs import zoo
from programs.edit import mutate
from programs.generate import random_program
from programs.ir import Program
from programs.layout import Layout
from programs.matrix import orthogonalize
from programs.parse import parse
from updates import ODD, Case, case, distance, native, reference, worst

RULES = [name for name in zoo.names() if "h" not in zoo.load(name).inputs]
PARENTS = [zoo.load(name) for name in zoo.names()]

LAYOUTS = {
    "odd": ODD,
    "one number": Layout.of([()]),
    "blocks and a bit": Layout.of([(32, 33), (4, 256), (64, 32)]),
    "many small": Layout.of([(5, 3), (5,), (1, 1), (3,), (2, 2, 2)] * 4),
    "wide and tall": Layout.of([(33, 130), (130, 33), (16, 16)]),
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_rules_of_the_zoo(name: str, layout: Layout) -> None:
    """As near to the truth as the reference in single precision, within a factor and a floor.

    The floor is higher for rules of matrices: a direction that should be lost in a singular one is there with a size
    that rounding decides, and grows.
    """
    program, shown = zoo.load(name), case(layout=layout)
    found, single = native(program, shown), reference(program, shown)
    truth = reference(program, shown, np.float64)
    floor = 3e-3 if {instr.op for instr in program.body} & {"orthogonalize", "inverse_root"} else 2e-5
    assert min(distance(found, single), distance(found, truth)) <= floor + 10 * distance(single, truth)


@pytest.mark.parametrize("name", ["adamw", "lamb", "muon", "momo", "adafactor"])
def test_the_update_is_subtracted_and_the_gradient_left_alone(name: str) -> None:
    program, shown = zoo.load(name), case()
    showing, subtracting = (Update(bytecode.compile(program, ODD, subtract=subtract)) for subtract in (False, True))
    w, update = shown.w.copy(), np.empty_like(shown.w)
    for step, g in enumerate(shown.gradients, 1):
        before, given = w.copy(), g.copy()
        subtracting.step(w, given, lr=0.1, t=step, steps=3, loss=1.0, w0=shown.w)
        showing.step(before, given, lr=0.1, t=step, steps=3, loss=1.0, w0=shown.w, update=update)
        np.testing.assert_array_equal(w, before - update)
        np.testing.assert_array_equal(given, g)


def fresh(seed: int) -> Program:
    """A random program, or a distant mutant of a rule of the zoo, in turn."""
    rng = np.random.default_rng(seed)
    if seed % 2:
        return random_program(rng, int(rng.integers(1, 30)))
    return mutate(PARENTS[int(rng.integers(len(PARENTS)))], rng, edits=int(rng.integers(1, 6))).program


AGREES, CANCELS, WRONG = "agrees", "differs where single precision does", "wrong"


def verdict(program: Program, shown: Case) -> str:
    """How the interpreter compares to the references.

    Where the reference in single precision departs from that in double by more than a few hundred rounding errors, the
    rule subtracts numbers that are nearly equal, divides by what is left, or chooses by its sign: then no two orders of
    summation agree, and nothing is learnt from a difference.
    """
    found, single = native(program, shown), reference(program, shown)
    if distance(found, single) <= 1e-3:
        return AGREES
    truth = reference(program, shown, np.float64)
    if distance(found, truth) <= 1e-3:
        return AGREES
    return CANCELS if distance(single, truth) > 5e-5 else WRONG


def test_random_programs_and_mutants() -> None:
    layout = Layout.of([(9, 14), (33,), (), (7, 4), (2, 3, 3)])
    counts: Counter[str] = Counter()
    wrong = []
    for seed in range(1200):
        program = fresh(seed)
        if "h" in program.inputs and "h" in bytecode.compile(program, layout).inputs:
            continue
        found = verdict(program, case(seed, layout))
        counts[found] += 1
        if found == WRONG:
            wrong.append(seed)
    assert wrong == []
    assert counts[CANCELS] <= 0.1 * counts.total()
    assert counts.total() > 1100


def test_fused_instructions_give_the_same_bits() -> None:
    layout = Layout.of([(9, 14), (33,), (), (7, 4)])
    fewer = 0
    for seed in range(300):
        program, shown = fresh(seed), case(seed, layout, steps=2)
        if "h" in program.inputs:
            continue
        (found, states), (expected, others) = (native(program, shown, fused=fused) for fused in (True, False))
        np.testing.assert_array_equal(found, expected)
        for state, other in zip(states, others, strict=True):
            np.testing.assert_array_equal(state, other)
        made, plain = (bytecode.compile(program, layout, fused=fused) for fused in (True, False))
        fewer += len(made.instructions) < len(plain.instructions)
    assert fewer > 100


def test_states_start_again_as_zero() -> None:
    program, shown = parse("def f(g, m, n):\n    m = m * 0.5 + g\n    n = n + norm(m)\n    return m * n, m, n"), case()
    update = Update(bytecode.compile(program, ODD, subtract=False))
    first, again = np.empty((2, ODD.size), np.float32)
    update.step(shown.w, shown.gradients[0], lr=1.0, t=1, steps=2, update=first)
    update.step(shown.w, shown.gradients[1], lr=1.0, t=2, steps=2, update=again)
    assert not np.array_equal(first, again)
    update.reset()
    assert all(not state.any() for state in update.states())
    update.step(shown.w, shown.gradients[0], lr=1.0, t=1, steps=2, update=again)
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(
    "text",
    [
        "def f(g, a, b):\n    return g + a, b, a",  # states that change places
        "def f(g, a, b, c):\n    return a + b + c, g, a, b",  # a delay line
        "def f(w, g, a):\n    return a * norm(a) + g, w",  # the old weights in a state
        "def f(g, a, b):\n    m = a + g\n    return m, m, m",  # one value in two states and the update
        "def f(g, a):\n    return g * a + a * norm(g), g",  # an old state read after a reduction of this step
        "def f(g, n, m):\n    m = g * n\n    n = norm(m) + n\n    return m, n, m",  # a state for each parameter
        "def f(g, t, k, j, loss):\n    return g * j, k + t, k * loss",  # states that are one number
        "def f(g, k):\n    return g, 2.5",
        "def f(g, s):\n    return g * s, exp(0) + row_norm(g)",
        "def f(g, s):\n    return g - row_mean(g) - column_mean(g) * s, s * 0.5 + row_max(g) * column_max(g)",
        "def f(g, s):\n    return matmul(s, g), interp(matmul(g, transpose(g)), s, 0.9)",
        "def f(g, s):\n    return transpose(s) + g, transpose(g)",
        "def f(g, lr):\n    return clip_by_global_norm(g, lr * 10) * cosine_sim(g, norm(g)) * global_max(rms(g))",
        "def f(g):\n    return interp(1, g, mean(g))",
        "def f(g):\n    return where(greater(g, 0), 0.5, -0.25) * dot(g, row_norm(g))",
        "def f(w, g, a):\n    return g, w - g",  # what the update does, in a state
    ],
)
def test_states_and_kinds_of_every_sort(text: str) -> None:
    program, shown = parse(text), case()
    assert distance(native(program, shown), reference(program, shown)) <= 2e-4


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, 1e-42, 3e30])
@pytest.mark.parametrize("op", ["orthogonalize(g)", "matmul(matmul(g, transpose(g)), g)", "g - row_norm(g)"])
def test_special_numbers_go_through_matrices_as_in_the_reference(op: str, special: float) -> None:
    layout = Layout.of([(6, 20), (20, 6), (7,), (3, 3), (1, 5)])
    shown = case(layout=layout, steps=1)
    shown.gradients[0, [3, 130, 242, 250, 257]] = special
    found, _ = native(parse(f"def f(g):\n    return {op}"), shown)
    expected, _ = reference(parse(f"def f(g):\n    return {op}"), shown)
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))
    for part in layout.slices:
        assert worst(found[:, part], expected[:, part]) <= 2e-3


def test_orthogonal_matrices_of_many_shapes() -> None:
    layout = Layout.of([(rows, columns) for rows in (1, 2, 5, 16, 17, 40) for columns in (1, 3, 16, 33, 70)])
    shown = case(layout=layout, steps=1)
    found, _ = native(parse("def f(g):\n    return orthogonalize(g)"), shown)
    for index, part in enumerate(layout.slices):
        exact = orthogonalize(shown.gradients[:, part].astype(np.float64).reshape(1, *layout.shapes[index]))
        assert worst(found[0, part], exact.ravel()) <= 1e-3


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e15])
def test_inverse_roots(scale: float) -> None:
    layout = Layout.of([(n, n + 3) for n in (1, 2, 7, 16, 33)])
    shown = case(layout=layout, steps=1)
    shown.gradients[:] *= np.float32(scale**0.5)
    program = parse(
        f"def f(g):\n    return matmul(inverse_root(matmul(g, transpose(g)), 4, {1e-3 * scale:g}), g) / {scale**0.25:g}"
    )
    assert worst(native(program, shown)[0], reference(program, shown, np.float64)[0]) <= 1e-3


def test_what_is_not_symmetric_counts_by_its_lower_triangle() -> None:
    layout = Layout.of([(3, 4)])
    shown = case(layout=layout, steps=1)
    program = parse(
        "def f(g):\n    x = matmul(g, transpose(g)) + row_mean(g) * transpose(row_norm(g))\n"
        "    return matmul(inverse_root(x, 2, 0.5), g)"
    )
    assert worst(native(program, shown)[0], reference(program, shown, np.float64)[0]) <= 1e-4


def test_curvature_is_left_to_another_engine() -> None:
    with pytest.raises(UnsupportedError, match="curvature"):
        Update(bytecode.compile(zoo.load("adahessian"), ODD))


def test_what_does_not_fit_is_refused_before_it_reaches_c() -> None:
    shown = case()
    update = Update(bytecode.compile(zoo.load("dog"), ODD))
    with pytest.raises(ValueError, match="initial weights"):
        update.step(shown.w, shown.gradients[0], lr=1.0, t=1, steps=1)
    with pytest.raises(ValueError, match="g must be"):
        update.step(shown.w, shown.gradients[0][:-1], lr=1.0, t=1, steps=1, w0=shown.w)
    with pytest.raises(ValueError, match="w must be"):
        update.step(shown.w.astype(np.float64), shown.gradients[0], lr=1.0, t=1, steps=1, w0=shown.w)
    with pytest.raises(ValueError, match="nowhere"):
        Update(bytecode.compile(zoo.load("sgd"), ODD, subtract=False)).step(
            shown.w, shown.gradients[0], lr=1.0, t=1, steps=1
        )
