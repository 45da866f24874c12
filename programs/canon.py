"""One form for all ways of writing the same program, so that a search meets each only once.

A program is entered into a graph (`programs.graph`) that keeps equal expressions once and applies the exact rules of
`programs.rules`. Around that runs a fixed point over the training loop: all states are first taken to be zero forever,
and are told apart only when their next values are; at the end, states that are still one class always hold the same
number, and those still in the class of zero are the constant 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from programs.check import liveness
from programs.graph import Graph, digest
from programs.ir import Arg, Instr, Program, Ref, Var
from programs.ops import OPS
from programs.rewrite import prune
from programs.rules import TO_COMPARE, TO_READ, Rule

_COMMUTATIVE = frozenset(op.name for op in OPS.values() if op.commutative)
_EXACTLY_COMMUTATIVE = frozenset(name for name in _COMMUTATIVE if not OPS[name].edge)
_ZERO = b"zero"

Colours = dict[str, bytes]


def simplify(program: Program) -> Program:
    """The same program without what does nothing, never longer, with its names, order and hyperparameters kept.

    Drops instructions, states, inputs and hyperparameters that no output depends on, this step or a later one; merges
    equal expressions and states that always hold the same number; folds constants in double precision where the result
    is finite; applies the exact rules. In double precision every output keeps every bit.
    """
    form = _normal_form(program, TO_READ, _EXACTLY_COMMUTATIVE, by_value=False)
    return _write(program, form)


def structure(program: Program) -> str:
    """A hash, 32 hexadecimal digits, of what a program computes as far as exact algebra can tell.

    Hyperparameters count by their default values. The same for programs that differ in names, in the order of
    instructions, states or commutative arguments, in dead code, or in anything else that `simplify` removes.
    """
    form = _normal_form(program, TO_COMPARE, _COMMUTATIVE, by_value=True)
    key_of = [node.key for node in form.graph.nodes]
    recurrences = {digest(colour, key_of[form.nexts[name]]) for name, colour in form.colours.items() if colour != _ZERO}
    return digest(program.signature.name, *(key_of[place] for place in form.outputs), *sorted(recurrences)).hex()


@dataclass(frozen=True, slots=True)
class _Form:
    """A program as a graph.

    Attributes:
        graph: Its expressions.
        outputs: The nodes of what the signature asks for.
        nexts: The node of the next value of each state.
        colours: The class of each live state: states of one colour always hold the same number.
        names: What a reader calls a node, where the program says so.
    """

    graph: Graph
    outputs: tuple[int, ...]
    nexts: dict[str, int]
    colours: Colours
    names: dict[int, str]


def _normal_form(
    program: Program, rules: Mapping[str, Sequence[Rule]], commutative: frozenset[str], *, by_value: bool
) -> _Form:
    _, live_names = liveness(program, program.signature_outputs)
    colours = {name: _ZERO for name in program.states if name in live_names}
    while True:
        form = _enter(program, Graph(rules, commutative), colours, by_value=by_value)
        zero = form.graph.constant(0.0)
        refined = {
            name: _ZERO if colour == _ZERO and form.nexts[name] == zero else _next_colour(form, name)
            for name, colour in colours.items()
        }
        # Classes only ever split, and the class of zero only by founding another one.
        if len({*refined.values()} - {_ZERO}) == len({*colours.values()} - {_ZERO}):
            return form
        colours = refined


def _next_colour(form: _Form, name: str) -> bytes:
    return digest(form.colours[name], form.graph.nodes[form.nexts[name]].key)


def _enter(program: Program, graph: Graph, colours: Colours, *, by_value: bool) -> _Form:
    """Enter a program, taking states of one colour for one state."""
    heads: dict[str, int] = {name: graph.leaf(Ref(name), f"input {name}") for name in program.inputs}
    for hyper in program.hypers:
        opaque = graph.leaf(Ref(hyper.name), f"hyper {hyper.name}")
        heads[hyper.name] = graph.constant(hyper.default) if by_value else opaque
    for name in program.states:
        colour = colours.get(name, _ZERO)
        heads[name] = graph.constant(0.0) if colour == _ZERO else graph.leaf(Ref(name), colour)
    places = graph.enter(program, heads)
    names: dict[int, str] = {}
    for instr, place in zip(program.body, places, strict=False):
        if instr.name:
            names.setdefault(place, instr.name)
    asked = len(program.body) + len(program.signature.outputs)
    nexts = dict(zip(program.states, places[asked:], strict=True))
    return _Form(graph, tuple(places[len(program.body) : asked]), nexts, colours, names)


def _write(program: Program, form: _Form) -> Program:
    """The live part of a form as a program."""
    written: list[Arg] = []
    body: list[Instr] = []
    for place, node in enumerate(form.graph.nodes):
        if node.leaf is not None:
            written.append(node.leaf)
        else:
            written.append(Var(len(body)))
            body.append(Instr(node.op, tuple(written[arg] for arg in node.args), form.names.get(place, "")))
    places = (*form.outputs, *(form.nexts[name] for name in program.states))
    return prune(replace(program, body=tuple(body), outputs=tuple(written[place] for place in places)))
