"""How to write in the language what Python, other libraries and papers write otherwise: what an error suggests."""

from __future__ import annotations

from collections.abc import Sequence

from programs.ops import OPS

ELSEWHERE = {
    "addcdiv": "x + c * y / z",
    "addcmul": "x + c * y * z",
    "clamp": "clip(x, low, high)",
    "ema": "interp(x, y, a), which keeps the share a of y",
    "int": "floor(x)",
    "inv": "inverse_root(x, 1, eps)",
    "inv_sqrt": "1 / sqrt(x)",
    "lerp": "interp(x, y, a), which keeps the share a of y",
    "logical_and": "x * y",
    "logical_not": "1 - x",
    "logical_or": "maximum(x, y)",
    "msign": "orthogonalize(x)",
    "newton_schulz": "orthogonalize(x)",
    "pow": "x ** y",
    "relu": "maximum(x, 0)",
    "rsqrt": "1 / sqrt(x)",
    "sgn": "sign(x)",
    "sigmoid": "1 / (1 + exp(-x))",
    "svd": "orthogonalize(x)",
}
"""Operations by the names that they have elsewhere."""
BY_NUMBER = {"max": "maximum(x, y)", "min": "minimum(x, y)", "sum": "x + y", "norm": "sqrt(square(x) + square(y))"}
"""What is meant by a reduction of two arguments."""

_ATTRIBUTES = {
    "T": "transpose(x)",
    "mT": "transpose(x)",
    "shape": "rows(x) and columns(x)",
    "size": "rows(x)",
} | ELSEWHERE
_NOTES = "Notes are written as # comments."
_LOOP = "There are no loops: what goes on from step to step is a state."
_LIST = "There are no lists or tuples: each value has a name of its own."
_PART = "Reductions such as mean(x) take a whole tensor; nothing takes a part of one."
_AND, _OR, _NOT = "Write: x * y, for a condition is 1 or 0.", "Write: maximum(x, y).", "Write: 1 - x."
_PAIRS = {
    "<=": "Write: 1 - greater(x, y).",
    ">=": "Write: 1 - greater(y, x).",
    "==": "Write: where(x - y, 0, 1).",
    "!=": "Write: where(x - y, 1, 0).",
    "//": "Write: floor(x / y).",
}
_INSTEAD = {
    "=": "One = a line; operations take their arguments in order, without names: clip(x, -1, 1).",
    "<": "Write: greater(y, x).",
    ">": "Write: greater(x, y).",
    "%": "Write: x - y * floor(x / y).",
    "and": _AND,
    "&": _AND,
    "or": _OR,
    "|": _OR,
    "not": _NOT,
    "~": _NOT,
    "if": "Write: where(condition, x, y).",
    "for": _LOOP,
    "while": _LOOP,
    "^": "Write: x ** y.",
    "@": "Write: matmul(x, y).",
    ",": _LIST,
    "{": _LIST,
    ":": "Names have no types, and what has a name of its own stands on a line of its own.",
    "\\": "A line goes on as long as a bracket is open.",
    ";": "Write each statement on a line of its own.",
    '"': _NOTES,
    "'": _NOTES,
}
CHARACTERS = {
    "\N{MINUS SIGN}": "Write a plain -.",
    "\N{EN DASH}": "Write a plain -.",
    "\N{MULTIPLICATION SIGN}": "Write: x * y.",
    "\N{MIDDLE DOT}": "Write: x * y.",
    "\N{SUPERSCRIPT TWO}": "Write: x ** 2.",
    "\N{NO-BREAK SPACE}": "Write a plain space.",
    "\N{ZERO WIDTH NO-BREAK SPACE}": "Save the file without a byte-order mark.",
    "\N{REPLACEMENT CHARACTER}": "What stands here is no text in UTF-8. Save the file as plain text.",
}
"""What to write in place of characters that look like plain ones, or like none."""


def instead(words: Sequence[str], at: int) -> str:
    """What to write in place of a word that may not stand where it does; empty if nothing is known of it."""
    word, after = words[at], words[at + 1] if at + 1 < len(words) else ""
    if word == ".":
        return _attribute(after)
    if word == "[":
        return _PART if _is_value(words[at - 1]) else _LIST
    pairs = (_PAIRS.get(pair) for pair in (words[at - 1] + word, word + after))
    return next(filter(None, pairs), _INSTEAD.get(word, ""))


def _attribute(name: str) -> str:
    if name in OPS:
        return f"Operations are called by their bare name: {name}({', '.join('xyz'[: OPS[name].arity])})."
    if name in _ATTRIBUTES:
        return f"Write: {_ATTRIBUTES[name]}."
    return "Operations are called by their bare name: sqrt(x)."


def _is_value(word: str) -> bool:
    return word == ")" or (word.isidentifier() and word != "return")
