"""What a program does: one interpreter, for any array library, and the numpy reference.

A program is compiled once for a layout into a list of steps; every call then runs one training step for any number
of lanes at once. Whatever does not depend on an array (`1 - beta1 ** t`) is computed in double precision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from programs.check import check
from programs.ir import Arg, Const, Program, Ref, Var
from programs.kinds import Kind, join
from programs.layout import Layout, extents, slices, spread_index, width
from programs.matrix import transpose
from programs.ops import OPS, Op, Shape

A = TypeVar("A")


class Backend(Protocol[A]):
    """What an array library has to provide. Shapes are those of `Layout`."""

    def meaning(self, op: str) -> Callable[..., A]:
        """The meaning of a row, as its `Shape` says; elementwise it is given arrays and floats, at least one array."""
        ...

    def spread(self, value: A, layout: Layout, kind: Kind, wide: Kind) -> A:
        """A value of one kind, not a scalar, broadcast to a wider one: `(lanes, width)` of both."""
        ...

    def join(self, parts: list[A]) -> A:
        """One `(lanes, n)` array per tensor to `(lanes, width)`."""
        ...

    def reshape(self, value: A, shape: tuple[int, ...]) -> A:
        """The same numbers in another shape."""
        ...

    def transpose(self, value: A) -> A:
        """The last two axes swapped."""
        ...

    def row(self, values: Sequence[float], like: A) -> A:
        """The same numbers in every lane, `(lanes, len(values))`, with lanes and type as in `like`."""
        ...


SUMS = frozenset({"add", "sub", "interp"})
"""Operations that lose what is much smaller than the rest."""
_IN_ONE_PIECE = frozenset({Kind.SCALAR, Kind.ROW_SQUARE, Kind.COLUMN_SQUARE})
"""Kinds of which no number is disturbed by itself: a count would be none any more, a symmetric matrix not symmetric."""


class _Step(NamedTuple):
    """One instruction: a function of values by their slots, its own slot, and what nobody reads after it.

    And whether it rounds away what is small.
    """

    function: Callable[..., Any]
    sources: tuple[int, ...]
    target: int
    drop: tuple[int, ...]
    rounds: bool


class Unrolled(NamedTuple, Generic[A]):
    """What several steps gave, the lanes of the first step, then those of the second, and so on.

    Attributes:
        outputs: What the signature asks for.
        states: Each state as it was read.
        told: The arguments of each watched instruction, with a float for what depends on no array.
    """

    outputs: tuple[A, ...]
    states: list[A]
    told: list[tuple[float | A, ...]]


class Runner(Generic[A]):
    """A program made ready to run on one layout with one array library.

    Args:
        program: A legal program.
        layout: The parameters it is about.
        backend: The array library.
        hypers: Values that replace the defaults: floats, or arrays `(lanes, 1)` that differ by lane.

    Raises:
        CheckError: The program is not legal.
    """

    def __init__(
        self, program: Program, layout: Layout, backend: Backend[A], hypers: Mapping[str, float | A] | None = None
    ) -> None:
        facts = check(program)
        self._inputs = program.inputs
        self._layout = layout
        self._backend = backend
        chosen = hypers or {}
        # A slot for every name, then for every result, then for every constant.
        names = {name: slot for slot, name in enumerate((*program.inputs, *program.states))}
        self._hypers = [chosen.get(hyper.name, float(hyper.default)) for hyper in program.hypers]
        names |= {hyper.name: slot for slot, hyper in enumerate(program.hypers, start=len(names))}
        constants: dict[float, int] = {}
        results, end = len(names), len(names) + len(program.body)

        def slot_of(arg: Arg) -> int:
            if type(arg) is Var:
                return results + arg.index
            if type(arg) is Ref:
                return names[arg.name]
            assert isinstance(arg, Const)
            return constants.setdefault(arg.value, end + len(constants))

        outputs = [slot_of(arg) for arg in program.outputs]
        sources = [tuple([slot_of(arg) for arg in instr.args]) for instr in program.body]
        self._steps: list[_Step] = []
        needed = {*outputs, *range(results), *constants.values()}
        for index in range(len(program.body) - 1, -1, -1):
            instr = program.body[index]
            drop = tuple({*sources[index]} - needed)
            needed.update(drop)
            function = self._function(OPS[instr.op], [facts.kind(arg) for arg in instr.args], facts.kinds[index])
            rounds = instr.op in SUMS and facts.kinds[index] not in _IN_ONE_PIECE
            self._steps.append(_Step(function, sources[index], results + index, drop, rounds))
        self._steps.reverse()
        self._constants = list(constants)
        kinds = [*program.signature.outputs.values(), *(facts.state_kinds[name] for name in program.states)]
        shaped = [(slot, width(layout, kind)) for slot, kind in zip(outputs, kinds, strict=True)]
        self._outputs = shaped[: len(program.signature.outputs)]
        self._nexts = shaped[len(program.signature.outputs) :]

    def zero_states(self, like: A) -> tuple[A, ...]:
        """The states before the first step, with lanes and type as in `like`."""
        return tuple(self._backend.row([0.0] * columns, like) for _, columns in self._nexts)

    def __call__(self, inputs: Mapping[str, float | A], states: Sequence[A]) -> tuple[tuple[A, ...], tuple[A, ...]]:
        """One step.

        Args:
            inputs: The inputs of the signature by name: arrays shaped by their kind, or floats for scalars. At least
                one that the program uses, or one state, is an array.
            states: The states as returned by the step before, or by `zero_states`.

        Returns:
            What the signature asks for, and the next states: arrays shaped by their kind.
        """
        values: list[Any] = [*(inputs[name] for name in self._inputs), *states]
        like = next(value for value in values if not isinstance(value, float))
        values += [*self._hypers, *[None] * len(self._steps), *self._constants]
        with np.errstate(all="ignore"):
            for step in self._steps:
                values[step.target] = step.function(*[values[source] for source in step.sources])
                for slot in step.drop:
                    values[slot] = None
            outputs, nexts = (
                tuple(self._result(values[slot], columns, like) for slot, columns in places)
                for places in (self._outputs, self._nexts)
            )
            return outputs, nexts

    def unroll(
        self,
        inputs: Mapping[str, A],
        times: int,
        watched: Sequence[int] = (),
        disturb: Callable[[A, int, bool], None] | None = None,
    ) -> Unrolled[A]:
        """Several steps from zero states at once, for inputs that do not depend on what the program returned before.

        Only what the next states need is run step by step; everything else sees all steps as so many more lanes.

        Args:
            inputs: Arrays shaped by their kind, the lanes of the first step, then those of the second, and so on.
            times: How many steps.
            watched: Instructions whose arguments are to be returned as well.
            disturb: Changes in place what is stored in a state, shape `(lanes, width)`, and what rounding changes: the
                sums of tensors, for one step or for all of them. It is told which value of the program it is, by a
                number, and whether it is a sum.
        """
        like = next(iter(inputs.values()))
        lanes = len(like) // times  # type: ignore[arg-type]  # an array has a length
        size = len(self._inputs)
        # What is stored at the end of a step is read in the next one.
        stored: list[Any] = [self._backend.row([0.0] * columns, like) for _, columns in self._nexts]
        values: list[Any] = [*(inputs[name] for name in self._inputs), *stored, *self._hypers]
        values += [*[None] * len(self._steps), *self._constants]
        first, core, last = self._phases(range(size, size + len(stored)))
        with np.errstate(all="ignore"):
            for step in first:
                values[step.target] = _computed(step, values, disturb)
            read = {source for step in core for source in step.sources} | {slot for slot, _ in self._nexts}
            shown = [(slot, values[slot]) for slot in read if values[slot] is not None]
            now = list(values)
            for begin in range(0, lanes * (times - 1) if stored else 0, lanes):
                for slot, value in shown:
                    now[slot] = value if isinstance(value, float) else value[begin : begin + lanes]
                for step in core:
                    now[step.target] = _computed(step, now, disturb)
                for state, ((slot, _), trajectory) in enumerate(zip(self._nexts, stored, strict=True), start=size):
                    kept = trajectory[begin + lanes : begin + 2 * lanes]
                    kept[:] = now[slot]
                    if disturb:
                        disturb(kept, state, False)
            for step in last:
                values[step.target] = _computed(step, values, disturb)
            outputs = tuple(self._result(values[slot], columns, like) for slot, columns in self._outputs)
            told = [tuple([values[source] for source in self._steps[index].sources]) for index in watched]
            return Unrolled(outputs, stored, told)

    def _phases(self, states: range) -> tuple[list[_Step], list[_Step], list[_Step]]:
        """Steps that no state reaches, those of the others that the next states need, and all of those others."""
        reached = set(states)
        first, last = [], []
        for step in self._steps:
            if reached.isdisjoint(step.sources):
                first.append(step)
            else:
                last.append(step)
                reached.add(step.target)
        needed = {slot for slot, _ in self._nexts}
        core = []
        for step in reversed(last):
            if step.target in needed:
                core.append(step)
                needed.update(step.sources)
        core.reverse()
        return first, core, last

    def _result(self, value: float | A, columns: int, like: A) -> A:
        # Only a number that depends on no array has not yet the shape of its kind.
        return self._backend.row([value] * columns, like) if isinstance(value, float) else value

    def _function(self, op: Op, kinds: list[Kind], result: Kind) -> Callable[..., Any]:
        match op.shape:
            case Shape.ELEMENTWISE if result is Kind.SCALAR:
                return self._scalar(op)
            case Shape.ELEMENTWISE:
                return self._broadcast(self._backend.meaning(op.name), kinds, result)
            case Shape.GLOBAL:
                return self._broadcast(self._global(op), kinds, _joined(kinds))
            case Shape.RESCALING:
                return self._backend.meaning(op.name)
            case Shape.SIZE:
                return self._size(op, kinds[0])
            case Shape.REDUCTION:
                wide = _joined(kinds)
                meaning = self._by_parameter(op, [wide] * len(kinds), result)
                return self._broadcast(meaning, kinds, wide)
        return self._by_parameter(op, kinds, result)

    def _scalar(self, op: Op) -> Callable[..., Any]:
        array_meaning = self._backend.meaning(op.name)
        host_meaning: Callable[..., Any] = op.numpy

        def apply(*args: Any) -> float | A:
            if all(isinstance(arg, float) for arg in args):
                return float(host_meaning(*(np.float64(arg) for arg in args)))
            return array_meaning(*args)

        return apply

    def _broadcast(self, function: Callable[..., A], kinds: list[Kind], wide: Kind) -> Callable[..., A]:
        """A function of values brought to the kind `wide`, but for scalars, which broadcast by themselves."""
        narrow = [kind not in (wide, Kind.SCALAR) for kind in kinds]
        if not any(narrow):
            return function

        def apply(*args: Any) -> A:
            spread, layout = self._backend.spread, self._layout
            rows = zip(args, kinds, narrow, strict=True)
            return function(*(spread(arg, layout, kind, wide) if small else arg for arg, kind, small in rows))

        return apply

    def _global(self, op: Op) -> Callable[..., A]:
        meaning, reshape = self._backend.meaning(op.name), self._backend.reshape

        def apply(*args: Any) -> A:
            value: Any = meaning(*args)
            return reshape(value, (len(value), 1))

        return apply

    def _size(self, op: Op, kind: Kind) -> Callable[[A], A]:
        axes = [float(len(shape)) for shape in self._layout.shapes]
        sizes = zip(extents(self._layout, kind), axes, strict=True)
        row = [float(OPS[op.name].numpy(float(a), float(b), axis)) for (a, b), axis in sizes]
        return lambda value: self._backend.row(row, value)

    def _by_parameter(self, op: Op, kinds: list[Kind], result: Kind) -> Callable[..., A]:
        """An operation that sees one parameter at a time: as a matrix, or for a reduction as a row of numbers."""
        meaning, reshape, turn = self._backend.meaning(op.name), self._backend.reshape, self._backend.transpose
        flat = op.shape is Shape.REDUCTION
        sizes = [rows * columns for rows, columns in extents(self._layout, result)]
        places = [
            []
            if kind is Kind.SCALAR
            else list(zip(slices(self._layout, kind), extents(self._layout, kind), strict=True))
            for kind in kinds
        ]

        def view(value: Any, place: list[tuple[slice, tuple[int, int]]], index: int) -> A:
            if not place:
                return value  # type: ignore[no-any-return]  # a scalar
            part, shape = place[index]
            matrix = value[:, part] if flat else reshape(value[:, part], (len(value), *shape))
            return turn(matrix) if op.shape is Shape.BY_COLUMN else matrix

        def apply(*args: Any) -> A:
            parts = []
            for index, size in enumerate(sizes):
                found = meaning(*(view(arg, place, index) for arg, place in zip(args, places, strict=True)))
                parts.append(reshape(found, (len(args[0]), size)))
            return self._backend.join(parts)

        return apply


def _computed(step: _Step, values: Sequence[Any], disturb: Callable[[A, int, bool], None] | None) -> Any:
    value = step.function(*[values[source] for source in step.sources])
    if disturb and step.rounds:
        disturb(value, step.target, True)
    return value


def _joined(kinds: list[Kind]) -> Kind:
    wide = join(kinds)
    assert wide is not None, "the check has refused what does not broadcast"
    return wide


class NumpyBackend:
    """The reference: the meanings of the table itself, in the precision of the arrays it is given."""

    def meaning(self, op: str) -> Callable[..., NDArray[Any]]:
        return OPS[op].numpy

    def spread(self, value: NDArray[Any], layout: Layout, kind: Kind, wide: Kind) -> NDArray[Any]:
        return value[:, spread_index(layout, kind, wide)]

    def join(self, parts: list[NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate(parts, axis=1)

    def reshape(self, value: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        return value.reshape(shape)

    def transpose(self, value: NDArray[Any]) -> NDArray[Any]:
        return transpose(value)

    def row(self, values: Sequence[float], like: NDArray[Any]) -> NDArray[Any]:
        return np.full((len(like), len(values)), values, dtype=like.dtype)


NUMPY = NumpyBackend()
