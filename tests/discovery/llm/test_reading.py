"""Answers as models write them: with fences and remarks, cut off, in commands, in JSON."""

from __future__ import annotations

import pytest

from discovery.llm.edits import MAX_COMMANDS, EditsError, apply
from discovery.llm.listing import listing
from discovery.llm.reading import countable, read
from programs import zoo
from programs.canon import structure
from programs.edit import MAX_INSTRUCTIONS
from programs.parse import parse

RULE = "def update(w, g, m, lr):\n    m = interp(g, m, 0.9)\n    return sign(m) * lr, m\n"
ADAMW = zoo.load("adamw")
SHOWN = listing(ADAMW)


@pytest.mark.parametrize(
    "answer",
    [
        RULE,
        f"```python\n{RULE}```",
        f"```\n{RULE}\n```\nThis is better because it is.",
        f"First:\n```python\nx = 1\n```\nNo, rather:\n\n```python\n# a rule\n{RULE}```",
        f"\n\n{RULE.replace(chr(10), chr(13) + chr(10))}",
    ],
    ids=["bare", "fenced", "explained", "twice", "of another system"],
)
def test_a_rule_is_found_in_what_surrounds_it(answer: str) -> None:
    program = read(answer, "rule", ADAMW).program
    assert program is not None
    assert (program.name, program.states) == ("candidate", ("m",))


def test_what_a_rule_does_not_need_is_left_out() -> None:
    program = read("def f(w, g, m, lr):\n    x = tanh(w)\n    m = m + g\n    return g * lr, m\n", "rule", ADAMW).program
    assert program is not None
    assert (program.states, len(program.body)) == ((), 1)


def test_a_giant_that_is_a_rule_is_too_large() -> None:
    lines = "".join(f"    g = tanh(g) + 0.{number}\n" for number in range(1, MAX_INSTRUCTIONS + 1))
    assert read(f"def f(w, g, lr):\n{lines}    return g * lr\n", "rule", ADAMW).reason == "too large"


def edited(*commands: str) -> str:
    return apply("\n".join(commands), SHOWN).text()


def test_commands_change_what_they_name_and_count_lines_as_they_were_shown() -> None:
    text = edited(
        "delete 6", "insert 5: n = tanh(m_hat)", "line 5: update = n / (sqrt(v_hat) + eps)", "set beta1 = 0.8"
    )
    wanted = SHOWN.text().splitlines()
    assert wanted[5] == "    update = m_hat / (sqrt(v_hat) + eps)"
    found = text.splitlines()
    assert found[5:7] == ["    n = tanh(m_hat)", "    update = n / (sqrt(v_hat) + eps)"]
    assert found[7] == wanted[7]
    assert "beta1=0.8" in found[0]
    parse(text)


def test_a_new_state_is_returned_and_a_new_hyperparameter_has_a_default() -> None:
    text = edited("state s = maximum(s, abs(g))", "set gamma = 0.5", "line 5: update = m_hat / (s ** gamma + eps)")
    program = parse(text)
    assert program.states == ("m", "v", "s")
    assert [hyper.name for hyper in program.hypers][-1] == "gamma"


def test_a_last_line_is_replaced() -> None:
    assert parse(edited("return sign(m) * lr, m, v")).states == ("m", "v")


def test_remarks_between_commands_do_not_matter() -> None:
    answer = "I would do this:\n```\nline 1: m = interp(g, m, 0.95)\n```\nbecause it is slower."
    program = read(answer, "edit", ADAMW).program
    assert program is not None
    assert structure(program) != structure(ADAMW)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("make it better", "no command"),
        ("delete 99", "...: the lines are numbered from ... to ..."),
        ("state m = g", "...: there is a m already"),
        ("\n".join(["delete 1"] * (MAX_COMMANDS + 1)), "... commands: at most ..."),
        ("line 1: m = interp(g, m)", "interp takes ... arguments, not ..."),
    ],
)
def test_commands_that_cannot_be_have_a_reason_to_count_by(answer: str, reason: str) -> None:
    assert read(answer, "edit", ADAMW).reason == reason


def test_reasons_do_not_depend_on_the_single_case() -> None:
    assert countable("Unknown name 'foo'.") == countable("Unknown name 'bar'.") == "unknown name ..."


def test_json_of_another_form_is_refused_with_a_reason() -> None:
    for answer in (
        "[]",
        "7",
        '{"lines": []}',
        '{"edits": 3}',
        '{"edits": [{"line": 1}]}',
        '{"edits": [{"op": "add"}]}',
    ):
        assert read(answer, "edit", ADAMW, as_json=True).reason
    with pytest.raises(EditsError):
        apply("", SHOWN)


def test_a_rule_in_json_has_the_head_of_its_parent() -> None:
    answer = (
        '{"lines": [{"name": "m", "op": "interp", "a": "g", "b": "m", "c": "beta1"},'
        ' {"name": "v", "op": "maximum", "a": "v", "b": 0.5, "c": 0},'
        ' {"name": "x1", "op": "mul", "a": "m", "b": "lr", "c": 0}], "update": "x1"}'
    )
    program = read(answer, "rule", ADAMW, as_json=True).program
    assert program is not None
    assert (program.states, len(program.body)) == (("m",), 2)
