"""A program taken apart into what an engine does: host arithmetic, elementwise nodes, reductions, whole-matrix nodes.

What depends on no array becomes host rows, computed in double precision as in `programs.run`. Everything else becomes
nodes in an order in which each uses only earlier ones. A few operations are written with simpler ones on the way:
cosines, clipping by the global norm, averages with a share that is known before the step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum

from programs.check import Facts, check
from programs.ir import Arg, Const, Instr, Program, Ref, Var
from programs.kinds import Kind, join
from programs.ops import OPS, Shape

HOST = 1 << 20
"""Values from here on are numbers of the host: `HOST + slot`."""
T, STEPS = 0, 1
"""Host slots of the step, from 1, and of the number of steps."""

MOVE, WEIGHTED = "move", "weighted"
"""Two elementwise operations of the bytecode alone: x; and c x + d y with scalars c and d."""


class Role(Enum):
    """How a node is carried out."""

    ELEMENTWISE = 0
    """Number by number, in one pass with others of its kind."""
    REDUCTION = 1
    """Gathered while a pass goes over the numbers that it reduces."""
    WHOLE = 2
    """On its own, parameter by parameter, from whole values to a whole value."""


class Finish(IntEnum):
    """What makes a reduction of what was gathered; the sum of those that apply."""

    MEAN = 1
    """Divide by how many there were."""
    ROOT = 2
    """Square root."""
    GLOBAL = 4
    """One number for the model, not for each parameter."""


REDUCTIONS: dict[str, tuple[str, int]] = {
    "sum": ("gather_sum", 0),
    "mean": ("gather_sum", Finish.MEAN),
    "rms": ("gather_squares", Finish.MEAN + Finish.ROOT),
    "norm": ("gather_squares", Finish.ROOT),
    "max": ("gather_max", 0),
    "min": ("gather_min", 0),
    "dot": ("gather_dot", 0),
    "global_sum": ("gather_sum", Finish.GLOBAL),
    "global_mean": ("gather_sum", Finish.MEAN + Finish.GLOBAL),
    "global_norm": ("gather_squares", Finish.ROOT + Finish.GLOBAL),
    "global_max": ("gather_max", Finish.GLOBAL),
    "global_min": ("gather_min", Finish.GLOBAL),
    "global_dot": ("gather_dot", Finish.GLOBAL),
}
"""What is gathered for each reduction, and how it is finished; `std`, which goes twice over its numbers, is whole."""

SHARE_ROW = 2
"""Which argument of `interp` is the share."""


@dataclass(slots=True)
class Leaf:
    """A value that is there before the step: an input, a state, or sizes of parameters."""

    name: str
    kind: Kind


@dataclass(slots=True)
class Node:
    """One thing to do.

    Attributes:
        op: Name of the opcode.
        role: How it is done.
        sources: Values: a node by its index, leaf i as `-1 - i`, a number of the host as `HOST + slot`.
        kind: Of the result.
        wide: Of the pass that it belongs to, what its sources are brought to; of a whole node the result's kind.
        finish: For a reduction.
    """

    op: str
    role: Role
    sources: tuple[int, ...]
    kind: Kind
    wide: Kind
    finish: int = 0


@dataclass(slots=True)
class Graph:
    """A program as nodes.

    Attributes:
        facts: What the check said.
        leaves: The values that are there before the step.
        nodes: What to do, in a possible order; the last applies the update.
        nexts: The node that makes each next state.
        host: Numbers of the host: `t`, `T`, then constants, and room for results.
        once: Host rows `(op, result, arguments...)` that do not depend on `t`.
        every: Those that do.
        varying: Host slots that depend on `t`.
    """

    facts: Facts
    leaves: list[Leaf] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    nexts: list[int] = field(default_factory=list)
    host: list[float] = field(default_factory=lambda: [0.0, 0.0])
    once: list[tuple[str, int, tuple[int, ...]]] = field(default_factory=list)
    every: list[tuple[str, int, tuple[int, ...]]] = field(default_factory=list)
    varying: set[int] = field(default_factory=lambda: {T})

    def kind(self, value: int) -> Kind:
        """The kind of any value."""
        if value >= HOST:
            return Kind.SCALAR
        return self.nodes[value].kind if value >= 0 else self.leaves[-1 - value].kind


def lower(program: Program, hypers: Mapping[str, float], *, subtract: bool) -> Graph:
    """Take a program apart.

    Args:
        program: A legal update rule.
        hypers: Values that replace the defaults.
        subtract: Whether the last node subtracts the update from the weights, or only shows it.

    Raises:
        CheckError: The program is not legal.
    """
    lowering = _Lowering(program, hypers)
    for index in sorted(_needed(program)):
        instr = program.body[index]
        lowering.results[index] = lowering.instruction(instr, lowering.graph.facts.kinds[index])
    lowering.finish(subtract)
    return lowering.graph


def _needed(program: Program) -> set[int]:
    """The instructions that an output depends on in the same step."""
    needed: set[int] = set()
    pending = list(program.outputs)
    while pending:
        arg = pending.pop()
        if type(arg) is Var and arg.index not in needed:
            needed.add(arg.index)
            pending += program.body[arg.index].args
    return needed


class _Lowering:
    def __init__(self, program: Program, hypers: Mapping[str, float]) -> None:
        self.program = program
        self.graph = Graph(check(program))
        self.results: dict[int, int] = {}
        self.constants: dict[float, int] = {}
        self.known: dict[tuple[object, ...], int] = {}
        self.names: dict[str, int] = {"t": HOST + T, "T": HOST + STEPS}
        for hyper in program.hypers:
            self.names[hyper.name] = self.constant(hypers.get(hyper.name, hyper.default))

    def constant(self, value: float) -> int:
        if value not in self.constants:
            self.constants[value] = len(self.graph.host)
            self.graph.host.append(value)
        return HOST + self.constants[value]

    def leaf(self, name: str, kind: Kind) -> int:
        if name not in self.names:
            self.graph.leaves.append(Leaf(name, kind))
            self.names[name] = -len(self.graph.leaves)
        return self.names[name]

    def value(self, arg: Arg) -> int:
        if type(arg) is Var:
            return self.results[arg.index]
        if type(arg) is Ref:
            return self.leaf(arg.name, self.graph.facts.kind(arg))
        assert isinstance(arg, Const)
        return self.constant(arg.value)

    def node(self, op: str, role: Role, sources: tuple[int, ...], kind: Kind, wide: Kind, finish: int = 0) -> int:
        known = self.known.setdefault((op, sources, wide, finish), len(self.graph.nodes))
        return self.append(Node(op, role, sources, kind, wide, finish)) if known == len(self.graph.nodes) else known

    def append(self, node: Node) -> int:
        self.graph.nodes.append(node)
        return len(self.graph.nodes) - 1

    def elementwise(self, op: str, sources: tuple[int, ...], kind: Kind) -> int:
        if min(sources) < HOST:
            return self.node(op, Role.ELEMENTWISE, sources, kind, kind)
        graph = self.graph
        slots = tuple([source - HOST for source in sources])
        result = len(graph.host)
        graph.host.append(0.0)
        if graph.varying.isdisjoint(slots):
            graph.once.append((op, result, slots))
        else:
            graph.every.append((op, result, slots))
            graph.varying.add(result)
        return HOST + result

    def gather(self, op: str, sources: tuple[int, ...], wide: Kind) -> int:
        gather, finish = REDUCTIONS[op]
        kind = Kind.SCALAR if finish & Finish.GLOBAL else Kind.PER_TENSOR
        return self.node(gather, Role.REDUCTION, sources, kind, wide, finish)

    def instruction(self, instr: Instr, kind: Kind) -> int:
        op, graph = OPS[instr.op], self.graph
        values = tuple([self.value(arg) for arg in instr.args])
        match op.shape:
            case Shape.ELEMENTWISE:
                if instr.op == "interp" and values[SHARE_ROW] >= HOST and min(values) < HOST:
                    # As in the reference, what is left of a share that the host knows is computed by the host.
                    rest = self.elementwise("sub", (self.constant(1.0), values[SHARE_ROW]), Kind.SCALAR)
                    return self.elementwise(WEIGHTED, (values[0], values[1], rest, values[SHARE_ROW]), kind)
                return self.elementwise(instr.op, values, kind)
            case Shape.SIZE:
                return self.leaf(f"{instr.op} {graph.kind(values[0]).value}", Kind.PER_TENSOR)
            case Shape.REDUCTION | Shape.GLOBAL:
                wide = join([graph.kind(value) for value in values])
                assert wide is not None, "the check has refused what does not broadcast"
                if instr.op == "cosine_sim":
                    norms = [self.gather("global_norm", (value,), wide) for value in values]
                    size = self.elementwise("mul", (norms[0], norms[1]), Kind.SCALAR)
                    return self.elementwise("div", (self.gather("global_dot", values, wide), size), Kind.SCALAR)
                if instr.op in REDUCTIONS:
                    return self.gather(instr.op, values, wide)
            case Shape.RESCALING:
                ratio = self.elementwise("div", (values[1], self.gather("global_norm", values[:1], kind)), Kind.SCALAR)
                return self.elementwise(
                    "mul", (values[0], self.elementwise("minimum", (self.constant(1.0), ratio), Kind.SCALAR)), kind
                )
        return self.node(instr.op, Role.WHOLE, values, kind, kind)

    def finish(self, subtract: bool) -> None:
        """The next states, each by a node of its own, and the update."""
        graph = self.graph
        for name, arg in zip(self.program.states, self.program.next_states, strict=True):
            kind, value = graph.facts.state_kinds[name], self.value(arg)
            self.leaf(name, kind)
            if not 0 <= value < HOST or value in graph.nexts or graph.kind(value) is not kind:
                value = self.append(Node(MOVE, Role.ELEMENTWISE, (value,), kind, kind))
            graph.nexts.append(value)
        update = self.value(self.program.signature_outputs[0])
        op, sources = ("sub", (self.leaf("w", Kind.TENSOR), update)) if subtract else (MOVE, (update,))
        self.append(Node(op, Role.ELEMENTWISE, sources, Kind.TENSOR, Kind.TENSOR))
