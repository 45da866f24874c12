"""What a model may answer, as a JSON schema for servers with structured outputs, made from the table and a parent.

Objects stand for edits and lines, as `discovery.llm.edits.from_json` and `rule_from_json` read them. A schema cannot
say which names exist at which line, so that what fits it may still be refused by the parser.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from discovery.llm.edits import EditsError, applied, word
from discovery.llm.listing import Listing, Place, listing
from programs.ir import Program
from programs.ops import OPS

MOST_LINES = 12
_NAMES = tuple(f"x{number}" for number in range(1, 9))

Schema = Mapping[str, Any]


def line(place: Place) -> Schema:
    """One edit of one line, whose number and name are given."""
    fixed = {"line": _one_of([place.line]), "name": _one_of([place.name])}
    edit = _application(place.anchors, [*place.operands, *place.anchors])
    return _object({"edits": _list(_object(fixed | edit), most=1)})


def edits(parent: Program) -> Schema:
    """A few edits: of a line, before a line, of a hyperparameter, or a line left out."""
    shown = listing(parent)
    lines = _one_of(range(1, max(len(shown.lines), 1) + 1))
    assigned = [name for name, _ in shown.lines]
    names = [*shown.positional, *shown.hypers, *assigned, *_NAMES[:2]]
    assignment = {"name": _one_of([*assigned, *_NAMES[:2]])} | _application(names, names)
    choices = [_object({verb: lines} | assignment) for verb in ("line", "insert")]
    choices.append(_object({"delete": lines}))
    if shown.hypers:
        choices.append(_object({"set": _one_of(shown.hypers), "value": {"type": "number"}}))
    return _object({"edits": _list({"anyOf": choices}, most=3)})


def rule(parent: Program) -> Schema:
    """A whole rule with the head of the parent, as its lines and what it returns."""
    shown = listing(parent)
    names = [*shown.positional, *shown.hypers, *_NAMES]
    row = {"name": _one_of([*parent.states, *_NAMES])} | _application(names, names)
    return _object({"lines": _list(_object(row), most=MOST_LINES), "update": _one_of(_NAMES)})


def rule_from_json(answer: Mapping[str, object], shown: Listing, states: Iterable[str]) -> str:
    """The text of the rule that an answer in the form of `rule` stands for.

    Raises:
        EditsError: It is not of that form.
    """
    rows = answer.get("lines")
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "name" in row for row in rows):
        raise EditsError("no list `lines` of objects with a name")
    lines = tuple((word(row["name"]), applied(row)) for row in rows)
    outputs = (word(answer.get("update")), *states)
    return Listing(shown.positional, shown.hypers, lines, outputs).text()


def whole_number(low: int, high: int) -> Schema:
    """A whole number in a range, for answers that are no rule."""
    return _object({"percent": {"type": "integer", "minimum": low, "maximum": high}})


def _application(first: Iterable[str], others: Iterable[str]) -> dict[str, Schema]:
    other = {"anyOf": [_one_of(others), {"type": "number"}]}
    return {"op": _one_of(OPS), "a": _one_of(first), "b": other, "c": other}


def _one_of(values: Iterable[str | int]) -> Schema:
    return {"enum": list(dict.fromkeys(values))}


def _list(items: Schema, most: int) -> Schema:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


def _object(properties: Mapping[str, Any]) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }
