"""Small exact changes to a program's structure, from which edits are made. None of them checks its result."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache

from programs.check import liveness
from programs.ir import Arg, Hyper, Instr, Program, Ref, Var
from programs.ops import OPS


def prune(program: Program) -> Program:
    """The same rule without what no output depends on; its inputs are those that it uses."""
    live, names = liveness(program, program.signature_outputs)
    inputs = tuple([name for name in program.signature.inputs if name in names])
    if len(live) == len(program.body) and len(names) == len(inputs) + len(program.states) + len(program.hypers):
        return program if inputs == program.inputs else replace(program, inputs=inputs)
    place: dict[int, int] = {}
    body: list[Instr] = []

    def moved(args: tuple[Arg, ...]) -> tuple[Arg, ...]:
        for arg in args:
            if type(arg) is Var and place[arg.index] != arg.index:
                return tuple([_result(place[arg.index]) if type(arg) is Var else arg for arg in args])
        return args

    for index in sorted(live):
        place[index] = len(body)
        body.append(_instr_with(program.body[index], moved))
    kept = [output for output, state in zip(program.next_states, program.states, strict=True) if state in names]
    return Program(
        program.name,
        inputs,
        tuple([name for name in program.states if name in names]),
        tuple([hyper for hyper in program.hypers if hyper.name in names]),
        tuple(body),
        moved((*program.signature_outputs, *kept)),
        program.signature,
    )


def insert(program: Program, index: int, instrs: Sequence[Instr]) -> Program:
    """`instrs` put in front of instruction `index`; the results of all later ones are renumbered."""
    by = len(instrs)

    def moved(args: tuple[Arg, ...]) -> tuple[Arg, ...]:
        for arg in args:
            if type(arg) is Var and arg.index >= index:
                return tuple([_result(a.index + by) if type(a) is Var and a.index >= index else a for a in args])
        return args

    later = [_instr_with(instr, moved) for instr in program.body[index:]]
    return replace(program, body=(*program.body[:index], *instrs, *later), outputs=moved(program.outputs))


def set_argument(program: Program, index: int, position: int, arg: Arg, name: str = "") -> Program:
    """One argument of instruction `index`, or one output if that is `len(body)`, replaced.

    `name` is what the result of the changed instruction is called now.
    """
    body = program.body
    if index == len(body):
        return replace(program, outputs=_set(program.outputs, position, arg))
    changed = Instr(body[index].op, _set(body[index].args, position, arg), name)
    return replace(program, body=(*body[:index], changed, *body[index + 1 :]))


def substitute(program: Program, changes: Mapping[Arg, Arg]) -> Program:
    """Every use of a key of `changes` replaced by its value."""
    keys = set(map(_key, changes))

    def changed(args: tuple[Arg, ...]) -> tuple[Arg, ...]:
        for arg in args:
            if _key(arg) in keys:
                return _args_with(args, changes)
        return args

    body = tuple([_instr_with(instr, changed) for instr in program.body])
    return replace(program, body=body, outputs=changed(program.outputs))


def graft(program: Program, index: int, donor: Program, part: Var) -> tuple[Program, Arg]:
    """What the donor's result `part` depends on, put in front of instruction `index`.

    States of the donor get slots of their own; a hyperparameter is shared where name and default agree.

    Returns:
        The program, and what `part` is called in it.
    """
    live, names = liveness(donor, [part])
    moved: dict[Arg, Arg] = {Var(old): Var(index + new) for new, old in enumerate(sorted(live))}
    states = [name for name in donor.states if name in names]
    grown = program
    for state in states:
        name = fresh_name(state, grown)
        moved[Ref(state)] = Ref(name)
        grown = replace(grown, states=(*grown.states, name))
    for hyper in donor.hypers:
        if hyper.name in names and hyper not in program.hypers:
            name = fresh_name(hyper.name, grown)
            moved[Ref(hyper.name)] = Ref(name)
            grown = replace(grown, hypers=(*grown.hypers, Hyper(name, hyper.default)))
    instrs = [Instr(donor.body[old].op, _args_with(donor.body[old].args, moved)) for old in sorted(live)]
    stored = _args_with(tuple(donor.next_state(state) for state in states), moved)
    grown = insert(grown, index, instrs)
    return replace(grown, outputs=(*grown.outputs, *stored)), moved[part]


def drop_state(program: Program, name: str) -> Program:
    """The state slot `name` taken out of the head and the outputs; nothing may read it any more."""
    slot = program.states.index(name)
    output = len(program.signature.outputs) + slot
    return replace(
        program,
        states=(*program.states[:slot], *program.states[slot + 1 :]),
        outputs=(*program.outputs[:output], *program.outputs[output + 1 :]),
    )


def fresh_name(base: str, program: Program) -> str:
    """A name for the head that is not taken: `base`, or else its letters with a number."""
    signature = program.signature
    taken = {*program.states, *(hyper.name for hyper in program.hypers), *signature.inputs, *OPS}
    stem = base.rstrip("0123456789")
    names = itertools.chain([base], (f"{stem}{i}" for i in itertools.count(2)))
    return next(name for name in names if name not in taken)


_result = cache(Var)
"""The same object for the same result: a new one takes five times as long."""


def _key(arg: Arg) -> float | str:
    """The same for equal arguments, and far quicker to hash."""
    return arg.index if isinstance(arg, Var) else arg.name if isinstance(arg, Ref) else arg.value


def _args_with(args: tuple[Arg, ...], changes: Mapping[Arg, Arg]) -> tuple[Arg, ...]:
    return tuple([changes.get(arg, arg) for arg in args])


def _instr_with(instr: Instr, change: Callable[[tuple[Arg, ...]], tuple[Arg, ...]]) -> Instr:
    """With other arguments; itself where `change` returns those that it is given."""
    args = change(instr.args)
    return instr if args is instr.args else Instr(instr.op, args, instr.name)


def _set(args: tuple[Arg, ...], position: int, arg: Arg) -> tuple[Arg, ...]:
    return (*args[:position], arg, *args[position + 1 :])
