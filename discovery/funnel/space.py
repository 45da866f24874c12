"""What a tuner may choose: learning rate, weight decay and a rule's own hyperparameters, from its text alone.

Everybody is treated alike, known rules and found ones. A rule that has no weight decay is given one, decoupled as in
AdamW, so that a rule is not credited for what any other may have too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from programs.ir import Hyper, Instr, Program, Ref, Var
from programs.rewrite import fresh_name

DECAY = "weight_decay"
RATES = (1e-4, 10.0)
"""Peaks of the schedule that a tuner may choose."""
_DECAYS = (1e-4, 1.0)
_FACTOR = 50.0
_SMALL = 1e-4
_SMALL_FACTOR = 1e3


@dataclass(frozen=True, slots=True)
class Knob:
    """A hyperparameter and how it is turned: by the logarithm of its size, or of what it lacks to 1.

    Attributes:
        name: Of the hyperparameter.
        low: Least value of what is drawn.
        high: Largest.
        to_one: Whether `1 - value` is drawn, as for the decay of an average.
        sign: 1 or -1; a rule's own hyperparameter keeps its sign.
    """

    name: str
    low: float
    high: float
    to_one: bool = False
    sign: float = 1.0

    def value(self, drawn: float) -> float:
        """The hyperparameter for what was drawn."""
        return _rounded(1 - drawn) if self.to_one else self.sign * _rounded(drawn)

    def drawn(self, value: float) -> float:
        """What is drawn for this value, held within the limits."""
        return min(self.high, max(self.low, 1 - value if self.to_one else abs(value)))


def with_decay(program: Program) -> Program:
    """The rule with decoupled weight decay, `lr * weight_decay * w`, unless it has a hyperparameter of that name."""
    if any(hyper.name == DECAY for hyper in program.hypers):
        return program
    name = fresh_name(DECAY, program)
    size = len(program.body)
    decay = (
        Instr("mul", (Ref("w"), Ref(name)), "decay"),
        Instr("mul", (Var(size), Ref("lr"))),
        Instr("add", (program.outputs[0], Var(size + 1)), "update"),
    )
    used = {*program.inputs, "w", "lr"}
    return replace(
        program,
        inputs=tuple(name for name in program.signature.inputs if name in used),
        hypers=(*program.hypers, Hyper(name, 0.0)),
        body=(*program.body, *decay),
        outputs=(Var(size + 2), *program.outputs[1:]),
    )


def knobs(program: Program) -> list[Knob]:
    """What there is to tune besides the learning rate; a hyperparameter that is 0 stays 0, unless it is a decay."""
    return [knob for hyper in program.hypers if (knob := _knob(hyper)) is not None]


def set_hypers(program: Program, values: Mapping[str, float]) -> Program:
    """The rule with other defaults; names that it does not have are passed over."""
    hypers = tuple(Hyper(hyper.name, values.get(hyper.name, hyper.default)) for hyper in program.hypers)
    return replace(program, hypers=hypers)


def central(program: Program, choices: Sequence[Mapping[str, float]]) -> Program:
    """The rule with the median of what was chosen for each hyperparameter, on the scale that it was drawn from."""
    values = {
        knob.name: knob.value(math.exp(median(math.log(knob.drawn(choice[knob.name])) for choice in choices)))
        for knob in knobs(program)
        if choices
    }
    return set_hypers(program, values)


def _knob(hyper: Hyper) -> Knob | None:
    value = hyper.default
    if hyper.name == DECAY:
        return Knob(hyper.name, *_DECAYS)
    if value == 0:
        return None
    if 0.5 <= value < 1:
        lacks = 1 - value
        return Knob(hyper.name, lacks / _FACTOR, max(lacks, min(0.5, lacks * _FACTOR)), to_one=True)
    factor = _SMALL_FACTOR if abs(value) < _SMALL else _FACTOR
    return Knob(hyper.name, abs(value) / factor, abs(value) * factor, sign=math.copysign(1.0, value))


def _rounded(value: float) -> float:
    """Three digits: nobody can tell more, and the text stays readable."""
    return float(f"{value:.3g}") if value < 0.9 else round(value, 6)
