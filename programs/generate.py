"""Random programs, well-typed by construction: material for random search and for tests."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from programs.check import CheckError, check
from programs.draw import OP_WHEEL, Wheel, pick, random_constant
from programs.ir import UPDATE_RULE, Arg, Const, Instr, Program, Ref, Var
from programs.ops import OPS, Shape
from programs.rewrite import prune

_LEAVES: dict[str, float] = {"g": 6, "w": 1, "t": 0.5, "lr": 0.25, "T": 0.25}
_STATE_COUNTS = {"0": 2.0, "1": 4.0, "2": 3.0, "3": 1.0}
_CONSTANT_SHARE = 0.4  # of the arguments that may be constants
_SHARED = 0.2  # of the results are used twice
_AVERAGED = 0.6  # of the states are running averages
_NOT_TENSORS = (Shape.REDUCTION, Shape.BY_ROW, Shape.BY_COLUMN, Shape.GLOBAL, Shape.SIZE)
_SQUARES = (Shape.SQUARE, Shape.PRODUCT, Shape.TRANSPOSE)


def random_program(rng: np.random.Generator, size: int) -> Program:
    """An update rule of exactly `size` instructions, all of which matter, and up to three state slots.

    It grows from its outputs towards its inputs, so that every result is used. Its last step multiplies by the
    learning rate.

    Raises:
        ValueError: `size` is less than one.
    """
    if size < 1:
        raise ValueError(f"A program has at least one instruction, not {size}.")
    while True:
        grown = _Growth(rng, size).program()
        program = prune(grown)
        if (program.body, program.states) != (grown.body, grown.states):
            continue
        try:
            check(program)
        except CheckError:
            continue
        return program


class _Need(IntEnum):
    """What an argument that is still open must be; a higher need meets the lower ones."""

    ANY = 0
    NOT_CONSTANT = 1
    TENSOR = 2


@dataclass(slots=True, eq=False)
class _Slot:
    """One argument place; two that look alike are still two."""

    args: list[Arg]
    position: int
    op: str
    need: _Need
    live: bool

    def fill(self, arg: Arg) -> None:
        self.args[self.position] = arg


class _Growth:
    def __init__(self, rng: np.random.Generator, size: int) -> None:
        self.rng = rng
        self.states = [f"s{i + 1}" for i in range(min(int(Wheel(_STATE_COUNTS).spin(rng)), size // 3))]
        self.outputs: list[Arg] = [Const(0.0)] * (1 + len(self.states))
        self.reversed_body: list[tuple[str, list[Arg]]] = []
        self.size = size
        update, *nexts = (_Slot(self.outputs, i, "", _Need.TENSOR, live=i == 0) for i in range(len(self.outputs)))
        self.leaves = Wheel(_LEAVES | dict.fromkeys(self.states, 2.0))
        direction, rate = self._grow("mul", [update])
        direction.need = _Need.TENSOR
        rate.fill(Ref("lr"))
        self.open = [direction, *nexts]
        for slot, state in zip(nexts, self.states, strict=True):
            if rng.random() < _AVERAGED:
                self._average(slot, state)

    def program(self) -> Program:
        """What has grown, asking for every input; by chance it may have dead parts or break a rule of the language."""
        while len(self.reversed_body) < self.size:
            self._grow_anywhere()
        self._fill_states()
        for slot in self.open:
            slot.fill(self._leaf(slot))
        body = tuple(Instr(op, tuple(args)) for op, args in reversed(self.reversed_body))
        return Program("candidate", tuple(UPDATE_RULE.inputs), tuple(self.states), (), body, tuple(self.outputs))

    def _grow(self, op: str, users: list[_Slot]) -> list[_Slot]:
        """Put one more instruction in front of all others, for `users` to use; returns its open arguments."""
        args: list[Arg] = [Const(0.0)] * OPS[op].arity
        shape = OPS[op].shape
        self.reversed_body.append((op, args))
        for user in users:
            user.fill(Var(self.size - len(self.reversed_body)))
        live = any(user.live for user in users)
        slots = [_Slot(args, position, op, _Need.ANY, live) for position in range(len(args))]
        if shape is Shape.ELEMENTWISE:
            # The third argument of `interp` and `clip` is a rate or a bound.
            pick(self.rng, slots[:2]).need = max(_Need.NOT_CONSTANT, *(user.need for user in users))
            return slots
        tensors = 1 if shape in (Shape.RESCALING, Shape.SQUARE) else len(slots)
        for slot in slots[tensors:]:
            slot.fill(random_constant(self.rng, op, slot.position))
        for slot in slots[:tensors]:
            slot.need = _Need.TENSOR
        return slots[:tensors]

    def _average(self, slot: _Slot, state: str) -> None:
        self.open.remove(slot)
        value, old, rate = self._grow("interp", [slot])
        value.need = _Need.TENSOR
        old.fill(Ref(state))
        self.open += [value, rate]

    def _grow_anywhere(self) -> None:
        slot = self.open.pop(int(self.rng.random() * len(self.open)))
        op = OP_WHEEL.spin(self.rng)
        while slot.need is _Need.TENSOR and OPS[op].shape in _NOT_TENSORS:
            op = OP_WHEEL.spin(self.rng)
        users = [slot]
        others = [other for other in self.open if other.need <= slot.need]
        if others and self.rng.random() < _SHARED:
            users.append(pick(self.rng, others))
            self.open.remove(users[1])
        if OPS[op].shape in _SQUARES:
            self._grow_product(op, users)
        else:
            self.open += self._grow(op, users)

    def _grow_product(self, op: str, users: list[_Slot]) -> None:
        """A product with a square matrix, x x' y, and where `op` is a root of it; or a scalar, where space is short."""
        needed = 4 if op == "inverse_root" else 3
        if self.size - len(self.reversed_body) < needed:
            self.open += self._grow("dot", users) if users[0].need is not _Need.TENSOR else self._grow("neg", users)
            return
        square, value = self._grow("matmul", users)
        if op == "inverse_root":
            (square,) = self._grow(op, [square])
        first, turned = self._grow("matmul", [square])
        (second,) = self._grow("transpose", [turned])
        self.open += [value, first, second]

    def _fill_states(self) -> None:
        """Read every state somewhere that the update depends on, where there is room."""
        for state in self.states:
            places = [slot for slot in self.open if slot.live]
            if places:
                slot = pick(self.rng, places)
                slot.fill(Ref(state))
                self.open.remove(slot)

    def _leaf(self, slot: _Slot) -> Arg:
        if slot.need is _Need.TENSOR:
            return Ref(pick(self.rng, ["g", "g", "g", "w", *self.states]))
        is_rate = (slot.op, slot.position) == ("interp", 2)
        if slot.need is _Need.ANY and (is_rate or self.rng.random() < _CONSTANT_SHARE):
            return random_constant(self.rng, slot.op, slot.position)
        return Ref(self.leaves.spin(self.rng))
