"""Reading and writing plain YAML."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.plain_yaml import dump, parse

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.sampled_from(["1e3", "08", "1:30", "yes", "off", "2024-01-01", "0x1f", "<<", "=", "", "~", ".inf", "- a", "#"])
)
_DATA = st.recursive(_SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text("abc.<~", min_size=1), inner))


@given(_DATA)
def test_what_is_dumped_is_parsed_back_with_the_same_values_and_types(data: Any) -> None:
    parsed = parse(dump(data))
    assert parsed.mistakes == []
    assert repr(parsed.value) == repr(data)


def test_a_value_used_twice_is_written_twice_because_anchors_are_not_read() -> None:
    shared = ["x"]
    assert parse(dump({"a": shared, "b": shared})).value == {"a": ["x"], "b": ["x"]}


@given(st.text(st.sampled_from("ab1:-,[]{}'\"&*!?#|>% \n\t\x00é")) | st.text())
def test_no_text_makes_the_parser_raise(text: str) -> None:
    parsed = parse(text)
    lines = [*parsed.lines.values(), *(mistake.line for mistake in parsed.mistakes)]
    assert all(1 <= line <= len(text.splitlines()) + 1 for line in lines)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1.5E+2", 150.0),
        (".5", 0.5),
        ("-7", -7),
        ("007", 7),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("0x1f", "0x1f"),
        ("on", "on"),
        ("No", "No"),
        ("True", True),
        ("2024-01-01", "2024-01-01"),
        (".inf", ".inf"),
        ("NULL", None),
        ("", None),
        ("'3'", "3"),
        ('"true"', "true"),
        ("'null'", "null"),
        ("9" * 5_000, "9" * 5_000),
    ],
)
def test_scalars_follow_yaml_1_2_and_quotes_make_text(text: str, value: object) -> None:
    assert repr(parse(text).value) == repr(value)


def test_every_key_and_item_has_its_line() -> None:
    parsed = parse("# comment\na: 1\nb:\n  c:\n    - x\n    - {d: 2,\n       e: 3}\n")
    assert parsed.lines == {
        ("a",): 2,
        ("b",): 3,
        ("b", "c"): 4,
        ("b", "c", 0): 5,
        ("b", "c", 1): 6,
        ("b", "c", 1, "d"): 6,
        ("b", "c", 1, "e"): 7,
    }


def test_a_key_given_twice_is_a_mistake_at_its_second_place_and_the_first_value_stays() -> None:
    parsed = parse("a:\n  b: 1\n  c: 2\n  b: 3\n")
    assert parsed.value == {"a": {"b": 1, "c": 2}}
    assert [(bad.line, bad.path, bad.message) for bad in parsed.mistakes] == [
        (4, ("a", "b"), "given twice, first on line 2")
    ]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", 3, "expected ',' or ']'"),
        ("a: 1\n\tb: 2\n", 2, "cannot start any token"),
        ("a: &x 1\nb: *x\n", 1, "anchor 'x'"),
        ("a: 1\nb: !!python/name:os.system ''\n", 2, "tag"),
        ("a: !!int x\n", 1, "tag"),
        ("a: 1\n---\nb: 2\n", 2, "single document"),
        ("a: 1\n? [x, y]\n: 2\n", 2, "single word"),
        ('a: 1\nb: "\\ud800"\n', 2, "surrogate"),
        ("a: \x07\n", 1, "not YAML"),
        ("[" * 1_000 + "]" * 1_000, 1, "nested too deeply"),
    ],
)
def test_what_is_not_plain_yaml_is_a_mistake_with_its_line(text: str, line: int, said: str) -> None:
    (mistake,) = [bad for bad in parse(text).mistakes if bad.line == line]
    assert said in mistake.message
