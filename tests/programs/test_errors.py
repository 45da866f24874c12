import pytest

from programs.errors import RuleError, suggest


def shown(line: str, column: int) -> list[str]:
    return str(RuleError("Wrong.", line=7, column=column, source_line=line, hint="Mend it.")).splitlines()


def test_an_error_without_a_text_is_its_message_and_hint() -> None:
    assert str(RuleError("Wrong.", hint="Mend it.")) == "Wrong.\nMend it."
    assert str(RuleError("Wrong.")) == "Wrong."


def test_the_caret_stands_under_the_place() -> None:
    assert shown("m = g + x", 8) == ["line 7: Wrong.", "    m = g + x", "            ^", "Mend it."]


def test_tabs_move_the_caret_as_they_move_the_text() -> None:
    assert shown("\tm\t= x", 5)[1:3] == ["    \tm\t= x", "    \t \t  ^"]


@pytest.mark.parametrize("column", [0, 99, 100, 101, 500, 899, 900, 999, 1000])
def test_of_a_long_line_the_part_around_the_place_is_shown(column: int) -> None:
    line = "".join(chr(97 + number % 26) for number in range(1000))
    _, source, caret, _ = shown(line, column)
    assert len(source) <= 210
    assert len(caret) <= len(source) + 1
    before = source[4 : len(caret) - 1].removeprefix("...")
    after = source[len(caret) - 1 :].removesuffix("...")
    assert line[:column].endswith(before)
    assert line[column:].startswith(after)


def test_nothing_is_shown_that_a_terminal_would_obey() -> None:
    assert shown("m = \x1b[2J\x9b2J\u202eg", 4)[1] == "    m = ?[2J?2J?g"


@pytest.mark.parametrize(
    ("unknown", "sentence"),
    [("bet", "Did you mean beta?"), ("sqr", "Did you mean sqrt or square?"), ("zzz", "Known: beta, sqrt, square.")],
)
def test_a_suggestion_names_what_is_close_or_else_everything(unknown: str, sentence: str) -> None:
    assert suggest(unknown, {"square", "sqrt", "beta"}) == sentence
