"""The edits a search is made of, each a small function that says in a few words what it did.

An operator may leave dead parts behind and may now and then break a rule of the language; `programs.edit.mutate`
leaves the dead parts out, checks, and tries again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from programs.check import Facts, check
from programs.draw import OP_WEIGHTS, OP_WHEEL, RATES, Wheel, perturbed, pick, random_constant
from programs.ir import Arg, Const, Hyper, Instr, Program, Ref, Var
from programs.kinds import Kind
from programs.ops import OPS, Shape
from programs.rewrite import drop_state, fresh_name, graft, insert, prune, set_argument, substitute
from programs.show import number

T = TypeVar("T")

_WRAPPED = 0.6  # share of insertions that work on the value whose place they take
_CONSTANT = 0.2  # share of random arguments that are new constants
_MEMORIES = {"average": 4.0, "sum": 1.0, "maximum": 1.0, "previous": 1.0}
_SIMILAR = {
    (op.arity, op.shape): Wheel(
        {
            name: weight
            for name, weight in OP_WEIGHTS.items()
            if (OPS[name].arity, OPS[name].shape) == (op.arity, op.shape)
        }
    )
    for op in OPS.values()
}


class EditError(ValueError):
    """An edit that cannot be made in this program."""


@dataclass(frozen=True, slots=True)
class Parent:
    """What an operator works on.

    Attributes:
        program: A legal program without dead parts.
        facts: What its check found out.
        donors: Legal programs to take parts from.
    """

    program: Program
    facts: Facts
    donors: Sequence[Program] = ()

    def kind(self, arg: Arg) -> Kind:
        """The kind of an argument."""
        return self.facts.kind(arg)

    def uses(self) -> list[tuple[int, int, Arg]]:
        """Every argument with its instruction and position; that of an output is `len(body)`."""
        rows = [*(instr.args for instr in self.program.body), self.program.outputs]
        return [(index, position, arg) for index, row in enumerate(rows) for position, arg in enumerate(row)]

    def name(self, arg: Arg) -> str:
        """What a reader calls an argument."""
        if isinstance(arg, Const):
            return number(arg.value)
        if isinstance(arg, Ref):
            return arg.name
        instr = self.program.body[arg.index]
        return instr.name or f"{instr.op}(...)"

    def place(self, index: int) -> str:
        """What a reader calls an instruction or, for `len(body)`, the return line."""
        return self.program.body[index].op if index < len(self.program.body) else "return"

    def random_value(self, rng: np.random.Generator, index: int, position: int, op: str) -> Arg:
        """Something that instruction `index` may use as an argument of `op`."""
        tensor = op in OPS and OPS[op].shape is not Shape.ELEMENTWISE
        if not tensor and rng.random() < _CONSTANT:
            return random_constant(rng, op, position)
        program = self.program
        names = [*program.signature.inputs, *program.states, *(hyper.name for hyper in program.hypers)]
        values: list[Arg] = [*map(Ref, names), *map(Var, range(index))]
        return pick(rng, [value for value in values if self.kind(value) is Kind.TENSOR] if tensor else values)


Operator = Callable[[Parent, np.random.Generator], tuple[Program, str]]


def insert_instruction(parent: Parent, rng: np.random.Generator) -> tuple[Program, str]:
    """A new instruction takes the place of one argument, and mostly works on it."""
    index, position, old = pick(rng, parent.uses())
    op = OP_WHEEL.spin(rng)
    args = [parent.random_value(rng, index, i, op) for i in range(OPS[op].arity)]
    if rng.random() < _WRAPPED:
        args[int(rng.random() * len(args))] = old
    program = insert(parent.program, index, [Instr(op, tuple(args))])
    return set_argument(program, index + 1, position, Var(index)), f"insert {op}"


def delete_instruction(parent: Parent, rng: np.random.Generator) -> tuple[Program, str]:
    """An instruction goes: one of its arguments of the same kind takes the place of its result."""
    kinds, body = parent.facts.kinds, parent.program.body
    choices = [(i, arg) for i, instr in enumerate(body) for arg in instr.args if parent.kind(arg) is kinds[i]]
    index, arg = pick(rng, _some(choices, "instruction"))
    return substitute(parent.program, {Var(index): arg}), f"delete {body[index].op}"


def change_argument(parent: Parent, rng: np.random.Generator) -> tuple[Program, str]:
    """One argument or output becomes another value."""
    index, position, old = pick(rng, parent.uses())
    place = parent.place(index)
    new = parent.random_value(rng, index, position, place)
    program = set_argument(parent.program, index, position, new)
    return program, f"{parent.name(old)} -> {parent.name(new)} in {place}"


def change_constant(parent: Parent, rng: np.random.Generator) -> tuple[Program, str]:
    """A constant, or the default of a hyperparameter, changes by a random factor."""
    program = parent.program
    constants = [(index, position, arg.value) for index, position, arg in parent.uses() if isinstance(arg, Const)]
    choices: list[tuple[int, int, float] | Hyper] = [*constants, *program.hypers]
    chosen = pick(rng, _some(choices, "constant"))
    if isinstance(chosen, Hyper):
        new = Hyper(chosen.name, perturbed(rng, chosen.default))
        hypers = tuple(new if hyper == chosen else hyper for hyper in program.hypers)
        return replace(program, hypers=hypers), f"{new.name} {number(chosen.default)} -> {number(new.default)}"
    index, position, old = chosen
    value = perturbed(rng, old)
    name = program.body[index].name if index < len(program.body) else ""
    program = set_argument(program, index, position, Const(value), name)
    return program, f"{number(old)} -> {number(value)} in {parent.place(index)}"


def change_operation(parent: Parent, rng: np.random.Generator) -> tuple[Program, str]:
    """An operation becomes another one that takes the same arguments."""
    body = parent.program.body
    index, old = pick(rng, _some(list(enumerate(body)), "instruction"))
    new = _SIMILAR[OPS[old.op].arity, OPS[old.op].shape].spin(rng)
    changed = (*body[:index], Instr(new, old.args), *body[index + 1 :])
    return replace(parent.program, body=changed), f"{old.op} -> {new}"


def add_state(parent: Parent, rng: np.random.Generator) -> tuple[Program, str]:
    """A value gives way to a memory of it: its running average, sum or maximum, or what it was a step before."""
    uses = [use for use in parent.uses() if parent.kind(use[2]) is not Kind.SCALAR]
    index, position, value = pick(rng, uses)
    name = fresh_name("s", parent.program)
    memory = Wheel(_MEMORIES).spin(rng)
    if memory == "previous":
        stored = value
        program = set_argument(parent.program, index, position, Ref(name))
    else:
        op, rest = {"average": ("interp", (Const(pick(rng, RATES)),)), "sum": ("add", ())}.get(memory, (memory, ()))
        stored = Var(index)
        program = insert(parent.program, index, [Instr(op, (value, Ref(name), *rest))])
        program = set_argument(program, index + 1, position, stored)
    program = replace(program, states=(*program.states, name), outputs=(*program.outputs, stored))
    return program, f"add state {name}: {memory} of {parent.name(value)}"


def remove_state(parent: Parent, rng: np.random.Generator) -> tuple[Program, str]:
    """A state goes: what it stored gives way to what that was made from, and any other use of it reads zero."""
    program = parent.program
    state = pick(rng, _some(program.states, "state"))
    stored = program.next_state(state)
    changes: dict[Arg, Arg] = {Ref(state): Const(0.0)}
    if isinstance(stored, Var):
        kind = parent.kind(stored)
        sources = [arg for arg in program.body[stored.index].args if arg != Ref(state) and parent.kind(arg) is kind]
        if sources:
            changes[stored] = pick(rng, sources)
    return drop_state(substitute(program, changes), state), f"drop state {state}"


def splice(parent: Parent, rng: np.random.Generator) -> tuple[Program, str]:
    """A value gives way to one computed as in a donor, whose states and hyperparameters come along."""
    chosen = prune(pick(rng, _some(parent.donors, "donor")))
    donor = Parent(chosen, check(chosen))
    index, position, old = pick(rng, parent.uses())
    kind = parent.kind(old)
    part = pick(rng, _some([Var(i) for i, other in enumerate(donor.facts.kinds) if other is kind], "part of this kind"))
    program, result = graft(parent.program, index, donor.program, part)
    grown = len(program.body) - len(parent.program.body)
    return set_argument(program, index + grown, position, result), f"splice {donor.name(part)} of {chosen.name}"


OPERATORS: dict[str, Operator] = {
    "insert": insert_instruction,
    "delete": delete_instruction,
    "argument": change_argument,
    "constant": change_constant,
    "operation": change_operation,
    "add_state": add_state,
    "drop_state": remove_state,
    "splice": splice,
}
"""Every operator by name."""


def _some(choices: Sequence[T], what: str) -> Sequence[T]:
    if not choices:
        raise EditError(f"no {what}")
    return choices
