"""A rule with numbered lines: what a model is shown, and what edits of single lines work on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from programs.check import check, liveness
from programs.ir import Arg, Const, Program, Ref, Var
from programs.kinds import Kind
from programs.show import Printer, number


@dataclass(frozen=True, slots=True)
class Listing:
    """The text of a rule in its parts; what an edit leaves of it need not be a rule.

    Attributes:
        positional: The names before the star.
        hypers: Hyperparameters with the texts of their defaults.
        lines: Name and expression of every assignment.
        outputs: The expressions that are returned.
    """

    positional: tuple[str, ...]
    hypers: Mapping[str, str]
    lines: tuple[tuple[str, str], ...]
    outputs: tuple[str, ...]

    def text(self) -> str:
        """All of it as source, called `candidate`."""
        body = [*(f"{name} = {expression}" for name, expression in self.lines), self._returned()]
        return "\n    ".join([self._head(), *body]) + "\n"

    def numbered(self) -> str:
        """The same for a reader, with a number before every line that an edit can name."""
        width = len(str(len(self.lines)))
        lines = [f"{at:>{width}}: {name} = {expression}" for at, (name, expression) in enumerate(self.lines, 1)]
        margin = " " * (width + 2)
        return "\n".join([self._head(), *(f"    {line}" for line in lines), f"    {margin}{self._returned()}"])

    def _head(self) -> str:
        hypers = ["*", *(f"{name}={default}" for name, default in self.hypers.items())] if self.hypers else []
        return f"def candidate({', '.join([*self.positional, *hypers])}):"

    def _returned(self) -> str:
        return f"return {', '.join(self.outputs)}"


def listing(program: Program) -> Listing:
    """The parts of a legal rule, as `programs.show` writes them, what it returns first on a line of its own."""
    printer = Printer(_named(program))
    statements, outputs = printer.statements()
    pairs = [statement.partition(" = ") for statement in statements]
    return Listing(
        positional=tuple(printer.positional()),
        hypers={hyper.name: number(hyper.default) for hyper in program.hypers},
        lines=tuple((name, expression) for name, _, expression in pairs),
        outputs=tuple(outputs),
    )


@dataclass(frozen=True, slots=True)
class Place:
    """One line of a rule that another expression may take.

    Attributes:
        line: Its number, from 1.
        name: What it assigns.
        kind: Of its value; the new one must have it.
        anchors: Names of that kind, at least one of which the new expression must use so that the rule stays legal.
        operands: Names that may stand beside it.
        tensors: Names that a reduction can take.
    """

    line: int
    name: str
    kind: Kind
    anchors: tuple[str, ...]
    operands: tuple[str, ...]
    tensors: tuple[str, ...]


def places(program: Program) -> list[Place]:
    """The lines of a legal rule for whose expression there is a choice, in order.

    An expression that uses an anchor, and otherwise operands, number by number, has the kind of the line's value, and
    the update of the rule still depends on what it must depend on.
    """
    program = _named(program)
    facts, printer = check(program), Printer(program)
    printer.statements()
    shown = [index for index in range(len(program.body)) if index not in printer.inlined]
    names: dict[str, Arg] = {name: Ref(name) for name in printer.head}
    found = []
    for line, index in enumerate(shown, 1):
        kind = facts.kinds[index]
        cut = _without(program, index)
        _, needed = liveness(cut, cut.signature_outputs)
        severed = [name for name in program.signature.required if name not in needed]
        kinds = {name: facts.kind(arg) for name, arg in names.items()}
        anchors = []
        for name, arg in names.items():
            # A state that this line decides on would take the kind of whatever it is given, and so prove nothing.
            if kinds[name] is not kind or (kind > Kind.SCALAR and name in program.states):
                continue
            if all(must in liveness(cut, [arg])[1] for must in severed):
                anchors.append(name)
        if anchors:
            fitting = (Kind.SCALAR, kind) if kind <= Kind.PER_TENSOR else (Kind.SCALAR, Kind.PER_TENSOR, kind)
            operands = tuple(name for name, other in kinds.items() if other in fitting)
            tensors = tuple(name for name, other in kinds.items() if other is Kind.TENSOR and kind > Kind.SCALAR)
            found.append(Place(line, printer.names[index], kind, tuple(anchors), operands, tensors))
        names[printer.names[index]] = Var(index)
    return found


def _named(program: Program) -> Program:
    """The rule with a name for what it returns first, so that there is a line to edit even where it is one line."""
    update = program.outputs[0]
    if not isinstance(update, Var) or program.body[update.index].name:
        return program
    body = list(program.body)
    body[update.index] = replace(body[update.index], name="update")
    return replace(program, body=tuple(body))


def _without(program: Program, index: int) -> Program:
    """The rule with an instruction that depends on nothing; to follow paths only."""
    body = list(program.body)
    body[index] = replace(body[index], args=tuple(Const(0.0) for _ in body[index].args))
    return replace(program, body=tuple(body))
