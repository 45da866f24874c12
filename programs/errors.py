"""What goes wrong with a rule's text: the line, the place in it, and what would be allowed there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RuleError(ValueError):
    """A text that is not a rule of the language.

    Attributes:
        message: What is wrong, in one sentence.
        line: Line number, from 1; 0 where no single line is to blame.
        column: Column number, from 0.
        source_line: The offending line as written.
        hint: What is allowed, or how to mend it; may be empty.
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
        lines = [f"line {self.line}: {self.message}", f"    {self.source_line}", "    " + " " * self.column + "^"]
        return "\n".join([*lines, self.hint] if self.hint else lines)


def suggest(unknown: str, known: Iterable[str]) -> str:
    """One sentence that names the close matches of `unknown`, or else everything `known`."""
    names = sorted(known)
    close = difflib.get_close_matches(unknown, names, n=3)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return f"Known: {', '.join(names)}."
