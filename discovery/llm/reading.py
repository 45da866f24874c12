"""From an answer to a program: the one way in, through `programs.parse`. Nothing in an answer is ever executed.

An answer is text of anybody's making: long, nested, in another language, or full of orders. It is cut to what a rule
could be, read as data, and either is a rule or is counted by the reason why it is none.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Literal

from discovery.llm.edits import EditsError, apply, from_json
from discovery.llm.listing import listing
from discovery.llm.schema import rule_from_json
from programs.edit import MAX_INSTRUCTIONS, MAX_STATES
from programs.errors import RuleError
from programs.ir import Program
from programs.parse import parse
from programs.rewrite import prune

Form = Literal["rule", "edit", "line"]

MAX_ANSWER = 32_768
"""Characters; a rule has at most a quarter of this."""
_FENCE = "```"
_SPECIFIC = re.compile(r"'[^']*'|\"[^\"]*\"|\d+")


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says.

    Attributes:
        program: The rule, pruned and called `candidate`; None if it is none.
        reason: Why not, in words to count by: nothing in them depends on the one answer.
        message: The same as the parser says it, with the line and a caret, for whoever is to mend it.
    """

    program: Program | None
    reason: str = ""
    message: str = ""


def read(answer: str, form: Form, parent: Program, *, as_json: bool = False) -> Reading:
    """Read an answer.

    Args:
        answer: As it came.
        form: What was asked for.
        parent: The rule that an edit is of, and whose head an answer in JSON has.
        as_json: Whether it was to be in the form of `discovery.llm.schema`.
    """
    if len(answer) > MAX_ANSWER:
        message = f"The answer has {len(answer)} characters, more than any rule."
        return Reading(None, "too long", message)
    try:
        program = parse(_source(answer, form, parent, as_json=as_json))
    except RuleError as error:
        return Reading(None, countable(error.message), str(error))
    except EditsError as error:
        return Reading(None, countable(str(error)), f"{error}.")
    program = replace(prune(program), name="candidate")
    if len(program.body) > max(MAX_INSTRUCTIONS, len(parent.body)):
        return Reading(None, "too large", f"The rule has {len(program.body)} instructions; {MAX_INSTRUCTIONS} may do.")
    if len(program.states) > max(MAX_STATES, len(parent.states)):
        return Reading(None, "too large", f"The rule has {len(program.states)} state slots; {MAX_STATES} may do.")
    return Reading(program)


def countable(message: str) -> str:
    """A message without what belongs to the single case: quoted words and numbers."""
    first = message.partition(": write")[0].partition("\n")[0]
    return _SPECIFIC.sub("...", first.removesuffix(".")).lower()


def _source(answer: str, form: Form, parent: Program, *, as_json: bool) -> str:
    shown = listing(parent)
    if as_json:
        data = _json(answer)
        if form == "rule":
            return rule_from_json(data, shown, parent.states)
        return apply(from_json(data), shown).text()
    text = _fenced(answer)
    return text if form == "rule" else apply(text, shown).text()


def _json(answer: str) -> dict[str, object]:
    try:
        data = json.loads(answer)
    except (ValueError, RecursionError):
        raise EditsError("no JSON") from None
    if not isinstance(data, dict):
        raise EditsError("no object of JSON")
    return data


def _fenced(answer: str) -> str:
    """What stands in the last fence; all of it where there is none."""
    parts = answer.split(_FENCE)
    if len(parts) < 2:
        return answer
    inside = parts[1::2][-1]
    first, newline, rest = inside.partition("\n")
    return rest if newline and re.fullmatch(r"[ \t]*\w*[ \t]*", first) else inside
