"""What goes wrong with a rule's text: the line, the place in it, and what would be allowed there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_SHOWN = 100
"""Characters of a long line that are shown around the place."""


class RuleError(ValueError):
    """A text that is not a rule of the language.

    Attributes:
        message: What is wrong, in one sentence.
        line: Line number, from 1; 0 where no text is to blame.
        column: Column number, from 0; at most the length of the line.
        source_line: The offending line as written.
        hint: What is allowed, or how to mend it; may be empty where no text is to blame.
    """

    def __init__(self, message: str, *, line: int = 0, column: int = 0, source_line: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.source_line = source_line
        self.hint = hint

    def __str__(self) -> str:
        if not self.line:
            return "\n".join(filter(None, [self.message, self.hint]))
        source, column = _window(self.source_line, self.column)
        # A tab moves the caret as far as it moves the text above it; what a terminal might obey is not shown as it is.
        caret = "".join("\t" if character == "\t" else " " for character in source[:column]) + "^"
        shown = "".join(c if c == "\t" or (c.isascii() and c.isprintable()) else "?" for c in source)
        lines = [f"line {self.line}: {self.message}", f"    {shown}", f"    {caret}"]
        return "\n".join([*lines, self.hint] if self.hint else lines)


def _window(line: str, column: int) -> tuple[str, int]:
    """The part of a long line around a column, and where the column is in it."""
    if len(line) <= 2 * _SHOWN:
        return line, column
    start = max(column - _SHOWN, 0)
    opening, closing = "..." if start else "", "..." if start + 2 * _SHOWN < len(line) else ""
    return f"{opening}{line[start : start + 2 * _SHOWN]}{closing}", column - start + len(opening)


def suggest(unknown: str, known: Iterable[str]) -> str:
    """One sentence that names the close matches of `unknown`, or else everything `known`."""
    names = sorted(known)
    close = difflib.get_close_matches(unknown, names, n=3)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return f"Known: {', '.join(names)}."
