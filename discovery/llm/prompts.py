"""Prompts: plain text files of `discovery/prompts` with blanks to fill, so that anybody can read and change them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from string import Template
from typing import Literal

from programs.ops import OPS
from programs.table import Row, rows

Message = Mapping[str, str]

_NAMED = {
    "interp": "x, y, a",
    "clip": "x, low, high",
    "where": "condition, x, y",
    "clip_by_global_norm": "x, c",
    "inverse_root": "x, p, eps",
}
_ANYTHING = next(row.takes for row in rows() if row.name == "sqrt")


def message(role: Literal["system", "user", "assistant"], content: str) -> Message:
    """One message of a conversation."""
    return {"role": role, "content": content}


def fill(name: str, blanks: Mapping[str, str]) -> str:
    """The prompt in a file with its blanks filled; what is empty leaves no gap.

    Raises:
        KeyError: The file has a blank that is not among `blanks`.
    """
    filled = Template(_text(name)).substitute(blanks)
    return re.sub(r"\n{3,}", "\n\n", filled).strip("\n")


def choices(name: str) -> Sequence[str]:
    """The lines of a file of which one is drawn at a time."""
    return [line for line in _text(name).splitlines() if line]


@cache
def operations(detail: Literal["full", "names", "none"]) -> str:
    """The table of operations, in as many words as a model is given."""
    match detail:
        case "none":
            return ""
        case "names":
            return f"- The operations: {', '.join(op.name for op in OPS.values() if not op.infix)}.\n"
    lines = [f"{row.name}({_arguments(row)}): {row.doc}{_restriction(row)}" for row in rows() if not row.infix]
    return "\nThe operations:\n" + "\n".join(lines) + "\n"


@cache
def _text(name: str) -> str:
    return resources.files("discovery").joinpath("prompts", f"{name}.txt").read_text(encoding="utf-8")


def _arguments(row: Row) -> str:
    """By the names that the table's own explanations give them."""
    return _NAMED.get(row.name, ", ".join("xyz"[: row.arity]))


def _restriction(row: Row) -> str:
    """What it takes, where that is not anything."""
    return "" if row.takes == _ANYTHING else f"; takes {row.takes}"
