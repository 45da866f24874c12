"""Update rules as data for the engines: what to compute, in which passes, and where every value is kept.

A step of a rule is a list of stages. A **pass** goes over all numbers of one kind in blocks and carries out a list of
elementwise instructions on each block; values that are used within the pass alone stay in registers, which are as long
as a block. What a pass reduces is gathered on the way and ready at its end. A **whole** stage makes one value from
whole values: products, transposes, sums along rows. A node is put into the latest stage that all who use it allow, so
that little has to be kept between the passes. A state is written over in place where nobody reads its old value any
more, and otherwise changes places with a second buffer at the end of the step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluators.fusion import FUSED, fuse
from evaluators.nodes import HOST, MOVE, REDUCTIONS, WEIGHTED, Finish, Graph, Role, lower
from evaluators.passes import schedule
from programs.ir import Program
from programs.kinds import Kind
from programs.layout import Layout, extents
from programs.ops import OPS, Shape

_WHOLE = (Shape.BY_ROW, Shape.BY_COLUMN, Shape.TRANSPOSE, Shape.PRODUCT, Shape.MATRIX, Shape.SQUARE)
SPREAD_ROWS, SPREAD_COLUMNS = "spread_rows", "spread_columns"

OPCODES: dict[str, int] = {
    name: code
    for code, name in enumerate(
        [
            *(op.name for op in OPS.values() if op.shape is Shape.ELEMENTWISE),
            *(MOVE, WEIGHTED, *FUSED, SPREAD_ROWS, SPREAD_COLUMNS),
            *sorted({gather for gather, _ in REDUCTIONS.values()}),
            "std",
            *(op.name for op in OPS.values() if op.shape in _WHOLE),
        ]
    )
}
"""The operations of the bytecode: elementwise ones, those that spread a value, reductions, whole ones."""


class Space(IntEnum):
    """Where an operand is found: `space << 24 | index`."""

    NONE = 0
    REGISTER = 1
    """A block of the pass."""
    BUFFER = 2
    """The block's place in a buffer; of a whole stage the whole buffer."""
    EACH = 3
    """One number for each parameter, from a buffer."""
    SCALAR = 4
    """One number for all."""


class Buffer(IntEnum):
    """The first buffers, which belong to the caller."""

    WEIGHTS = 0
    GRADIENTS = 1
    INITIAL = 2
    CURVATURE = 3
    UPDATE = 4


class Mode(IntEnum):
    """What a stage is."""

    FLAT = 0
    """A pass over all numbers at once."""
    BY_PARAMETER = 1
    """A pass over one parameter after the other."""
    WHOLE = 2


LEARNING_RATE, LOSS = 0, 1
"""Slots of the scalars that come from outside."""

_INPUTS = {
    "w": Buffer.WEIGHTS,
    "g": Buffer.GRADIENTS,
    "w0": Buffer.INITIAL,
    "h": Buffer.CURVATURE,
}
_SCALARS = {"lr": LEARNING_RATE, "loss": LOSS}


class UnsupportedError(ValueError):
    """A rule that this engine does not run."""


@dataclass(frozen=True, slots=True, eq=False)
class Code:
    """A rule made ready for one layout. All tables are of 32-bit whole numbers; `Space` says how operands are written.

    Attributes:
        layout: The parameters it is about.
        stages: `(mode, kind, first, end)`: a pass over numbers of this kind, and its instructions.
        instructions: `(opcode, result, a, b, c, d, kind, finish)`. The kind is that of the narrow value that is spread,
            or of the first argument of a whole stage; `finish` is how a reduction is finished (`nodes.Finish`), or the
            kind of the second argument.
        host: Numbers of the host: `t`, `T`, constants, room for results.
        host_rows: `(opcode, result, a, b, c)` on the host's numbers, in double precision; the first `host_once` of them
            do not depend on `t`.
        host_once: How many.
        from_host: `(scalar, host slot)`: the scalars that are a number of the host; those at and after
            `from_host_once` change with `t`.
        from_host_once: How many do not.
        scalars: How many scalars there are; the first are `LEARNING_RATE` and `LOSS`.
        buffers: The kind of each buffer; those of `Buffer` come first.
        registers: How many registers the largest pass needs.
        swaps: Pairs of buffers that change places at the end of the step.
        moves: `(to, from)` scalars that are copied at the end of the step.
        states: Where each state is: `(space, index)`, before the first step and after each.
        sizes: The buffers that hold facts about the parameters, with their numbers.
        inputs: The names of the inputs that it reads.
        shows: Whether a step writes the update to `Buffer.UPDATE`, and does not subtract it.
    """

    layout: Layout
    stages: NDArray[np.int32]
    instructions: NDArray[np.int32]
    host: NDArray[np.float64]
    host_rows: NDArray[np.int32]
    host_once: int
    from_host: NDArray[np.int32]
    from_host_once: int
    scalars: int
    buffers: NDArray[np.int32]
    registers: int
    swaps: NDArray[np.int32]
    moves: NDArray[np.int32]
    states: NDArray[np.int32]
    sizes: tuple[tuple[int, NDArray[np.float32]], ...]
    inputs: frozenset[str]
    shows: bool


def compile(  # noqa: A001 - what it does
    program: Program,
    layout: Layout,
    *,
    hypers: Mapping[str, float] | None = None,
    subtract: bool = True,
    fused: bool = True,
) -> Code:
    """Make an update rule ready for the engines.

    Args:
        program: A legal update rule.
        layout: The parameters.
        hypers: Values that replace the defaults.
        subtract: Whether a step subtracts the update from the weights; else it writes it to `Buffer.UPDATE`.
        fused: Whether to use the instructions that do what two or three others do, to the same bit.

    Raises:
        CheckError: The program is not legal.
    """
    graph = lower(program, hypers or {}, subtract=subtract)
    if fused:
        fuse(graph)
    return _Assembly(graph, layout, subtract).code()


_Name = tuple[str, int]
"""What a pass keeps in a register: `("node", index)`, or `("spread", value)`."""


class _Entry(NamedTuple):
    """An instruction of a pass before it has registers. `place` is where the result goes outside them, or 0."""

    op: str
    name: _Name
    place: int
    sources: list[int | _Name]
    narrow: int
    finish: int


class _Assembly:
    def __init__(self, graph: Graph, layout: Layout, subtract: bool) -> None:
        self.graph, self.layout = graph, layout
        self.output = Buffer.WEIGHTS if subtract else Buffer.UPDATE
        self.buffers = [Kind.TENSOR] * len(Buffer)
        self.scalars = len(_SCALARS)
        self.host_slots: dict[int, int] = {}
        self.sizes: list[tuple[int, NDArray[np.float32]]] = []
        self.instructions: list[list[int]] = []
        self.registers = 0
        self.stage_of, self.stages = schedule(graph)
        self.place: list[int] = [0] * len(graph.nodes)  # the operand that holds the result of each node
        self.leaf_place = [self._leaf(leaf.name, leaf.kind) for leaf in graph.leaves]
        self.readers: list[list[int]] = [[] for _ in graph.nodes]
        self.leaf_readers: list[list[int]] = [[] for _ in graph.leaves]
        for index, node in enumerate(graph.nodes):
            for source in node.sources:
                if source < 0:
                    self.leaf_readers[-1 - source].append(index)
                elif source < HOST:
                    self.readers[source].append(index)

    def code(self) -> Code:
        graph = self.graph
        swaps, moves, states = self._place_states()
        self.place[-1] = _operand(Space.BUFFER, self.output)
        self._place_nodes()
        rows = [self._stage(nodes) for nodes in self.stages]
        varying = graph.varying
        host_slots = sorted(self.host_slots.items(), key=lambda item: item[0] in varying)
        from_host = [(scalar, slot) for slot, scalar in host_slots]
        host_rows = [
            [OPCODES[op], result, *slots, *[0] * (3 - len(slots))] for op, result, slots in (*graph.once, *graph.every)
        ]
        return Code(
            layout=self.layout,
            stages=_table(rows, 4),
            instructions=_table(self.instructions, 8),
            host=np.array(graph.host),
            host_rows=_table(host_rows, 5),
            host_once=len(graph.once),
            from_host=_table(from_host, 2),
            from_host_once=sum(slot not in varying for _, slot in from_host),
            scalars=self.scalars,
            buffers=np.array(self.buffers, np.int32),
            registers=self.registers,
            swaps=_table(swaps, 2),
            moves=_table(moves, 2),
            states=_table([(place >> 24, place & 0xFFFFFF) for place in states], 2),
            sizes=tuple(self.sizes),
            inputs=frozenset(leaf.name for leaf in graph.leaves if leaf.name in _INPUTS or leaf.name in _SCALARS)
            | {"g"},
            shows=self.output is Buffer.UPDATE,
        )

    def _leaf(self, name: str, kind: Kind) -> int:
        if name in _INPUTS:
            return _operand(Space.BUFFER, _INPUTS[name])
        if name in _SCALARS:
            return _operand(Space.SCALAR, _SCALARS[name])
        place = self._new(kind)
        op, _, sized = name.partition(" ")
        if sized:
            shapes = zip(extents(self.layout, Kind(int(sized))), self.layout.shapes, strict=True)
            facts = [OPS[op].numpy(float(a), float(b), float(len(shape))) for (a, b), shape in shapes]
            self.sizes.append((place & 0xFFFFFF, np.array(facts, np.float32)))
        return place

    def _new(self, kind: Kind) -> int:
        if kind is Kind.SCALAR:
            self.scalars += 1
            return _operand(Space.SCALAR, self.scalars - 1)
        self.buffers.append(kind)
        return _operand(Space.BUFFER, len(self.buffers) - 1)

    def _place_states(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]], list[int]]:
        """The buffers and scalars to exchange after a step, and where each state is."""
        graph = self.graph
        leaves = {leaf.name: index for index, leaf in enumerate(graph.leaves)}
        swaps: list[tuple[int, int]] = []
        moves: list[tuple[int, int]] = []
        states: list[int] = []
        for name, node in zip(graph.facts.program.states, graph.nexts, strict=True):
            leaf = leaves[name]
            place = self.leaf_place[leaf]
            if not all(self._before(reader, node) for reader in self.leaf_readers[leaf]):
                self.place[node] = self._new(graph.nodes[node].kind)
                both = (place & 0xFFFFFF, self.place[node] & 0xFFFFFF)
                (moves if place >> 24 == Space.SCALAR else swaps).append(both)
            else:
                self.place[node] = place
            states.append(place)
        return swaps, moves, states

    def _before(self, reader: int, writer: int) -> bool:
        """Whether a node has read what a buffer holds, block by block, when another writes over it."""
        if self.stage_of[reader] != self.stage_of[writer]:
            return self.stage_of[reader] < self.stage_of[writer]
        return self.graph.nodes[writer].role is Role.ELEMENTWISE and reader <= writer

    def _place_nodes(self) -> None:
        """Give every value that outlives its stage a buffer, which another may have when nobody reads it any more."""
        graph, stage_of = self.graph, self.stage_of
        free: dict[Kind, list[int]] = defaultdict(list)
        ends: dict[int, list[int]] = defaultdict(list)
        for number, nodes in enumerate(self.stages):
            for index in nodes:
                node = graph.nodes[index]
                last = max([stage_of[reader] for reader in self.readers[index]], default=number)
                inside = last == number and node.role is Role.ELEMENTWISE and node.kind is not Kind.SCALAR
                if self.place[index] or inside:
                    continue
                if node.kind is not Kind.SCALAR:
                    self.place[index] = free[node.kind].pop() if free[node.kind] else self._new(node.kind)
                    ends[last].append(index)
                else:
                    self.place[index] = self._new(node.kind)
            for index in ends[number]:
                free[graph.nodes[index].kind].append(self.place[index])

    def _stage(self, members: list[int]) -> tuple[int, int, int, int]:
        nodes = self.graph.nodes
        first = len(self.instructions)
        if nodes[members[0]].role is Role.WHOLE:
            self._whole(members[0])
            return Mode.WHOLE, nodes[members[0]].kind, first, first + 1
        kind = nodes[members[0]].wide
        entries = self._entries(members, kind)
        last = {source: at for at, entry in enumerate(entries) for source in entry.sources}
        registers: dict[_Name, int] = {}
        free: list[int] = []
        mode, used = Mode.FLAT, 0
        for at, entry in enumerate(entries):
            operands, ended = [], set[_Name]()
            for source in entry.sources:
                if isinstance(source, int):
                    operands.append(source)
                    if source >> 24 == Space.EACH:
                        mode = Mode.BY_PARAMETER
                else:
                    operands.append(registers[source])
                    if last[source] == at:
                        ended.add(source)
            free += [registers.pop(source) for source in ended]
            place = entry.place
            if not place:
                if not free:
                    free.append(_operand(Space.REGISTER, used))
                    used += 1
                place = registers[entry.name] = free.pop()
            if entry.op in _SPREADS or (entry.op in _GATHERS and not entry.finish & Finish.GLOBAL):
                mode = Mode.BY_PARAMETER
            self._emit(entry.op, place, operands, entry.narrow, entry.finish)
        self.registers = max(self.registers, used)
        return mode, kind, first, len(self.instructions)

    def _entries(self, members: list[int], kind: Kind) -> list[_Entry]:
        """What a pass does: its nodes, and before their first use the values that have to be spread."""
        entries: list[_Entry] = []
        spread: set[_Name] = set()
        for index in members:
            node = self.graph.nodes[index]
            sources: list[int | _Name] = []
            for source in node.sources:
                narrow = self.graph.kind(source)
                if narrow is kind and 0 <= source < HOST and not self.place[source]:
                    sources.append(("node", source))
                elif narrow is Kind.SCALAR or narrow is kind:
                    sources.append(self._value(source))
                elif narrow is Kind.PER_TENSOR:
                    sources.append(_operand(Space.EACH, self._value(source) & 0xFFFFFF))
                else:
                    name = ("spread", source)
                    if name not in spread:
                        spread.add(name)
                        op = SPREAD_COLUMNS if narrow.axes[0] == "1" else SPREAD_ROWS
                        entries.append(_Entry(op, name, 0, [self._value(source)], narrow, 0))
                    sources.append(name)
            entries.append(_Entry(node.op, ("node", index), self.place[index], sources, 0, node.finish))
        return entries

    def _value(self, source: int) -> int:
        """The operand by which a value is read that has a place outside the registers."""
        if source < 0:
            return self.leaf_place[-1 - source]
        if source < HOST:
            return self.place[source]
        slot = source - HOST
        if slot not in self.host_slots:
            self.host_slots[slot] = self._new(Kind.SCALAR) & 0xFFFFFF
        return _operand(Space.SCALAR, self.host_slots[slot])

    def _whole(self, index: int) -> None:
        node = self.graph.nodes[index]
        kinds = [self.graph.kind(source) for source in node.sources]
        second = kinds[1] if node.op == "matmul" else 0
        self._emit(node.op, self.place[index], [self._value(source) for source in node.sources], kinds[0], second)

    def _emit(self, op: str, place: int, operands: list[int], kind: int, finish: int) -> None:
        self.instructions.append([OPCODES[op], place, *operands, *[0] * (4 - len(operands)), kind, finish])


def _operand(space: int, index: int) -> int:
    return space << 24 | index


def _table(rows: Sequence[Sequence[int]], columns: int) -> NDArray[np.int32]:
    return np.array(rows, np.int32).reshape(-1, columns)


_SPREADS = (SPREAD_ROWS, SPREAD_COLUMNS)
_GATHERS = frozenset(gather for gather, _ in REDUCTIONS.values())
