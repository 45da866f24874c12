"""The edits a search is made of, each a small function that says in a few words what it did.

An operator may leave dead parts behind and may now and then break a rule of the language; `programs.edit.mutate`
leaves the dead parts out, checks, and tries again.
"""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import TypeVar

import numpy as np

from programs.check import Facts, check, result_kind
from programs.draw import OP_WEIGHTS, OP_WHEEL, RATES, Wheel, perturbed, pick, random_constant
from programs.ir import Arg, Const, Hyper, Instr, Program, Ref, Var
from programs.kinds import Kind
from programs.ops import OPS, Op, Shape
from programs.rewrite import drop_state, fresh_name, graft, insert, prune, set_argument, substitute
from programs.show import number

T = TypeVar("T")

_WRAPPED = 0.6  # share of insertions that work on the value whose place they take
_CONSTANT = 0.2  # share of random arguments that are new constants
_TRIES = 8  # to find arguments of the right kinds
_MEMORIES = {"average": 4.0, "sum": 1.0, "maximum": 1.0, "previous": 1.0}
_FAMILIES = {Shape.GLOBAL: Shape.REDUCTION, Shape.BY_ROW: Shape.REDUCTION, Shape.BY_COLUMN: Shape.REDUCTION}
"""What an operation may become that does the same to more or fewer numbers at once: `row_norm` to `norm`."""


def _family(op: Op) -> tuple[int, Shape]:
    return op.arity, _FAMILIES.get(op.shape, op.shape)


_SIMILAR = {
    family: Wheel({name: weight for name, weight in OP_WEIGHTS.items() if _family(OPS[name]) == family})
    for family in map(_family, OPS.values())
}


class EditError(ValueError):
    """An edit that cannot be made in this program."""


@dataclass(frozen=True)
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

    @property
    def rows(self) -> list[tuple[Arg, ...]]:
        """The arguments of every instruction, then the outputs."""
        return [*[instr.args for instr in self.program.body], self.program.outputs]

    def uses(self) -> list[tuple[int, int, Arg]]:
        """Every argument with its instruction and position; that of an output is `len(body)`."""
        return [(index, position, arg) for index, row in enumerate(self.rows) for position, arg in enumerate(row)]

    def random_use(self, rng: np.random.Generator) -> tuple[int, int, Arg]:
        """One of `uses`, all equally likely."""
        rows = self.rows
        ends = list(accumulate(map(len, rows), initial=0))
        place = int(rng.random() * ends[-1])
        index = bisect(ends, place) - 1
        position = place - ends[index]
        return index, position, rows[index][position]

    def uses_of(self, kind: Kind) -> list[tuple[int, int, Arg]]:
        """The uses of values of one kind."""
        return [use for use in self.uses() if self.kind(use[2]) is kind]

    def value(self, arg: Arg) -> float | None:
        """The number that a constant or hyperparameter stands for; None for anything else."""
        if isinstance(arg, Const):
            return arg.value
        return next((hyper.default for hyper in self.program.hypers if arg == Ref(hyper.name)), None)

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

    @cached_property
    def names(self) -> tuple[Ref, ...]:
        """What an edit may use besides results: the inputs that are free or in use already, states, hyperparameters."""
        signature, program = self.program.signature, self.program
        inputs = [name for name in signature.inputs if name not in signature.costs or name in program.inputs]
        return tuple(map(Ref, (*inputs, *program.states, *(hyper.name for hyper in program.hypers))))

    def random_value(self, rng: np.random.Generator, index: int, position: int, op: str) -> Arg:
        """Something that instruction `index` may use as an argument of `op`, whatever its kind."""
        shape = OPS[op].shape if op in OPS else Shape.ELEMENTWISE
        number = position > 0 and shape in (Shape.RESCALING, Shape.SQUARE)
        if number or (shape is Shape.ELEMENTWISE and rng.random() < _CONSTANT):
            return random_constant(rng, op, position)
        place = int(rng.random() * (len(self.names) + index))
        return self.names[place] if place < len(self.names) else Var(place - len(self.names))

    def application(self, rng: np.random.Generator, index: int, op: str, held: tuple[int, Arg] | None = None) -> Instr:
        """A random application of `op` that may stand before instruction `index`, with one argument held if asked."""
        for _ in range(_TRIES):
            args = [self.random_value(rng, index, position, op) for position in range(OPS[op].arity)]
            if held:
                args[held[0]] = held[1]
            if isinstance(result_kind(OPS[op], [self.kind(arg) for arg in args]), Kind):
                return Instr(op, tuple(args))
        raise EditError("no arguments of the right kinds")


Operator = Callable[[Parent, np.random.Generator], tuple[Program, str]]


def insert_instruction(parent: Parent, rng: np.random.Generator) -> tuple[Program, str]:
    """A new instruction takes the place of one argument, and mostly works on it."""
    index, position, old = parent.random_use(rng)
    op = OP_WHEEL.spin(rng)
    held = (int(rng.random() * OPS[op].arity), old) if rng.random() < _WRAPPED else None
    program = insert(parent.program, index, [parent.application(rng, index, op, held)])
    return set_argument(program, index + 1, position, Var(index)), f"insert {op}"


def delete_instruction(parent: Parent, rng: np.random.Generator) -> tuple[Program, str]:
    """An instruction goes: one of its arguments of the same kind takes the place of its result."""
    kind_of, body = parent.facts.kind, parent.program.body
    typed = enumerate(zip(body, parent.facts.kinds, strict=True))
    choices = [(i, arg) for i, (instr, kind) in typed for arg in instr.args if kind_of(arg) is kind]
    index, arg = pick(rng, _some(choices, "instruction"))
    return substitute(parent.program, {Var(index): arg}), f"delete {body[index].op}"


def change_argument(parent: Parent, rng: np.random.Generator) -> tuple[Program, str]:
    """One argument or output becomes another value."""
    index, position, old = parent.random_use(rng)
    place = parent.place(index)
    if index < len(parent.program.body):
        others = parent.program.body[index].args
        for _ in range(_TRIES):
            new = parent.random_value(rng, index, position, place)
            kinds = [parent.kind(new if i == position else arg) for i, arg in enumerate(others)]
            if new != old and isinstance(result_kind(OPS[place], kinds), Kind):
                break
        else:
            raise EditError("no other argument of the right kind")
    else:
        new = parent.random_value(rng, index, position, place)
    program = set_argument(parent.program, index, position, new)
    return program, f"{parent.name(old)} -> {parent.name(new)} in {place}"


def swap_arguments(parent: Parent, rng: np.random.Generator) -> tuple[Program, str]:
    """Two values of one kind trade places."""
    uses = parent.uses()
    index, position, first = pick(rng, uses)
    kind = parent.kind(first)
    others = [
        use
        for use in uses
        if use[2] != first and parent.kind(use[2]) is kind and _exists(use[2], index) and _exists(first, use[0])
    ]
    other, place, second = pick(rng, _some(others, "two values of one kind"))
    program = set_argument(set_argument(parent.program, index, position, second), other, place, first)
    return program, f"swap {parent.name(first)} and {parent.name(second)}"


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
    new = _SIMILAR[_family(OPS[old.op])].spin(rng)
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


def copy_state(parent: Parent, rng: np.random.Generator) -> tuple[Program, str]:
    """A state gets a double that is kept in the same way, but for one constant, and is read in one place.

    Where that is the only place, it reads the sum of both.
    """
    program = parent.program
    state = pick(rng, _some(program.states, "state"))
    stored, name = program.next_state(state), fresh_name(state, program)
    doubled: dict[Arg, Arg] = {Ref(state): Ref(name)}
    if isinstance(stored, Var):
        args = [doubled.get(arg, arg) for arg in program.body[stored.index].args]
        constants = [i for i, arg in enumerate(args) if parent.value(arg) is not None]
        if constants:
            changed = pick(rng, constants)
            args[changed] = Const(perturbed(rng, parent.value(args[changed]) or 0.0))
        index = stored.index + 1
        program = insert(program, index, [Instr(program.body[stored.index].op, tuple(args))])
        doubled[stored] = Var(index)
    readers = [
        (index, position, arg)
        for index, position, arg in Parent(program, parent.facts).uses()
        if arg in doubled and _exists(doubled[arg], index) and stored != Var(index)
    ]
    asked = len(program.signature.outputs)
    readers = [use for use in readers if use[0] < len(program.body) or use[1] < asked]  # not what states store
    index, position, arg = pick(rng, _some(readers, "place that reads it"))
    program = replace(program, states=(*program.states, name), outputs=(*program.outputs, doubled.get(stored, stored)))
    if len(readers) == 1:
        program = insert(program, index, [Instr("add", (arg, doubled[arg]))])
        return set_argument(program, index + 1, position, Var(index)), f"copy state {state}"
    return set_argument(program, index, position, doubled[arg]), f"copy state {state}"


def tie_constants(parent: Parent, rng: np.random.Generator) -> tuple[Program, str]:
    """Two constants become one hyperparameter with the value of the first."""
    program = parent.program
    places = [use for use in parent.uses() if parent.value(use[2]) is not None]
    index, position, first = pick(rng, _some(places, "constant"))
    others = [
        use for use in places if use[:2] != (index, position) and not (use[2] == first and isinstance(first, Ref))
    ]
    other, place, second = pick(rng, _some(others, "second constant"))
    if not isinstance(first, Ref):
        value = parent.value(first)
        assert value is not None
        first = Ref(fresh_name("c", program))
        program = replace(program, hypers=(*program.hypers, Hyper(first.name, value)))
        program = set_argument(program, index, position, first)
    return set_argument(program, other, place, first), f"tie {parent.name(second)} to {first.name}"


def untie_constant(parent: Parent, rng: np.random.Generator) -> tuple[Program, str]:
    """One use of a hyperparameter that is used more than once becomes a hyperparameter of its own, changed."""
    program = parent.program
    counts = Counter(arg for _, _, arg in parent.uses())
    places = [use for use in parent.uses() if counts[use[2]] > 1 and parent.value(use[2]) is not None]
    index, position, arg = pick(
        rng, _some([use for use in places if isinstance(use[2], Ref)], "hyperparameter used twice")
    )
    value = perturbed(rng, parent.value(arg) or 0.0)
    name = fresh_name(parent.name(arg), program)
    program = replace(program, hypers=(*program.hypers, Hyper(name, value)))
    return set_argument(program, index, position, Ref(name)), f"untie {parent.name(arg)}: {name} {number(value)}"


def precondition(parent: Parent, rng: np.random.Generator) -> tuple[Program, str]:
    """A tensor is multiplied by an inverse root of what its products with itself have summed up to, as in Shampoo.

    Gupta et al. 2018, arXiv 1802.09568.
    """
    index, position, old = pick(rng, _some(parent.uses_of(Kind.TENSOR), "tensor"))
    left = rng.random() < 0.5
    state = fresh_name("left" if left else "right", parent.program)
    turned, gram, total, root = (Var(index + i) for i in range(4))
    sides = (old, turned) if left else (turned, old)
    memory = Instr("add", (Ref(state), gram))
    if rng.random() < 0.5:
        memory = Instr("interp", (gram, Ref(state), Const(pick(rng, RATES))))
    power, damping = (random_constant(rng, "inverse_root", i) for i in (1, 2))
    added = [
        Instr("transpose", (old,)),
        Instr("matmul", sides),
        memory,
        Instr("inverse_root", (total, power, damping)),
        Instr("matmul", (root, old) if left else (old, root)),
    ]
    program = set_argument(insert(parent.program, index, added), index + len(added), position, Var(index + 4))
    program = replace(program, states=(*program.states, state), outputs=(*program.outputs, total))
    return program, f"precondition {parent.name(old)} from the {'left' if left else 'right'}"


def factor(parent: Parent, rng: np.random.Generator) -> tuple[Program, str]:
    """A tensor gives way to the product of its means over rows and over columns, as in Adafactor.

    Shazeer and Stern 2018, arXiv 1804.04235.
    """
    index, position, old = pick(rng, _some(parent.uses_of(Kind.TENSOR), "tensor"))
    rows, columns, outer, mean = (Var(index + i) for i in range(4))
    added = [
        Instr("row_mean", (old,)),
        Instr("column_mean", (old,)),
        Instr("mul", (rows, columns)),
        Instr("mean", (old,)),
        Instr("div", (outer, mean)),
    ]
    program = insert(parent.program, index, added)
    return set_argument(program, index + len(added), position, Var(index + 4)), f"factor {parent.name(old)}"


def splice(parent: Parent, rng: np.random.Generator) -> tuple[Program, str]:
    """A value gives way to one computed as in a donor, whose states and hyperparameters come along."""
    chosen = prune(pick(rng, _some(parent.donors, "donor")))
    donor = Parent(chosen, check(chosen))
    index, position, old = parent.random_use(rng)
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
    "swap": swap_arguments,
    "tie": tie_constants,
    "untie": untie_constant,
    "add_state": add_state,
    "copy_state": copy_state,
    "drop_state": remove_state,
    "precondition": precondition,
    "factor": factor,
    "splice": splice,
}
"""Every operator by name."""


def _exists(arg: Arg, index: int) -> bool:
    """Whether instruction `index` may use `arg`, as far as order goes."""
    return not isinstance(arg, Var) or arg.index < index


def _some(choices: Sequence[T], what: str) -> Sequence[T]:
    if not choices:
        raise EditError(f"no {what}")
    return choices
