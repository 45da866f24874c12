"""Is this a legal program, which of it matters, and what does it cost? Answered without running it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter

from programs.errors import suggest
from programs.ir import Arg, Program, Ref, Var
from programs.kinds import Kind, join, product
from programs.ops import OPS, Op, Shape

_BROADCASTING = (Shape.ELEMENTWISE, Shape.REDUCTION, Shape.GLOBAL)
_AXIS_NAMES = {"1": "1", "r": "rows", "c": "columns"}
_NOUNS = {
    Kind.PER_TENSOR: " value",
    Kind.PER_ROW: " value",
    Kind.PER_COLUMN: " value",
    Kind.ROW_SQUARE: " matrix",
    Kind.COLUMN_SQUARE: " matrix",
    Kind.TRANSPOSED: " tensor",
}


class CheckError(ValueError):
    """A program that breaks a rule of the language.

    Attributes:
        index: The instruction to blame; `len(body)` blames the return line.
        reason: The kind of mistake, in a few words, to count by.
    """

    def __init__(self, index: int, message: str, hint: str = "", reason: str = "malformed") -> None:
        super().__init__(f"{message} {hint}".rstrip())
        self.index = index
        self.message = message
        self.hint = hint
        self.reason = reason


NOMINAL_SIDE = 64
"""Costs are stated for one parameter of 64 x 64, where they depend on the shape."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one step of a rule costs, for a parameter of `NOMINAL_SIDE` rows and columns; live instructions only.

    Attributes:
        flops_per_weight: Floating-point operations per weight.
        traffic_per_weight: Numbers read and written per weight, as if nothing stayed in a cache.
        state_tensors: State slots that hold a matrix per parameter.
        memory_per_weight: Numbers kept per weight from step to step: states of every kind, and inputs such as `w0`.
        gradients: Evaluations of the gradient per step, or what costs as much.
        matrix_products: Instructions that multiply or decompose matrices.
    """

    flops_per_weight: float
    traffic_per_weight: float
    state_tensors: int
    memory_per_weight: float
    gradients: float
    matrix_products: int


@dataclass(frozen=True)
class Facts:
    """What the check found out.

    Attributes:
        program: What was checked.
        kinds: The kind of each instruction's result.
        state_kinds: The kind of each state slot.
        live: Instructions that the signature's outputs depend on, this step or a later one.
        live_names: Names in the head that the signature's outputs depend on.
    """

    program: Program
    kinds: tuple[Kind, ...]
    state_kinds: dict[str, Kind]
    live: frozenset[int]
    live_names: frozenset[str]

    def kind(self, arg: Arg) -> Kind:
        """The kind of an argument; it may also be an input of the signature that the program does not ask for."""
        if type(arg) is Var:
            return self.kinds[arg.index]
        if not isinstance(arg, Ref):
            return Kind.SCALAR
        if arg.name in self.state_kinds:
            return self.state_kinds[arg.name]
        return self.program.signature.inputs.get(arg.name, Kind.SCALAR)

    @property
    def live_states(self) -> frozenset[str]:
        """State slots that the signature's outputs depend on."""
        return self.live_names.intersection(self.program.states)

    @cached_property
    def cost(self) -> Cost:
        """What one step costs, dead parts left out."""
        flops = traffic = 0.0
        products = 0
        for index in self.live:
            instr = self.program.body[index]
            op = OPS[instr.op]
            share = max(_SHARES[kind] for kind in (self.kinds[index], *map(self.kind, instr.args)))
            flops += share * (op.flops + op.side_flops * NOMINAL_SIDE)
            traffic += share * op.traffic
            products += op.side_flops > 0
        states = [self.state_kinds[name] for name in self.program.states if name in self.live_names]
        costs = self.program.signature.costs
        inputs = [costs[name] for name in sorted(self.live_names) if name in costs]
        return Cost(
            flops_per_weight=flops,
            traffic_per_weight=traffic,
            state_tensors=sum(_SHARES[kind] == 1.0 for kind in states),
            memory_per_weight=sum(_SHARES[kind] for kind in states) + sum(cost.memory for cost in inputs),
            gradients=1.0 + sum(cost.gradients for cost in inputs),
            matrix_products=products,
        )


def check(program: Program) -> Facts:
    """Check names, arities, kinds and dependence.

    Raises:
        CheckError: Names the first instruction that breaks a rule, and why.
    """
    latest = _LATEST[0]
    if latest is not None and latest.program is program:
        return latest
    kinds, state_kinds = _infer_kinds(program, *_places(program))
    live, live_names = liveness(program, program.signature_outputs)
    facts = Facts(program, kinds, state_kinds, live, live_names)
    _check_outputs(facts)
    _LATEST[0] = facts
    return facts


_LATEST: list[Facts | None] = [None]
"""The last answer: whoever edits a program checks it, and it is checked again when it is run."""


_Kinds = Kind | tuple[Kind, ...]
"""Those of some arguments, as `itemgetter` returns them: the kind itself where there is only one."""


class _Results(dict[_Kinds, Kind | str]):
    """The kinds of an operation's results by those of its arguments, or what is wrong with these, in words."""

    def __init__(self, op: Op) -> None:
        super().__init__()
        self.op = op

    def __missing__(self, kinds: _Kinds) -> Kind | str:
        found = self[kinds] = result_kind(self.op, kinds if isinstance(kinds, tuple) else (kinds,))
        return found


_RESULTS = {name: _Results(op) for name, op in OPS.items()}

_Row = tuple[_Results, Callable[[Sequence[Kind]], _Kinds]]
"""An instruction: the kinds of its operation's results, and what finds those of its arguments among all kinds."""


def _places(program: Program) -> tuple[list[_Row], list[int]]:
    """Where the kinds of all arguments are found: of each instruction, then of the outputs.

    Place 0 is that of constants and hyperparameters; the inputs, the states and the results follow.
    """
    names = dict.fromkeys([hyper.name for hyper in program.hypers], 0)
    names |= {name: place for place, name in enumerate((*program.inputs, *program.states), start=1)}
    first = 1 + len(program.inputs) + len(program.states)
    if len(names) + 1 != first + len(program.hypers):
        raise CheckError(0, "Two names in the head are the same.")
    if len(program.outputs) != len(program.signature.outputs) + len(program.states):
        count = len(program.outputs)
        raise CheckError(
            len(program.body),
            f"{count} value{' is' if count == 1 else 's are'} returned; {program.signature.name}s return "
            f"{', '.join([*program.signature.outputs, *program.states])}.",
        )
    rows: list[_Row] = []
    for index, instr in enumerate(program.body):
        results = _RESULTS.get(instr.op)
        if results is None:
            raise CheckError(index, f"Unknown operation {instr.op!r}.", suggest(instr.op, OPS))
        if len(instr.args) != results.op.arity:
            raise CheckError(index, f"{instr.op} takes {results.op.arity} arguments, not {len(instr.args)}.")
        rows.append((results, itemgetter(*_places_of(instr.args, index, names, first))))
    return rows, _places_of(program.outputs, len(rows), names, first)


def _places_of(args: Iterable[Arg], index: int, names: Mapping[str, int], first: int) -> list[int]:
    places = []
    for arg in args:
        if type(arg) is Var:
            if not 0 <= arg.index < index:
                raise CheckError(index, f"Result {arg.index} is used before it exists.")
            places.append(first + arg.index)
        elif type(arg) is Ref:
            place = names.get(arg.name)
            if place is None:
                raise CheckError(index, f"Unknown name {arg.name!r}.", suggest(arg.name, names))
            places.append(place)
        else:
            places.append(0)
    return places


def _infer_kinds(
    program: Program, rows: Sequence[_Row], outputs: Sequence[int]
) -> tuple[tuple[Kind, ...], dict[str, Kind]]:
    """Kinds of all results; a state starts as a scalar zero and grows until it holds what is returned into it."""
    inputs = [program.signature.inputs.get(name, Kind.SCALAR) for name in program.inputs]
    state_kinds = dict.fromkeys(program.states, Kind.SCALAR)
    while True:
        kinds = [Kind.SCALAR, *inputs, *state_kinds.values()]
        first = len(kinds)
        mistake: CheckError | None = None
        for results, among in rows:
            kind = results[among(kinds)]
            if type(kind) is str:
                text = f"{results.op.name} {kind}."
                mistake = mistake or CheckError(len(kinds) - first, text, reason="kinds do not fit")
                kind = Kind.SCALAR
            kinds.append(kind)  # type: ignore[arg-type]  # no text any more
        grown = {}
        for name, place in zip(program.states, outputs[len(program.signature.outputs) :], strict=True):
            kept = join((state_kinds[name], kinds[place]))
            if kept is None:
                text = f"The state {name} is {_one(state_kinds[name])}, but {_one(kinds[place])} is returned into it."
                raise CheckError(len(program.body), text, reason="kinds do not fit")
            grown[name] = kept
        if grown == state_kinds:
            break
        state_kinds = grown
    # Only now: what is too small for an operation may have been a state that had not yet grown.
    if mistake is not None:
        raise mistake
    return tuple(kinds[first:]), state_kinds


def result_kind(op: Op, kinds: Sequence[Kind]) -> Kind | str:
    """The kind of an operation's result, or what is wrong with its arguments in words that follow its name."""
    first, *rest = kinds
    if op.shape in _BROADCASTING:
        joined = join(kinds)
        if joined is None:
            return _mismatch("cannot broadcast", kinds)
        if op.shape is Shape.ELEMENTWISE:
            return joined
        first = joined if all(kinds) else Kind.SCALAR
    if op.shape is Shape.PRODUCT:
        multiplied = product(first, rest[0])
        return _mismatch("cannot multiply", kinds) if multiplied is None else multiplied
    if op.shape in (Shape.RESCALING, Shape.SQUARE) and any(rest):
        return f"needs scalars after its first argument, but is given {_listed(rest)}"
    if first is Kind.SCALAR:
        return f"needs a tensor, but is given {_listed(kinds)}"
    match op.shape:
        case Shape.REDUCTION | Shape.SIZE:
            return Kind.PER_TENSOR
        case Shape.BY_ROW:
            return first.by_row
        case Shape.BY_COLUMN:
            return first.by_column
        case Shape.GLOBAL:
            return Kind.SCALAR
        case Shape.TRANSPOSE:
            return first.transposed
        case Shape.SQUARE if first is not first.transposed:
            return f"needs a square matrix, but is given {_one(first)}"
    return first


def _mismatch(what: str, kinds: Iterable[Kind]) -> str:
    shapes = (f"{_one(kind)} ({' x '.join(_AXIS_NAMES[axis] for axis in kind.axes) or 'one number'})" for kind in kinds)
    return f"{what} {' and '.join(shapes)}"


def _listed(kinds: Iterable[Kind]) -> str:
    return " and ".join(map(_one, kinds))


def _one(kind: Kind) -> str:
    return f"a {kind}{_NOUNS.get(kind, '')}"


def liveness(program: Program, roots: Iterable[Arg]) -> tuple[frozenset[int], frozenset[str]]:
    """Instructions and head names that `roots` depend on, this step or, through the states, an earlier one."""
    live: set[int] = set()
    names: set[str] = set()
    body, nexts = program.body, dict(zip(program.states, program.next_states, strict=True))
    pending = list(roots)
    while pending:
        arg = pending.pop()
        if type(arg) is Var:
            if arg.index not in live:
                live.add(arg.index)
                pending += body[arg.index].args
        elif type(arg) is Ref and arg.name not in names:
            names.add(arg.name)
            if arg.name in nexts:
                pending.append(nexts[arg.name])
    return frozenset(live), frozenset(names)


def _check_outputs(facts: Facts) -> None:
    program, signature = facts.program, facts.program.signature
    for (name, kind), output in zip(signature.outputs.items(), program.signature_outputs, strict=True):
        found = facts.kind(output)
        if found is not kind:
            text = f"The {name} must be {_one(kind)}, but is {_one(found)}."
            hint = "A tensor has one number for each weight, as g has." if kind is Kind.TENSOR else ""
            raise CheckError(len(program.body), text, hint, reason="output of the wrong kind")
    for name in signature.required:
        if name not in facts.live_names:
            text = f"The {', '.join(signature.outputs)} does not depend on {name!r}."
            hint = "Dead or constant rules do not learn."
            raise CheckError(len(program.body), text, hint, reason=f"no path from {name}")


_SHARES = {
    kind: NOMINAL_SIDE ** (len(kind.axes.replace("1", "")) - 2.0) if kind > Kind.PER_TENSOR else 0.0 for kind in Kind
}
