"""What a program does: one interpreter, for any array library, and the numpy reference.

A program is compiled once for a layout into a list of steps; every call then runs one training step for any number
of lanes at once. Whatever does not depend on an array (`1 - beta1 ** t`) is computed in double precision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from programs.check import Facts, check
from programs.ir import Arg, Const, Program, Ref, Var
from programs.kinds import Kind
from programs.layout import Layout
from programs.ops import OPS, Op, Shape

A = TypeVar("A")


class Backend(Protocol[A]):
    """What an array library has to provide. Shapes are those of `Layout`."""

    def elementwise(self, op: str) -> Callable[..., A]:
        """The meaning of an elementwise row; it is given arrays and floats, at least one of them an array."""
        ...

    def reduction(self, op: str) -> Callable[..., A]:
        """The meaning of a reduction row on one flattened parameter: `(lanes, n) -> (lanes,)`."""
        ...

    def matrix(self, op: str) -> Callable[[A], A]:
        """The meaning of a matrix row: `(lanes, rows, columns)` to the same shape."""
        ...

    def spread(self, value: A, layout: Layout) -> A:
        """A per-tensor value repeated over the weights of each tensor: `(lanes, tensors) -> (lanes, size)`."""
        ...

    def stack(self, columns: list[A]) -> A:
        """One `(lanes,)` array per tensor to `(lanes, tensors)`."""
        ...

    def join(self, parts: list[A]) -> A:
        """One `(lanes, n)` array per tensor to `(lanes, size)`."""
        ...

    def reshape(self, value: A, shape: tuple[int, ...]) -> A:
        """The same numbers in another shape; -1 stands for the lanes."""
        ...

    def fill(self, value: float, like: A, columns: int) -> A:
        """`(lanes, columns)` of one number, with lanes and type as in `like`."""
        ...


@dataclass(frozen=True, slots=True)
class _Step(Generic[A]):
    function: Callable[..., Any]
    sources: tuple[int, ...]
    target: int
    drop: tuple[int, ...]


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
        constants: dict[Arg, float | A] = {
            Ref(hyper.name): chosen.get(hyper.name, hyper.default) for hyper in program.hypers
        }
        constants |= {arg: arg.value for _, arg in program.uses() if isinstance(arg, Const)}
        self._constants = list(constants.values())
        arguments: list[Arg] = [*map(Ref, (*program.inputs, *program.states)), *constants]
        arguments += map(Var, range(len(program.body)))
        slots = {arg: slot for slot, arg in enumerate(arguments)}
        self._steps = self._compile(program, facts, slots)
        columns = {Kind.SCALAR: 1, Kind.PER_TENSOR: len(layout.shapes), Kind.TENSOR: layout.size}
        kinds = [*program.signature.outputs.values(), *(facts.state_kinds[name] for name in program.states)]
        shaped = [(slots[arg], columns[kind]) for arg, kind in zip(program.outputs, kinds, strict=True)]
        self._outputs = shaped[: len(program.signature.outputs)]
        self._nexts = shaped[len(program.signature.outputs) :]

    def zero_states(self, like: A) -> tuple[A, ...]:
        """The states before the first step, with lanes and type as in `like`."""
        return tuple(self._backend.fill(0.0, like, columns) for _, columns in self._nexts)

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
        values += self._constants
        values += [None] * len(self._steps)

        def result(slot: int, columns: int) -> A:
            # Only a number that depends on no array has not yet the shape of its kind.
            value: float | A = values[slot]
            return self._backend.fill(value, like, columns) if isinstance(value, float) else value

        with np.errstate(all="ignore"):
            for step in self._steps:
                values[step.target] = step.function(*[values[source] for source in step.sources])
                for slot in step.drop:
                    values[slot] = None
            return tuple(result(*place) for place in self._outputs), tuple(result(*place) for place in self._nexts)

    def _compile(self, program: Program, facts: Facts, slots: Mapping[Arg, int]) -> list[_Step[A]]:
        last_use = program.last_uses()
        steps: list[_Step[A]] = []
        for index, instr in enumerate(program.body):
            drop = tuple(slots[arg] for arg in set(instr.args) if isinstance(arg, Var) and last_use[arg] == index)
            sources = tuple(slots[arg] for arg in instr.args)
            function = self._function(OPS[instr.op], [facts.kind(arg) for arg in instr.args], facts.kinds[index])
            steps.append(_Step(function, sources, slots[Var(index)], drop))
        return steps

    def _function(self, op: Op, kinds: list[Kind], result: Kind) -> Callable[..., Any]:
        match op.shape:
            case Shape.REDUCTION:
                return self._reduction(op)
            case Shape.MATRIX:
                return self._matrix(op)
            case Shape.ELEMENTWISE if result is Kind.SCALAR:
                return self._scalar(op)
            case Shape.ELEMENTWISE:
                return self._broadcast(op, kinds, result)

    def _scalar(self, op: Op) -> Callable[..., Any]:
        array_meaning = self._backend.elementwise(op.name)
        host_meaning: Callable[..., Any] = op.numpy

        def apply(*args: Any) -> float | A:
            if all(isinstance(arg, float) for arg in args):
                return float(host_meaning(*(np.float64(arg) for arg in args)))
            return array_meaning(*args)

        return apply

    def _broadcast(self, op: Op, kinds: list[Kind], result: Kind) -> Callable[..., A]:
        meaning = self._backend.elementwise(op.name)
        spread = [kind is Kind.PER_TENSOR and result is Kind.TENSOR for kind in kinds]
        if not any(spread):
            return meaning

        def apply(*args: A) -> A:
            pairs = zip(args, spread, strict=True)
            return meaning(*(self._backend.spread(arg, self._layout) if wide else arg for arg, wide in pairs))

        return apply

    def _reduction(self, op: Op) -> Callable[..., A]:
        meaning, slices = self._backend.reduction(op.name), self._layout.slices

        def apply(*args: Any) -> A:
            return self._backend.stack([meaning(*(arg[:, part] for arg in args)) for part in slices])

        return apply

    def _matrix(self, op: Op) -> Callable[[A], A]:
        meaning, layout, reshape = self._backend.matrix(op.name), self._layout, self._backend.reshape

        def apply(value: Any) -> A:
            parts = []
            for index, part in enumerate(layout.slices):
                matrix = reshape(value[:, part], (-1, *layout.matrix_shape(index)))
                parts.append(reshape(meaning(matrix), (-1, layout.sizes[index])))
            return self._backend.join(parts)

        return apply


class NumpyBackend:
    """The reference: the meanings of the table itself, in the precision of the arrays it is given."""

    def elementwise(self, op: str) -> Callable[..., NDArray[Any]]:
        return OPS[op].numpy

    reduction = elementwise
    matrix = elementwise

    def spread(self, value: NDArray[Any], layout: Layout) -> NDArray[Any]:
        return np.repeat(value, layout.sizes, axis=1)

    def stack(self, columns: list[NDArray[Any]]) -> NDArray[Any]:
        return np.stack(columns, axis=1)

    def join(self, parts: list[NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate(parts, axis=1)

    def reshape(self, value: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        return value.reshape(shape)

    def fill(self, value: float, like: NDArray[Any], columns: int) -> NDArray[Any]:
        return np.full((like.shape[0], columns), value, dtype=like.dtype)


NUMPY = NumpyBackend()
