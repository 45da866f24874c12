"""Is this a legal program, which of it matters, and what does it cost? Answered without running it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from programs.errors import suggest
from programs.ir import Arg, Const, Instr, Program, Ref, Var
from programs.kinds import Kind
from programs.ops import OPS, Shape


class CheckError(ValueError):
    """A program that breaks a rule of the language.

    Attributes:
        index: The instruction to blame; `len(body)` blames the return line.
    """

    def __init__(self, index: int, message: str, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".rstrip())
        self.index = index
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Cost:
    """What one step of a rule costs.

    Attributes:
        flops_per_weight: Floating-point operations per weight, live instructions only.
        state_tensors: State slots shaped like the weights: extra numbers stored per weight.
        state_numbers: State slots that hold one number per tensor or per model.
        matrix_products: Live instructions that multiply matrices.
    """

    flops_per_weight: float
    state_tensors: int
    state_numbers: int
    matrix_products: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What the check found out.

    Attributes:
        program: What was checked.
        kinds: The kind of each instruction's result.
        state_kinds: The kind of each state slot.
        live: Instructions that the signature's outputs depend on, this step or a later one.
        live_states: State slots that the signature's outputs depend on.
        cost: What one step costs, dead parts left out.
    """

    program: Program
    kinds: tuple[Kind, ...]
    state_kinds: dict[str, Kind]
    live: frozenset[int]
    live_states: frozenset[str]
    cost: Cost

    def kind(self, arg: Arg) -> Kind:
        """The kind of an argument; it may also be an input of the signature that the program does not ask for."""
        return _kind_of(self.program, arg, self.kinds, self.state_kinds)


def check(program: Program) -> Facts:
    """Check names, arities, kinds and dependence.

    Raises:
        CheckError: Names the first instruction that breaks a rule, and why.
    """
    _check_names(program)
    kinds, state_kinds = _infer_kinds(program)
    live, live_names = liveness(program, program.signature_outputs)
    _check_outputs(program, kinds, state_kinds, live_names)
    live_states = frozenset(live_names.intersection(program.states))
    cost = _cost(program, kinds, state_kinds, live, live_states)
    return Facts(program, kinds, state_kinds, live, live_states, cost)


def _check_names(program: Program) -> None:
    head = {*program.inputs, *program.states, *(hyper.name for hyper in program.hypers)}
    if len(head) != len(program.inputs) + len(program.states) + len(program.hypers):
        raise CheckError(0, "Two names in the head are the same.")
    if len(program.outputs) != len(program.signature.outputs) + len(program.states):
        raise CheckError(
            len(program.body),
            f"{len(program.outputs)} values are returned; {program.signature.name}s return "
            f"{', '.join([*program.signature.outputs, *program.states])}.",
        )
    for index, instr in enumerate(program.body):
        if instr.op not in OPS:
            raise CheckError(index, f"Unknown operation {instr.op!r}.", suggest(instr.op, OPS))
        if len(instr.args) != OPS[instr.op].arity:
            raise CheckError(index, f"{instr.op} takes {OPS[instr.op].arity} arguments, not {len(instr.args)}.")
    for index, arg in program.uses():
        if isinstance(arg, Ref) and arg.name not in head:
            raise CheckError(index, f"Unknown name {arg.name!r}.", suggest(arg.name, head))
        if isinstance(arg, Var) and not 0 <= arg.index < index:
            raise CheckError(index, f"Result {arg.index} is used before it exists.")


def _infer_kinds(program: Program) -> tuple[tuple[Kind, ...], dict[str, Kind]]:
    """Kinds of all results; a state starts as a scalar zero and grows until it holds what is returned into it."""
    state_kinds = dict.fromkeys(program.states, Kind.SCALAR)
    while True:
        kinds: list[Kind] = []
        for instr in program.body:
            kinds.append(_result_kind(instr, [_kind_of(program, arg, kinds, state_kinds) for arg in instr.args]))
        grown = {
            name: max(state_kinds[name], _kind_of(program, arg, kinds, state_kinds))
            for name, arg in zip(program.states, program.next_states, strict=True)
        }
        if grown == state_kinds:
            break
        state_kinds = grown
    for index, instr in enumerate(program.body):
        if OPS[instr.op].shape is not Shape.ELEMENTWISE:
            for arg in instr.args:
                kind = _kind_of(program, arg, kinds, state_kinds)
                if kind is not Kind.TENSOR:
                    raise CheckError(index, f"{instr.op} needs a tensor, but is given a {kind}.")
    return tuple(kinds), state_kinds


def _kind_of(program: Program, arg: Arg, kinds: Sequence[Kind], state_kinds: Mapping[str, Kind]) -> Kind:
    if isinstance(arg, Var):
        return kinds[arg.index]
    if isinstance(arg, Const):
        return Kind.SCALAR
    if arg.name in state_kinds:
        return state_kinds[arg.name]
    return program.signature.inputs.get(arg.name, Kind.SCALAR)


def _result_kind(instr: Instr, kinds: list[Kind]) -> Kind:
    match OPS[instr.op].shape:
        case Shape.ELEMENTWISE:
            return max(kinds)
        case Shape.REDUCTION:
            return Kind.PER_TENSOR
        case Shape.MATRIX:
            return Kind.TENSOR


def liveness(program: Program, roots: Iterable[Arg]) -> tuple[frozenset[int], frozenset[str]]:
    """Instructions and head names that `roots` depend on, this step or, through the states, an earlier one."""
    live: set[int] = set()
    names: set[str] = set()
    pending = list(roots)
    while pending:
        arg = pending.pop()
        if isinstance(arg, Var) and arg.index not in live:
            live.add(arg.index)
            pending.extend(program.body[arg.index].args)
        elif isinstance(arg, Ref) and arg.name not in names:
            names.add(arg.name)
            if arg.name in program.states:
                pending.append(program.next_state(arg.name))
    return frozenset(live), frozenset(names)


def _check_outputs(
    program: Program, kinds: tuple[Kind, ...], state_kinds: dict[str, Kind], live_names: frozenset[str]
) -> None:
    end = len(program.body)
    for (name, kind), arg in zip(program.signature.outputs.items(), program.signature_outputs, strict=True):
        found = _kind_of(program, arg, kinds, state_kinds)
        if found is not kind:
            raise CheckError(end, f"The {name} must be a {kind}, but is a {found}.")
    for name in program.signature.required:
        if name not in live_names:
            outputs = ", ".join(program.signature.outputs)
            raise CheckError(end, f"The {outputs} does not depend on {name!r}.", "Dead or constant rules do not learn.")


def _cost(
    program: Program,
    kinds: tuple[Kind, ...],
    state_kinds: dict[str, Kind],
    live: frozenset[int],
    live_states: frozenset[str],
) -> Cost:
    flops = 0.0
    for index in live:
        op = OPS[program.body[index].op]
        if kinds[index] is Kind.TENSOR or op.shape is Shape.REDUCTION:
            flops += op.flops
    tensors = sum(state_kinds[name] is Kind.TENSOR for name in live_states)
    return Cost(
        flops_per_weight=flops,
        state_tensors=tensors,
        state_numbers=len(live_states) - tensors,
        matrix_products=sum(OPS[program.body[index].op].shape is Shape.MATRIX for index in live),
    )
