"""The edit language: a rule changed by a few commands, one a line, so that a model need not write it all again.

    line N: NAME = EXPRESSION       in place of line N
    insert N: NAME = EXPRESSION     before line N
    delete N
    set NAME = NUMBER               the default of a hyperparameter, which is made where there is none
    state NAME = EXPRESSION         one more state slot: zero at first, then what the expression gave the step before
    return EXPRESSION, EXPRESSION   in place of the last line

Numbers of lines are those of the rule as it was shown, whatever commands come before. What a command leaves need not be
a rule: `programs.parse` decides on that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from discovery.llm.listing import Listing
from programs.ops import OPS

MAX_COMMANDS = 12
_COMMAND = re.compile(
    r"(?P<verb>line|insert)\s+(?P<at>\d{1,4})\s*:\s*(?P<name>\w+)\s*=(?!=)\s*(?P<value>.+)"
    r"|delete\s+(?:line\s+)?(?P<gone>\d{1,4})"
    r"|(?P<head>set|state)\s+(?P<named>\w+)\s*=(?!=)\s*(?P<given>.+)"
    r"|return\s+(?P<outputs>.+)",
    re.ASCII,
)


class EditsError(ValueError):
    """Commands that cannot be read or make no sense here; the message quotes the first one to blame."""


def apply(text: str, shown: Listing) -> Listing:
    """What commands make of a rule; lines that hold no command are remarks.

    Raises:
        EditsError: There is no command, too many, or one that names what is not there.
    """
    commands = [match for line in text.splitlines() if (match := _COMMAND.fullmatch(line.strip().strip("`")))]
    if not commands:
        raise EditsError("no command: write, for instance, a line that begins with `line`, `insert`, `delete` or `set`")
    if len(commands) > MAX_COMMANDS:
        raise EditsError(f"{len(commands)} commands: at most {MAX_COMMANDS}")
    lines: list[list[tuple[str, str]]] = [[line] for line in shown.lines]
    inserted: dict[int, list[tuple[str, str]]] = {}
    positional, hypers, outputs = list(shown.positional), dict(shown.hypers), list(shown.outputs)
    tail: list[tuple[str, str]] = []
    for command in commands:
        part = command.groupdict()
        if part["verb"]:
            at = _line(part["at"], command[0], len(lines) + (part["verb"] == "insert"))
            assignment = part["name"], part["value"].strip()
            if part["verb"] == "insert":
                inserted.setdefault(at, []).append(assignment)
            else:
                lines[at] = [assignment]
        elif part["gone"]:
            lines[_line(part["gone"], command[0], len(lines))] = []
        elif part["head"] == "set":
            hypers[part["named"]] = part["given"].strip()
        elif part["head"] == "state":
            if part["named"] in (*positional, *hypers):
                raise EditsError(f"{command[0]!r}: there is a {part['named']} already")
            positional.append(part["named"])
            tail.append((part["named"], part["given"].strip()))
            outputs.append(part["named"])
        else:
            outputs = [part["outputs"].strip()]
    merged = [each for at, line in enumerate([*lines, []]) for each in (*inserted.get(at, []), *line)]
    return replace(shown, positional=tuple(positional), hypers=hypers, lines=(*merged, *tail), outputs=tuple(outputs))


def from_json(answer: Mapping[str, object]) -> str:
    """The commands that an answer in JSON stands for, in the form of `discovery.llm.schema`.

    Raises:
        EditsError: It is not of that form.
    """
    edits = answer.get("edits")
    if not isinstance(edits, list) or not all(isinstance(edit, dict) for edit in edits):
        raise EditsError("no list `edits` of objects")
    return "\n".join(_command(edit) for edit in edits)


def applied(part: Mapping[str, object]) -> str:
    """The application of an operation that an object with `op`, `a`, `b` and `c` stands for.

    Raises:
        EditsError: A part is missing.
    """
    op = OPS.get(str(part.get("op")))
    if op is None:
        raise EditsError(f"unknown operation {str(part.get('op'))[:40]!r}")
    args = [part.get(name) for name in "abc"[: op.arity]]
    if None in args:
        raise EditsError(f"{op.name} takes {op.arity} arguments")
    return f"{op.name}({', '.join(map(word, args))})"


def word(value: object) -> str:
    """A name or a number of an answer in JSON as it goes into a text; anything else would be a way around the schema.

    Raises:
        EditsError: It is neither.
    """
    text = f"{value:.10g}" if isinstance(value, float) else str(value)
    if not re.fullmatch(r"-?[\w.]+(?:e[+-]?\d+)?", text, re.ASCII):
        raise EditsError(f"{text[:40]!r} is neither a name nor a number")
    return text


def _command(edit: Mapping[str, object]) -> str:
    try:
        if edit.get("set") is not None:
            return f"set {word(edit['set'])} = {word(edit['value'])}"
        if edit.get("delete") is not None:
            return f"delete {word(edit['delete'])}"
        verb = "insert" if edit.get("insert") is not None else "line"
        return f"{verb} {word(edit[verb])}: {word(edit['name'])} = {applied(edit)}"
    except KeyError as error:
        raise EditsError(f"an edit without {error}") from None


def _line(text: str, command: str, count: int) -> int:
    at = int(text) - 1
    if not 0 <= at < count:
        raise EditsError(f"{command[:80]!r}: the lines are numbered from 1 to {count}")
    return at
