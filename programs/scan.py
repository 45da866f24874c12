"""Text to words, in one pass whose time and memory are proportional to the text, and places in the text for errors.

Python's own parser is not used: on nested text it needs stack in proportion, and where a thread has little of that the
whole process dies.
"""

from __future__ import annotations

import itertools
import re

from programs.errors import RuleError
from programs.hints import CHARACTERS

MAX_BYTES = 8192
END = "end of text"
"""The last word, after a last line break; no text contains it as one word."""

_FORBIDDEN = re.compile(r"[^\n\t -~]")
_WORD = re.compile(
    r"[ \t]*+(?:#[^\n]*+)?+"  # in front of a word, and no part of it
    r"("
    r"[A-Za-z_]\w*+"
    r"|(?:\n[ \t]*+(?:#[^\n]*+)?+)++"  # line breaks, with empty lines and the next line's indentation
    r"|\.?[0-9](?:[eE][+-]|[\w.])*+"  # a number, and all that clings to it
    r"|\*\*|[^ \t]"
    r")",
    re.ASCII,
)
"""Nothing that has matched is ever tried again, so that the time is proportional to the text."""


class Words:
    """The words of a text, each line break with the indentation that follows it, and finally `END`.

    Raises:
        RuleError: The text is too long, or not plain ASCII.
    """

    def __init__(self, text: str) -> None:
        self._text = "\n" + text[:MAX_BYTES].replace("\r\n", "\n").replace("\r", "\n") + "\n"
        forbidden = _FORBIDDEN.search(self._text)
        if forbidden:
            message = f"A rule is plain ASCII text, notes too, but this is {forbidden[0]!a}."
            hint = CHARACTERS.get(forbidden[0], "Names are made of the letters a to z, digits and _.")
            raise self._error_at(forbidden.start(), message, hint)
        if len(text) > MAX_BYTES:  # one byte for each character by now
            message = f"A rule is at most {MAX_BYTES} bytes long."
            raise self._error_at(len(self._text) - 1, message, "Leave out comments, or what the update does not need.")
        self.list: list[str] = [*_WORD.findall(self._text), END]

    def __len__(self) -> int:
        return len(self._text)

    def error(self, index: int, message: str, hint: str) -> RuleError:
        """An error that blames the word at `index`; a line break is blamed where it stands."""
        match = next(itertools.islice(_WORD.finditer(self._text), index, None), None)
        return self._error_at(match.start(1) if match else len(self._text) - 1, message, hint)

    def _error_at(self, position: int, message: str, hint: str) -> RuleError:
        lines = self._text[:position].split("\n")
        line = max(len(lines) - 1, 1)
        source = self._text.split("\n")[line]
        return RuleError(message, line=line, column=len(lines[-1]), source_line=source, hint=hint)
