import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from programs import zoo
from programs.canon import forget, rewrites, simplify, structure
from programs.check import CheckError, check
from programs.ir import Arg, Const, Hyper, Instr, Program, Ref, Var
from programs.layout import Layout
from programs.ops import OPS, Shape
from programs.parse import parse
from programs.rewrite import prune
from programs.run import NUMPY, Runner
from programs.show import show

HEAD = ("w", "g", "lr", "t", "a", "b", "c", "p", "q")
NUMBERS = (0.0, 1.0, -1.0, 2.0, -0.5, 0.9)
# More often what the rules are about than the rest of the table.
COMMON = ("add", "sub", "mul", "div", "neg", "interp", "square", "cube", "reciprocal", "abs", "sign", "maximum", "clip")


@st.composite
def small_programs(draw: st.DrawFn) -> Program:
    """Small programs full of repetition, with three states and two hyperparameters."""
    leaves: list[Arg] = [*map(Ref, HEAD), *map(Const, NUMBERS)]
    body: list[Instr] = []
    for index in range(draw(st.integers(1, 12))):
        results: list[Arg] = [Var(i) for i in range(index)]
        op = OPS[draw(st.sampled_from(COMMON) | st.sampled_from(sorted(OPS)))]
        args = st.sampled_from(leaves + 3 * results if op.shape is Shape.ELEMENTWISE else [Ref("g"), Ref("w")])
        body.append(Instr(op.name, tuple(draw(args) for _ in range(op.arity)), draw(st.sampled_from(["", "", "x"]))))
    last = Var(len(body))
    body.append(Instr("add", (Ref("g"), Var(len(body) - 1))))
    values: list[Arg] = [*map(Ref, HEAD), *map(Var, range(len(body))), Const(0.0)]
    nexts = [draw(st.sampled_from(values)) for _ in "abc"]
    hypers = (Hyper("p", draw(st.sampled_from(NUMBERS))), Hyper("q", draw(st.sampled_from(NUMBERS))))
    program = Program("rule", ("w", "g", "lr", "t"), ("a", "b", "c"), hypers, tuple(body), (last, *nexts))
    try:
        check(program)
    except CheckError:
        assume(False)
    return program


def updates(program: Program) -> list[bytes]:
    """The bits of some updates; NaNs have many bit patterns and count as one."""
    layout = Layout.of([(), (3,), (2, 2)])
    runner = Runner(program, layout, NUMPY)
    generator = np.random.default_rng(0)
    gradients: NDArray[Any] = generator.normal(size=(3, 2, layout.size))
    gradients[:, :, 1] = 0.0
    gradients[1, :, 2] = -0.0
    states, found = runner.zero_states(gradients[0]), []
    with np.errstate(all="ignore"):
        for step, g in enumerate(gradients, start=1):
            inputs = {"w": 1.0 - g, "g": g, "lr": np.array([[0.1], [0.5]]), "t": float(step), "T": 9.0}
            (update,), states = runner(inputs, states)
            found.append(np.where(np.isnan(update), np.nan, update).tobytes())
    return found


def body(program: Program) -> list[str]:
    return [instr.op for instr in program.body]


def rule(*lines: str, head: str = "w, g, m, v, lr, t, *, beta=0.9, gamma=0.99") -> Program:
    return parse("\n    ".join([f"def rule({head}):", *lines]) + "\n")


@given(small_programs())
@settings(max_examples=200)
def test_simplifying_keeps_every_bit_of_the_updates(program: Program) -> None:
    assert updates(simplify(program)) == updates(program)


@given(small_programs())
@settings(max_examples=200)
def test_simplifying_is_idempotent_and_never_lengthens(program: Program) -> None:
    once = simplify(program)
    assert simplify(once) == once
    assert len(once.body) <= len(program.body)
    assert len(once.states) <= len(program.states)


@given(small_programs())
@settings(max_examples=200)
def test_a_simplified_program_is_legal_and_all_of_it_matters(program: Program) -> None:
    simplified = simplify(program)
    facts = check(simplified)
    assert facts.live == set(range(len(simplified.body)))
    assert facts.live_states == set(simplified.states)
    used = {arg.name for _, arg in simplified.uses() if isinstance(arg, Ref)}
    assert used == {*simplified.inputs, *simplified.states, *(hyper.name for hyper in simplified.hypers)}
    assert parse(show(simplified)) == simplified


@given(small_programs())
@settings(max_examples=200)
def test_simplifying_keeps_the_structure(program: Program) -> None:
    assert structure(simplify(program)) == structure(program)


@given(small_programs(), st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_structure_ignores_names_order_and_dead_code(program: Program, rng: random.Random) -> None:
    assert structure(disguised(program, rng)) == structure(program)


def disguised(program: Program, rng: random.Random) -> Program:
    """The same program with other names, another order of instructions and states, swapped arguments and dead parts."""
    names = [*program.states, *(hyper.name for hyper in program.hypers)]
    renamed = dict(zip(names, rng.sample([f"name{i}" for i in range(len(names))], len(names)), strict=True))
    places: dict[int, int] = {}
    instrs: list[Instr] = []

    def moved(arg: Arg) -> Arg:
        match arg:
            case Ref(name):
                return Ref(renamed.get(name, name))
            case Var(index):
                return Var(places[index])
        return arg

    while len(places) < len(program.body):
        ready = [
            index
            for index, instr in enumerate(program.body)
            if index not in places and all(arg.index in places for arg in instr.args if isinstance(arg, Var))
        ]
        index = rng.choice(ready)
        instr = program.body[index]
        args = [moved(arg) for arg in instr.args]
        if OPS[instr.op].commutative:
            rng.shuffle(args)
        if rng.random() < 0.3:
            instrs.append(Instr("exp", (rng.choice([Ref("g"), Ref("idle"), *args]),)))
        places[index] = len(instrs)
        instrs.append(Instr(instr.op, tuple(args)))
    pairs = [(renamed[name], moved(program.next_state(name))) for name in program.states]
    idle: list[Arg] = [Ref("idle"), Ref("w"), Var(len(instrs) - 1)]
    pairs.append(("idle", rng.choice(idle)))
    rng.shuffle(pairs)
    hypers = [Hyper(renamed[hyper.name], hyper.default) for hyper in program.hypers]
    return Program(
        "disguised",
        program.inputs,
        tuple(name for name, _ in pairs),
        tuple(rng.sample(hypers, len(hypers))),
        tuple(instrs),
        (moved(program.outputs[0]), *(arg for _, arg in pairs)),
    )


@given(small_programs())
@settings(max_examples=200)
def test_structure_takes_hyperparameters_for_their_values(program: Program) -> None:
    values = {hyper.name: Const(hyper.default) for hyper in program.hypers}

    def inlined(arg: Arg) -> Arg:
        return values.get(arg.name, arg) if isinstance(arg, Ref) else arg

    instrs = tuple(Instr(instr.op, tuple(map(inlined, instr.args))) for instr in program.body)
    outputs = tuple(map(inlined, program.outputs))
    assert structure(replace(program, hypers=(), body=instrs, outputs=outputs)) == structure(program)


DIFFERENT: dict[str, tuple[Program, Program]] = {
    "operation": (rule("return g * sqrt(lr), m, v"), rule("return g * square(lr), m, v")),
    "order of a difference": (rule("return g - w, m, v"), rule("return w - g, m, v")),
    "constant": (rule("return g * 0.1, m, v"), rule("return g * 0.2, m, v")),
    "sign": (rule("return g * -0.1, m, v"), rule("return g * 0.1, m, v")),
    "default": (rule("return g * beta, m, v"), rule("return g * gamma, m, v")),
    "input": (rule("return g * lr, m, v"), rule("return g * t, m, v")),
    "recurrence": (rule("m = m + g", "return m, m, v"), rule("m = m * beta + g", "return m, m, v")),
    "delay": (rule("return m + v + g, g, m"), rule("return m + v + g, g, g")),
    "which slot": (rule("return g + m - v * lr, g, w"), rule("return g + v * lr - m, g, w")),
    "length of a delay": (rule("return g + v, g, m"), rule("return g + m, g, v")),
    "zero times": (rule("return g + w * 0, m, v"), rule("return g, m, v")),
    "minus itself": (rule("return g + (w - w), m, v"), rule("return g, m, v")),
    "divided by itself": (rule("return g * (w / w), m, v"), rule("return g, m, v")),
    "plus zero": (rule("return g + 0, m, v"), rule("return g, m, v")),
    "grouping of a sum": (rule("return (g + w) + lr, m, v"), rule("return g + (w + lr), m, v")),
}


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=DIFFERENT)
def test_structure_tells_apart(pair: tuple[Program, Program]) -> None:
    assert structure(pair[0]) != structure(pair[1])


SAME: dict[str, tuple[Program, Program]] = {
    "average written out": (
        rule("m = (1 - beta) * g + m * beta", "return m, m, v"),
        rule("m = interp(g, m, 0.9)", "return m, m, v"),
    ),
    "square": (rule("return g * g * g, m, v"), rule("return cube(g), m, v")),
    "signs": (rule("return w - -g * 0.5, m, v"), rule("return w - g * -0.5, m, v")),
    "negated sum": (rule("return -g - w, m, v"), rule("return -w - g, m, v")),
    "minimum and maximum": (rule("return minimum(-g, -w), m, v"), rule("return -maximum(w, g), m, v")),
    "halves": (rule("return g / 2 + w / -4, m, v"), rule("return 0.5 * g - w * 0.25, m, v")),
    "twice": (rule("return g + g, m, v"), rule("return 2 * g, m, v")),
    "sizes": (rule("return abs(g) * 3 * abs(w), m, v"), rule("return abs(3 * g * w), m, v")),
    "comparison of opposites": (rule("return greater(-g, 0.5) + g, m, v"), rule("return greater(-0.5, g) + g, m, v")),
    "where the condition is turned": (rule("return where(-g, w, g), m, v"), rule("return where(g, w, g), m, v")),
    "exact points": (rule("return g * exp(0) + w * tanh(0), m, v"), rule("return g * cos(0) + w * log(1), m, v")),
    "clip": (rule("return minimum(0.5, maximum(g, -0.5)), m, v"), rule("return clip(g, -0.5, 0.5), m, v")),
    "order of a maximum": (
        rule("return maximum(g, w) * maximum(w, g), m, v"),
        rule("return square(maximum(w, g)), m, v"),
    ),
    "folded": (rule("return g * (1 - beta), m, v"), rule("return g * (1 - 0.9), m, v")),
    "times one": (rule("return 1 * g / 1 - 0, m, v"), rule("return g, m, v")),
    "twin slots": (
        rule("return interp(g, m, 0.9) * v, interp(g, m, 0.9), interp(g, v, 0.9)"),
        rule("return interp(g, m, 0.9) * m, interp(g, m, 0.9), v"),
    ),
    "slots that stay zero": (rule("return g * exp(m), v * beta, -m * -2"), rule("return g, m, v")),
}


@pytest.mark.parametrize("pair", SAME.values(), ids=SAME)
def test_structure_sees_through(pair: tuple[Program, Program]) -> None:
    assert structure(pair[0]) == structure(pair[1])


def test_structure_is_the_same_on_every_machine_and_version() -> None:
    program = rule("m = interp(g, m, beta)", "return m * lr, m, v")
    assert structure(program) == "e88dc98b98ce2b867b570691e5b22a3e"


@pytest.mark.parametrize("name", zoo.names())
def test_known_rules_have_nothing_to_leave_out(name: str) -> None:
    program = zoo.load(name)
    simplified = simplify(program)
    assert prune(program) == program
    assert simplified.states == program.states
    assert simplified.hypers == program.hypers


def test_the_memory_of_earlier_programs_changes_no_answer() -> None:
    forget()
    cold = {name: structure(zoo.load(name)) for name in zoo.names()}
    assert {name: structure(zoo.load(name)) for name in reversed(zoo.names())} == cold


def test_averages_are_one_in_either_order_where_double_precision_says_so() -> None:
    average = rule("return interp(g, w, 0.9), m, v")
    assert structure(rule("return interp(w, g, 1 - 0.9), m, v")) == structure(average)
    assert structure(rule("return interp(w, g, 0.1), m, v")) != structure(average)


def test_a_state_that_stays_zero_keeps_its_shape_where_that_counts() -> None:
    # The mean over a tensor of `lr` and that over its rows are not the same numbers where a library rounds.
    program = rule("return g * mean(lr - m) + norm(v) * w, m * g, v * g", head="w, g, m, v, lr")
    simplified = simplify(program)
    check(simplified)
    assert updates(simplified) == updates(program)
    by_row = rule("return g * mean(lr - m) + norm(v) * w, m * row_mean(g), v * g", head="w, g, m, v, lr")
    assert structure(by_row) != structure(program)


def test_what_gives_a_value_its_shape_is_not_simplified_away() -> None:
    program = rule("return lr - m, m * g, v", head="g, m, v, lr")
    assert simplify(program).states == ("m",)
    assert updates(simplify(program)) == updates(program)


def test_rewrites_are_told_in_the_language() -> None:
    lines = [applied.line for applied in rewrites(rule("m = interp(g, m, beta)", "return m * -1 * lr, m, v"))]
    assert lines == ["interp(x, y, a) = (1 - a) * x + a * y", "x * -1 = -x", "-x * y = -(x * y)"]


def test_known_rules_have_structures_of_their_own() -> None:
    assert len({structure(zoo.load(name)) for name in zoo.names()}) == len(zoo.names())


def test_lion_as_it_was_found_loses_its_dead_half_and_a_state() -> None:
    # Chen et al. 2023, arXiv 2302.06675, Program 8; `minimum` stands in for the clip by global norm.
    raw = rule(
        "g = minimum(g, lr)",
        "m = minimum(m, lr)",
        "v845 = sqrt(0.6270633339881897)",
        "v968 = sign(v)",
        "v968 = v - v",
        "g = arcsin(g)",
        "m = interp(g, v, 0.8999999761581421)",
        "v1 = m * m",
        "v = interp(g, m, 1.109133005142212)",
        "v845 = tanh(v845)",
        "lr = lr * 0.0002171761734643951",
        "update = m * lr",
        "v1 = sqrt(v1)",
        "update = update / v1",
        "wd = lr * 0.4601978361606598",
        "v1 = square(v1)",
        "wd = wd * w",
        "m = cosh(update)",
        "lr = tan(1.4572199583053589)",
        "update = update + wd",
        "lr = cos(v845)",
        "return update, m, v",
        head="w, g, m, v, lr",
    )
    assert len(raw.body) == 21
    simplified = simplify(raw)
    assert len(simplified.body) == 12
    assert simplified.states == ("v",)
    assert "cosh" not in body(simplified)
    assert [instr.name for instr in simplified.body] == [
        *("g", "g", "m", "v1", "v", "lr", "update", "v1", "update", "wd", "wd", "update")
    ]


def test_the_text_of_a_simplified_program_reads_like_the_original() -> None:
    program = rule(
        "unused = exp(g)",
        "m = m * beta + (1 - beta) * g",
        "again = beta * m",
        "v = v",
        "scale = lr * (2 * 0.25)",
        "step = -(-m) / 1 + again + beta * m",
        "return step * scale - v * 0 - 0, m, v",
    )
    assert show(simplify(program)) == (
        "def rule(g, m, lr, *, beta=0.9):\n"
        "    m = interp(g, m, beta)\n"
        "    again = beta * m\n"
        "    scale = lr * 0.5\n"
        "    step = m + again + again\n"
        "    return step * scale, m\n"
    )


CASES: dict[str, tuple[Callable[[Program], object], Program, object]] = {
    "equal hyperparameters stay two": (
        lambda program: [hyper.name for hyper in program.hypers],
        rule("return g * beta + w * gamma, m, v", head="w, g, m, v, *, beta=0.9, gamma=0.9"),
        ["beta", "gamma"],
    ),
    "a hyperparameter is not folded": (body, rule("return g * (1 - beta), m, v"), ["sub", "mul"]),
    "constants fold": (body, rule("return g * sqrt(2 + 2), m, v"), ["mul"]),
    "an infinity does not fold": (body, rule("return g * (1 / 0), m, v"), ["div", "mul"]),
    "a maximum of zeros may depend on the order": (
        body,
        rule("return g + maximum(g, w) * maximum(w, g), m, v"),
        ["maximum", "maximum", "mul", "add"],
    ),
    "twin slots merge into the first": (
        lambda program: program.states,
        rule("m = interp(g, m, beta)", "v = interp(g, v, beta)", "return m + v * lr, m, v"),
        ("m",),
    ),
    "slots that feed each other in the same way merge": (
        lambda program: program.states,
        rule("return g + m + v, v * beta + g, m * beta + g"),
        ("m",),
    ),
    "slots that swap and stay zero go": (lambda program: program.states, rule("return g + m * lr, v, m"), ()),
    "a slot that is different once stays": (lambda program: program.states, rule("return g + m, 1, v"), ("m",)),
    "slots that feed only each other go": (lambda program: program.states, rule("return g, v + g, m + g"), ()),
    "inputs that nothing uses go": (lambda program: program.inputs, rule("return g, m, v"), ("g",)),
}


@pytest.mark.parametrize(("view", "program", "expected"), CASES.values(), ids=CASES)
def test_simplify(view: Callable[[Program], object], program: Program, expected: object) -> None:
    assert view(simplify(program)) == expected
