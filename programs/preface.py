"""The docstring of an exported file: the rule as written, in words and in LaTeX, its learning rate, its evidence."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from programs.ir import Program
from programs.latex import equations
from programs.show import show
from programs.words import learning_rate_advice, words

WIDTH = 120
"""Longest line of an exported file where names allow it."""


def preface(program: Program, title: str, facts: Sequence[str], notes: Sequence[str], advice: str) -> str:
    """The docstring, quotes and all.

    Args:
        program: The rule as it was found.
        title: The first sentence.
        facts: Paragraphs about this file in particular.
        notes: Paragraphs from whoever exports: where the rule comes from, how it scored.
        advice: What is known about the learning rate; if empty, how long its steps are beside AdamW's.
    """
    rule = show(program).rstrip()
    meaning = "It computes what is subtracted from the weights `w`, given their gradient `g`"
    meaning += ", and the next value of each state; states start at zero." if program.states else "."
    if "interp(" in rule:
        meaning += " Here interp(x, y, a) is (1 - a) * x + a * y."
    formulas = [r"\begin{gathered}", *(rf"{line} \\" for line in equations(program)), r"\end{gathered}"]
    paragraphs = [
        wrapped(title),
        textwrap.indent(rule, "    "),
        wrapped(" ".join([meaning, *words(program)])),
        "\n".join(wrapped(line, "    ", "        ") for line in formulas),
        wrapped(f"Learning rate. {_printable(advice or learning_rate_advice(program))}"),
        *map(wrapped, facts),
        *(wrapped(_printable(note)) for note in notes),
    ]
    return 'r"""' + "\n\n".join(paragraphs) + '\n"""'


def _printable(text: str) -> str:
    """A text that may stand in a raw docstring."""
    return "".join(character if character.isprintable() else " " for character in text).replace('"""', "'''")


def wrapped(text: str, indent: str = "", hanging: str = "") -> str:
    """A paragraph in lines that fit."""
    return textwrap.fill(
        text, WIDTH, initial_indent=indent, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False
    )


def indented(blocks: Iterable[str], spaces: int) -> list[str]:
    """Blocks of lines, further to the right."""
    return [textwrap.indent(block, " " * spaces) for block in blocks]


def comprehension(opening: str, element: str, clause: str, closing: str, width: int) -> str:
    """`opening element clause closing` in as many lines as a formatter would give it."""
    inner = f"{element} {clause}"
    if len(opening) + len(inner) + len(closing) <= width:
        return f"{opening}{inner}{closing}"
    lines = [inner] if len(inner) + 4 <= width else [element, clause]
    return "\n".join([opening, *indented(lines, 4), closing])
