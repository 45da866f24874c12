"""Files and `--set` options as data with places."""

from __future__ import annotations

from pathlib import Path

import pytest

from discovery.config.file import ConfigError, Document, Place, Problem, dotted, read


def document(tmp_path: Path, text: str) -> Document:
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    return read(path)


def test_a_key_that_is_missing_is_placed_at_the_section_that_lacks_it(tmp_path: Path) -> None:
    found = document(tmp_path, "a: 1\nb:\n  c: 2\n")
    assert found.place(("b", "c")).line == 3
    assert found.place(("b", "d", "e")).line == 2
    assert found.place(("z",)).line == 1


def test_an_override_replaces_one_value_and_takes_the_blame_for_it(tmp_path: Path) -> None:
    found = document(tmp_path, "b:\n  c: 2\n  d: 3\n")
    found.override("b.c=[1e-3, x]")
    assert found.data == {"b": {"c": [0.001, "x"], "d": 3}}
    assert str(found.place(("b", "c", 1))) == "--set b.c=[1e-3, x]"
    assert found.place(("b", "d")).line == 3


def test_an_override_of_a_section_replaces_the_places_of_all_its_keys(tmp_path: Path) -> None:
    found = document(tmp_path, "b:\n  c: 2\n")
    found.override("b={c: 5}")
    assert found.place(("b", "c")) == Place("--set b={c: 5}")


def test_an_override_reaches_into_the_items_of_a_list(tmp_path: Path) -> None:
    found = document(tmp_path, "b:\n- c: 1\n- c: 2\n")
    found.override("b.1.c=3")
    assert found.data == {"b": [{"c": 1}, {"c": 3}]}
    assert str(found.place(("b", 1, "c"))) == "--set b.1.c=3"
    assert found.problems == []


def test_overrides_make_the_sections_they_need_and_the_last_one_wins(tmp_path: Path) -> None:
    found = document(tmp_path, "b:\n")
    found.override("b.c.d=1")
    found.override(" b.c.d = 2 ")
    found.override("b.e=")
    assert found.data == {"b": {"c": {"d": 2}, "e": None}}
    assert found.problems == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("b.c", "--set b.c: expected key.path=value"),
        ("=1", "--set =1: expected key.path=value"),
        ("b..c=1", "--set b..c=1: expected key.path=value"),
        ("b.c.d=1", "--set b.c.d=1: b.c is a value, not a section"),
        ("b.e.f=1", "--set b.e.f=1: b.e is a value, not a section"),
        ("b.e.1=1", "--set b.e.1=1: there is no b.e[1]"),
        ("b.x.0=1", "--set b.x.0=1: there is no b.x[0]"),
        ("b.c=[1", "--set b.c=[1: not YAML: "),
        ("b={x: 1, x: 2}", "--set b={x: 1, x: 2}: b.x: given twice"),
    ],
)
def test_an_override_that_cannot_be_applied_says_so_and_changes_nothing(tmp_path: Path, text: str, said: str) -> None:
    found = document(tmp_path, "b:\n  c: 2\n  e: [1]\n")
    found.override(text)
    assert found.data == {"b": {"c": 2, "e": [1]}}
    (problem,) = found.problems
    assert str(problem).startswith(said)


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        (b"a: 1\n b: 2\n", 2, "not YAML"),
        (b"- a\n- b\n", 1, "expected keys and values"),
        (b"just words", 1, "expected keys and values"),
        (b"a: 1\nb: \xff\n", 2, "not UTF-8"),
        (b"a: &x 1\n", 1, "not supported"),
    ],
)
def test_a_file_without_readable_keys_is_an_error_with_its_line(
    tmp_path: Path, content: bytes, line: int, said: str
) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=said) as caught:
        read(path)
    assert [str(problem.place) for problem in caught.value.problems] == [f"{path}:{line}"]


def test_an_empty_file_and_a_byte_order_mark_are_no_mistakes_of_form(tmp_path: Path) -> None:
    assert document(tmp_path, "# nothing\n").data == {}
    assert document(tmp_path, "\ufeffa: 1\n").data == {"a": 1}


def test_a_missing_file_is_answered_with_the_one_that_was_meant(tmp_path: Path) -> None:
    (tmp_path / "quickstart.yaml").touch()
    with pytest.raises(ConfigError, match=r"quickstrat.yaml: no such file; did you mean .*quickstart.yaml\?"):
        read(tmp_path / "quickstrat.yaml")
    with pytest.raises(ConfigError, match=r"no such file$"):
        read(tmp_path / "nowhere" / "x.yaml")


def test_a_folder_is_not_taken_for_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        read(tmp_path)


def test_errors_list_the_file_from_top_to_bottom_and_then_the_options() -> None:
    places = [Place("--set b=1"), Place("f", 30), Place("--set a=1"), Place("f", 4)]
    error = ConfigError([Problem(place, "k", "wrong") for place in places])
    assert str(error).splitlines() == [
        "f:4: k: wrong",
        "f:30: k: wrong",
        "--set b=1: k: wrong",
        "--set a=1: k: wrong",
    ]


def test_paths_are_written_with_dots_and_brackets() -> None:
    assert dotted(("a", "b", 1, "c")) == "a.b[1].c"
    assert dotted(()) == ""
