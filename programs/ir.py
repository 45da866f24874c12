"""A rule as data: a straight-line program in single-assignment form.

    program  ::=  inputs, states, hypers, body, outputs
    body     ::=  instr*                      instruction i defines Var(i)
    instr    ::=  op(arg, ..., arg)           op is a row of `programs.ops.OPS`
    arg      ::=  Ref(name) | Var(index) | Const(value)
    outputs  ::=  arg, ..., arg               what the signature asks for, then the next value of each state

Every type is frozen and hashable. `programs.parse` makes programs from text, `programs.show` prints them back, and
`parse(show(p)) == p`. The names of results are for the reader alone and take no part in equality.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from programs.kinds import Kind


@dataclass(frozen=True, slots=True)
class Const:
    """An anonymous number written in the body. Always finite, and never minus zero, which equals zero."""

    value: float


@dataclass(frozen=True, slots=True)
class Ref:
    """A name from the head of the rule: an input, a state slot or a hyperparameter."""

    name: str


@dataclass(frozen=True, slots=True)
class Var:
    """The result of instruction `index`."""

    index: int


Arg = Const | Ref | Var


@dataclass(frozen=True, slots=True)
class Instr:
    """One application of an operation. `name` is what a reader calls the result; empty means written in place."""

    op: str
    args: tuple[Arg, ...]
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Hyper:
    """A named constant with a default: what a tuner tunes and an exported optimizer exposes."""

    name: str
    default: float


@dataclass(frozen=True, slots=True)
class InputCost:
    """What it costs to provide an input, beyond the weights and one gradient that every rule is given.

    Attributes:
        memory: Extra numbers kept per weight.
        gradients: Extra work per step, in evaluations of the gradient.
    """

    memory: float = 0.0
    gradients: float = 0.0


@dataclass(frozen=True, slots=True)
class Signature:
    """What a kind of program is given and must return. The update rule is the first of several.

    Attributes:
        name: For messages.
        inputs: The reserved input names a program may ask for, in the order they are printed, with their kinds.
        required: The inputs that at least one output must depend on.
        outputs: The results, before the states, with their kinds.
        costs: The inputs that a rule should have a reason to ask for, with what they cost. The loss costs nothing, but
            whoever trains with the rule has to hand it over.
    """

    name: str
    inputs: Mapping[str, Kind]
    required: tuple[str, ...]
    outputs: Mapping[str, Kind]
    costs: Mapping[str, InputCost] = field(default_factory=dict)


UPDATE_RULE = Signature(
    name="update rule",
    inputs=MappingProxyType(
        {
            "w": Kind.TENSOR,
            "g": Kind.TENSOR,
            "w0": Kind.TENSOR,
            "h": Kind.TENSOR,
            "loss": Kind.SCALAR,
            "lr": Kind.SCALAR,
            "t": Kind.SCALAR,
            "T": Kind.SCALAR,
        }
    ),
    required=("g",),
    outputs=MappingProxyType({"update": Kind.TENSOR}),
    costs=MappingProxyType(
        {"w0": InputCost(memory=1.0), "h": InputCost(memory=1.0, gradients=2.0), "loss": InputCost()}
    ),
)
"""`w` weights, `g` gradient, `w0` the initial weights, `h` an estimate of the diagonal of the Hessian, `loss` of the
batch, `lr` the scheduled learning rate, `t` the step from 1, `T` the number of steps.

The output is subtracted: `w <- w - update`. `h` is Hutchinson's estimate from one random sign vector z, `z * (H z)`,
new at every step (as in AdaHessian, Yao et al. 2020, arXiv 2006.00719); it costs about two more gradients.
"""


@dataclass(frozen=True, slots=True)
class Program:
    """A rule of the language.

    Attributes:
        name: What the rule is called.
        inputs: The reserved inputs it asks for, in the signature's order.
        states: Its state slots, zero at the first step.
        hypers: Its named constants.
        body: Its instructions; each uses only earlier results.
        outputs: First what the signature asks for, then the next value of each state slot, in order.
        signature: What kind of program it is.
    """

    name: str
    inputs: tuple[str, ...]
    states: tuple[str, ...]
    hypers: tuple[Hyper, ...]
    body: tuple[Instr, ...]
    outputs: tuple[Arg, ...]
    signature: Signature = field(default=UPDATE_RULE, compare=False, repr=False)

    @property
    def signature_outputs(self) -> tuple[Arg, ...]:
        """What the signature asks for, in its order: the outputs without the next states."""
        return self.outputs[: len(self.signature.outputs)]

    @property
    def next_states(self) -> tuple[Arg, ...]:
        """The next value of each state slot, in the order of `states`."""
        return self.outputs[len(self.signature.outputs) :]

    def next_state(self, name: str) -> Arg:
        """The next value of the state slot `name`."""
        return self.next_states[self.states.index(name)]

    def uses(self) -> Iterator[tuple[int, Arg]]:
        """Every argument with the index of its instruction, then every output with index `len(body)`."""
        for index, instr in enumerate(self.body):
            for arg in instr.args:
                yield index, arg
        for arg in self.outputs:
            yield len(self.body), arg

    def last_uses(self) -> dict[Arg, int]:
        """The index of the last instruction that uses each argument, `len(body)` for an output."""
        return {arg: index for index, arg in self.uses()}
