import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.errors import RuleError
from programs.scan import END, MAX_BYTES, Words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["\n\n"]),
        ("x = -y**2", ["\n", "x", "=", "-", "y", "**", "2", "\n"]),
        ("# note\n\n  x  # note\n", ["\n\n\n  ", "x", "\n\n"]),
        ("x\r\n\ty\rz", ["\n", "x", "\n\t", "y", "\n", "z", "\n"]),
        ("1e-8+.5 1.2.3x 1if", ["\n", "1e-8", "+", ".5", "1.2.3x", "1if", "\n"]),
        ("a.b 'c' ***", ["\n", "a", ".", "b", "'", "c", "'", "**", "*", "\n"]),
    ],
)
def test_a_text_is_words_and_line_breaks_with_indentation(text: str, words: list[str]) -> None:
    *found, last = Words(text).list
    assert [word.replace("# note", "") for word in found] == words
    assert last is END


@given(st.text(st.sampled_from("ab1.*# \t\n\r("), max_size=60))
def test_every_word_is_blamed_where_it_stands(text: str) -> None:
    words = Words(text)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for index, word in enumerate(words.list):
        error = words.error(index, "Wrong.", "Mend it.")
        assert error.source_line == lines[error.line - 1]
        assert 0 <= error.column <= len(error.source_line)
        if word is not END and word[0] != "\n":
            assert error.source_line[error.column :].startswith(word)


@pytest.mark.parametrize("size", [MAX_BYTES + 1, 50 * MAX_BYTES])
def test_too_long_a_text_is_refused_where_it_becomes_too_long(size: int) -> None:
    assert Words("x" * MAX_BYTES).list == ["\n", "x" * MAX_BYTES, "\n", END]
    with pytest.raises(RuleError, match="at most 8192 bytes") as caught:
        Words("a\n" + "x" * (size - 2))
    assert (caught.value.line, caught.value.column) == (2, MAX_BYTES - 2)


@pytest.mark.parametrize(
    "character", ["\0", "\f", "\v", "\x1b", "\x7f", "\x85", "é", "\u2028", "\ufeff", "\ud800", "𝛽"]
)
def test_only_plain_ascii_is_read_and_the_first_other_character_is_named(character: str) -> None:
    with pytest.raises(RuleError, match="plain ASCII") as caught:
        Words(f"x\n  # {character}{character}")
    assert (caught.value.line, caught.value.column) == (2, 4)
    assert ascii(character) in caught.value.message
