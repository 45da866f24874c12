import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs import zoo
from programs.edit import mutate
from programs.ir import Const, Instr, Program, Ref, Var
from programs.parse import parse
from programs.show import WIDTH, number, show

EXPRESSIONS = [
    "g * lr + w",
    "(g + lr) * w",
    "g - (lr - w)",
    "g - lr - w",
    "g / (lr / w)",
    "g / lr / w * t",
    "g * (lr * w)",
    "-g * lr",
    "-(g * lr)",
    "g * -lr",
    "-(-g)",
    "g - -lr",
    "-g ** lr",
    "(-g) ** lr",
    "g ** (-lr)",
    "g ** (lr ** w)",
    "(g ** lr) ** w",
    "(-2) ** g",
    "-2 * g",
    "g - 2",
    "neg(2) * g",
    "interp(-g, square(w), 1e-8)",
    "-sqrt(g + 1) / lr",
    "1 - 0.9 ** t + g",
]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_brackets_stand_where_they_are_needed_and_nowhere_else(text: str) -> None:
    program = parse(f"def f(w, g, lr, t):\n    return {text}\n")
    assert show(program).splitlines()[1].strip() == f"return {text}"


@pytest.mark.parametrize("name", zoo.names())
def test_a_rule_of_the_zoo_is_shown_in_the_lines_it_is_written_in(name: str) -> None:
    starts = re.compile(r"^    (\w+ =|return)", re.MULTILINE)
    assert starts.findall(show(zoo.load(name))) == starts.findall(zoo.entry(name).text)


@pytest.mark.parametrize("name", ["adam", "adamw", "lion", "momentum", "nesterov", "rmsprop", "sgd", "signum"])
def test_a_rule_in_the_usual_form_is_shown_to_the_letter(name: str) -> None:
    text = zoo.entry(name).text
    assert show(zoo.load(name)) == re.sub("^#.*\n", "", text, flags=re.MULTILINE)


@given(...)
def test_what_is_shown_reads_back_as_the_same_program(program: Program) -> None:
    text = show(program)
    assert parse(text) == program
    assert show(parse(text)) == text


@given(
    program=..., names=st.lists(st.sampled_from(["g", "w", "lr", "s1", "m", "x1", "sqrt", "w0", "_", ""]), min_size=24)
)
def test_names_of_results_never_change_the_meaning(program: Program, names: list[str]) -> None:
    body = tuple(replace(instr, name=name) for instr, name in zip(program.body, names, strict=False))
    named = replace(program, body=body)
    assert parse(show(named)) == program


@given(st.integers(0, 2**32 - 1), st.sampled_from(zoo.names()))
def test_descendants_with_names_and_hyperparameters_read_back_too(seed: int, name: str) -> None:
    child = mutate(zoo.load(name), np.random.default_rng(seed), edits=5).program
    assert parse(show(child)) == child


@given(...)
def test_lines_fit_on_a_page_and_few_results_stand_alone(program: Program) -> None:
    lines = show(program).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert len(lines) <= len(program.body) + 2


def test_a_result_takes_the_name_of_the_state_it_is_for() -> None:
    body = (Instr("interp", (Ref("g"), Ref("m"), Const(0.9))), Instr("sign", (Var(0),)))
    program = Program("f", ("g",), ("m",), (), body, (Var(1), Var(0)))
    assert show(program) == "def f(g, m):\n    m = interp(g, m, 0.9)\n    return sign(m), m\n"


def test_a_name_that_is_still_needed_is_not_taken_from_its_holder() -> None:
    text = "def f(g, m):\n    new = g + m\n    return new * m, new\n"
    program = parse(text)
    renamed = replace(program, body=(replace(program.body[0], name="m"), *program.body[1:]))
    assert show(renamed) == text.replace("new", "x1")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_read_back_to_the_last_bit(value: float) -> None:
    assert float(number(value)) == value


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1"), (0.1, "0.1"), (1e-8, "1e-8"), (-2.5e-12, "-2.5e-12"), (1e22, "1e+22")]
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text
