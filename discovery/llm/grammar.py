"""What a model may answer, as a grammar for its server (GBNF, as llama.cpp reads it), made from the table and a parent.

Whatever the grammar of a line or of a rule lets through is a legal rule, whatever the model: kinds, names and the
dependence on the gradient are built into it. So a grammar says less than the language can.
"""

from __future__ import annotations

from collections.abc import Iterable

from discovery.llm.listing import Place, listing
from programs.ir import Program
from programs.kinds import Kind
from programs.ops import INFIX, OPS, Shape

MOST_LINES = 8
"""Lines of a whole rule besides those of its states."""
MOST_COMMANDS = 3
_LEAF = '[1-9] | "0." [0-9] [0-9]? [0-9]? | [1-9] "e-" [1-9] | "-" [1-9]'

Rows = dict[str, str]
"""Right-hand sides by name, the root first."""


def elementwise(arity: int) -> list[str]:
    """The operations of so many arguments that work number by number, but for those written as an operator."""
    return [op.name for op in OPS.values() if op.shape is Shape.ELEMENTWISE and op.arity == arity and not op.infix]


def reductions() -> list[str]:
    """The operations that make one number of a tensor."""
    return [op.name for op in OPS.values() if op.shape in (Shape.REDUCTION, Shape.GLOBAL) and op.arity == 1]


def line(place: Place) -> str:
    """The grammar of one command `line N: name = expression` for this place."""
    rows = {"root": f"{_text(f'line {place.line}: {place.name} = ')} expr"}
    tensors = place.tensors if place.kind > Kind.SCALAR else ()
    return _written(rows | _expression("", place.anchors, place.operands, tensors))


def edits(parent: Program) -> str:
    """The grammar of a few commands of `discovery.llm.edits`; whether they make a rule is left to the parser."""
    shown = listing(parent)
    assigned = dict.fromkeys(name for name, _ in shown.lines)
    names = [*dict.fromkeys([*shown.positional, *shown.hypers, *assigned])]
    tensors = [name for name in names if name not in shown.hypers and _may_be_tensor(parent, name)]
    rows = {
        "root": "command" + "".join([' ("\\n" command'] * (MOST_COMMANDS - 1)) + ")?" * (MOST_COMMANDS - 1),
        "command": "assign | insert | delete | set" if shown.hypers else "assign | insert | delete",
        "assign": '"line " at ": " target " = " expr',
        "insert": '"insert " at ": " target " = " expr',
        "delete": '"delete " at',
        "at": _choice(str(at) for at in range(1, max(len(shown.lines), 1) + 1)),
        "target": _choice([*assigned, *(f"x{number}" for number in (1, 2) if f"x{number}" not in assigned)]),
    }
    if shown.hypers:
        rows |= {"set": '"set " hyper " = " number', "hyper": _choice(shown.hypers)}
    return _written(rows | _expression("", tensors, names, tensors))


def rule(parent: Program) -> str:
    """The grammar of a whole rule with the head of the parent; every line works on what depends on the gradient."""
    inputs, states = parent.signature.inputs, parent.states
    tensors = [name for name in parent.inputs if inputs[name] is Kind.TENSOR]
    others = [*(name for name in parent.inputs if name not in tensors), *(hyper.name for hyper in parent.hypers)]
    anchors = [name for name in parent.inputs if name in parent.signature.required]
    head = listing(parent).text().partition("\n")[0]
    rows = {"root": f'{_text(head)} "\\n" {"".join(f"state{at} " for at in range(len(states)))}step1'}
    for at, state in enumerate(states):
        rows[f"state{at}"] = f'{_text(f"    {state} = ")} expr-s{at} "\\n"'
        rows |= _expression(f"-s{at}", anchors, [*tensors, *states, *others], anchors)
        anchors = [*anchors, state]
    for step in range(1, MOST_LINES + 1):
        returned = ", ".join([f"x{step}", *states])
        end = f'{_text(f"    return {returned}")} "\\n"'
        ends = f"({end} | step{step + 1})" if step < MOST_LINES else end
        rows[f"step{step}"] = f'{_text(f"    x{step} = ")} expr-x{step} "\\n" {ends}'
        rows |= _expression(f"-x{step}", anchors, [*tensors, *anchors, *others], anchors)
        anchors = [*anchors, f"x{step}"]
    return _written(rows)


def whole_number(low: int, high: int) -> str:
    """The grammar of a whole number in a range, for answers that are no rule."""
    return _written({"root": _choice(str(value) for value in range(low, high + 1))})


def _expression(suffix: str, anchors: Iterable[str], operands: Iterable[str], tensors: Iterable[str]) -> Rows:
    """What `expr` with this suffix may be: an anchor, or one in an operation with an operand, or that in another."""
    heads, names, reducible = (list(dict.fromkeys(group)) for group in (anchors, operands, tensors))
    part, operand = f"part{suffix}", f"operand{suffix}"
    beside = [f"name{suffix}", "number", f'one "(" name{suffix} ")"']
    rows = {
        f"expr{suffix}": " | ".join(
            [
                part,
                f"{part} infix {operand}",
                f"{operand} infix {part}",
                f'two "(" {part} ", " {operand} ")"',
                f'three "(" {part} ", " {operand} ", " {operand} ")"',
                f'{part} infix "(" {part} infix {operand} ")"',
                f'"(" {part} infix {operand} ")" infix {operand}',
            ]
        ),
        part: f'anchor{suffix} | one "(" anchor{suffix} ")"',
        f"anchor{suffix}": _choice(heads),
        f"name{suffix}": _choice(names),
        "one": _choice(elementwise(1)),
        "two": _choice(elementwise(2)),
        "three": _choice(elementwise(3)),
        "infix": _choice(f" {infix} " for infix in INFIX if infix != "**"),
        "number": _LEAF,
    }
    if reducible:
        beside.append(f'reduce "(" tensor{suffix} ")"')
        rows |= {f"tensor{suffix}": _choice(reducible), "reduce": _choice(reductions())}
    return rows | {operand: " | ".join(beside)}


def _may_be_tensor(parent: Program, name: str) -> bool:
    return parent.signature.inputs.get(name, Kind.TENSOR) is Kind.TENSOR


def _written(rows: Rows) -> str:
    return "\n".join(f"{name} ::= {meaning}" for name, meaning in rows.items())


def _choice(words: Iterable[str]) -> str:
    return " | ".join(map(_text, words))


def _text(words: str) -> str:
    """A terminal; the names and signs of the language hold nothing that would need to be escaped."""
    return f'"{words}"'
