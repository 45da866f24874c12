"""A rule in plain words, for whoever finds its exported file: what it keeps, and how long its steps are."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from programs import zoo
from programs.check import check
from programs.ir import Arg, Instr, Program, Ref, Var
from programs.layout import Layout
from programs.matrix import Array
from programs.measures import measure
from programs.run import NUMPY, Runner
from programs.show import Printer

_SHAPES = ((16, 16), (16,))
_STEPS = 100
_GRADIENT = 0.01
_AS_LONG = 1.5
"""Steps are called equally long if they differ by less than this factor."""
_COMPARABLE = 100.0
"""A rule whose steps differ by more finds its own scale, and gets no number."""
_NO_DEGREE = 0.05
_SHORT = 40
_INPUTS = {"g": "the gradient", "w": "the weights", "h": "the curvature", "loss": "the loss"}


def words(program: Program) -> list[str]:
    """Sentences about a rule, in the order in which a reader wants to know them.

    Args:
        program: An update rule, best after `programs.canon.simplify`.
    """
    sentences = [*_states(program), _scale(program)]
    decays = _decays(program)
    if decays:
        sentences.append(f"Every step also shrinks the weights, by {decays} times the learning rate.")
    memory = check(program).cost.memory_per_weight
    sentences.append(f"From step to step it keeps {_count(memory)} per weight.")
    return sentences


def _states(program: Program) -> list[str]:
    namer = _Namer(program)
    nexts = zip(program.states, program.next_states, strict=True)
    return [f"`{state}` {_kept(program, Ref(state), value, namer)}." for state, value in nexts]


def _kept(program: Program, state: Ref, value: Arg, namer: _Namer) -> str:
    """What a state holds."""
    if value == Ref("g"):
        return "is the gradient of the step before"
    if value == Ref("w"):
        return "is what the weights were before the last step"
    instr = program.body[value.index] if isinstance(value, Var) else Instr("", ())
    if instr.op == "interp" and instr.args[1] == state:
        what, share = namer.called(instr.args[0]), namer.called(instr.args[2])
        return f"is a running average of {what} that keeps the share {share} of itself"
    pairs = [(instr.args[0], instr.args[1]), (instr.args[1], instr.args[0])] if len(instr.args) == 2 else []
    for own, other in pairs:
        product = program.body[own.index] if isinstance(own, Var) else Instr("", ())
        if instr.op == "add" and own == state:
            return f"adds up {namer.called(other)}"
        if instr.op == "add" and product.op == "mul" and state in product.args:
            factor = product.args[product.args[0] == state]
            return f"adds up {namer.called(other)}, after keeping the share {namer.called(factor)} of itself"
        if instr.op in ("maximum", "minimum") and own == state:
            return f"is the {'largest' if instr.op == 'maximum' else 'smallest'} {namer.called(other)} so far"
    return "is computed anew in every step"


class _Namer(Printer):
    """Names an argument as the rule does, or by its expression where that is short."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.inlined = {index for index, instr in enumerate(program.body) if not instr.name}
        self.names = {index: instr.name for index, instr in enumerate(program.body) if instr.name}

    def called(self, arg: Arg) -> str:
        if isinstance(arg, Ref) and arg.name in _INPUTS:
            return _INPUTS[arg.name]
        text = self._expression(arg)[0]
        return f"`{text}`" if len(text) <= _SHORT else "what the rule computes"


def _scale(program: Program) -> str:
    degree = measure(program)["gradient_homogeneity"]
    if abs(degree) < _NO_DEGREE:
        return "Gradients that are all larger by one factor give the same steps."
    if abs(degree - 1) < _NO_DEGREE:
        return "The steps grow in proportion to the gradients."
    return f"Gradients twice as large give steps {2**degree:.2g} times as long."


def _decays(program: Program) -> str:
    """The hyperparameter that the weights are multiplied by, if they are by one."""
    hypers = {Ref(hyper.name) for hyper in program.hypers}
    found = [arg for instr in program.body if instr.op == "mul" and Ref("w") in instr.args for arg in instr.args]
    names = [arg.name for arg in found if isinstance(arg, Ref) and arg in hypers]
    return f"`{names[0]}`" if len(names) == 1 else ""


def _count(numbers: float) -> str:
    if numbers < 0.25:
        return "next to nothing" if numbers else "nothing"
    rounded = f"{numbers:.2g}"
    return f"{rounded} number{'' if rounded == '1' else 's'}"


def learning_rate_advice(program: Program) -> str:
    """Where to begin with the learning rate, given a good one for AdamW, from the length of steps on random gradients.

    A rule whose steps grow with the gradients gets no number, for then no factor fits more than one model.
    """
    if "lr" not in program.inputs:
        return "It takes no learning rate."
    unmeasured = "This is arithmetic, not a measurement: tune it."
    if abs(measure(program)["gradient_homogeneity"]) >= _NO_DEGREE:
        return f"Its steps depend on the size of the gradients, so that AdamW's learning rate says little. {unmeasured}"
    factor = step_length(program) / _adamw_step_length()
    if not 1 / _COMPARABLE < factor < _COMPARABLE:
        return f"Its steps are not on the scale of AdamW's, whose learning rate says little. {unmeasured}"
    if 1 / _AS_LONG < factor < _AS_LONG:
        return f"On random gradients its steps are about as long as AdamW's: begin with AdamW's. {unmeasured}"
    compared = f"{factor:.2g} times as long as" if factor > 1 else f"{1 / factor:.2g} times shorter than"
    begin = f"divided by {factor:.2g}" if factor > 1 else f"times {1 / factor:.2g}"
    return (
        f"On random gradients its steps are about {compared} AdamW's at one learning rate: begin with AdamW's {begin}. "
        f"{unmeasured}"
    )


def step_length(program: Program) -> float:
    """Root mean square of the update per unit of learning rate, after many steps on gradients that are noise.

    Median over the second half of the steps; not finite, or 0, for a rule that does nothing sensible there.
    """
    rng = np.random.default_rng(0)
    layout = Layout.of(_SHAPES)
    runner = Runner(program, layout, NUMPY)
    weights = 0.1 * rng.standard_normal((1, layout.size))
    states = runner.zero_states(weights)
    rate, lengths = 1e-3, []
    for step in range(1, _STEPS + 1):
        gradient = _GRADIENT * rng.standard_normal((1, layout.size))
        inputs: dict[str, float | Array] = {
            "w": weights,
            "g": gradient,
            "w0": weights,
            "h": np.square(gradient),
            "loss": 1.0,
            "lr": rate,
        }
        (update,), states = runner({**inputs, "t": float(step), "T": float(_STEPS)}, states)
        with np.errstate(all="ignore"):
            lengths.append(float(np.sqrt(np.mean(np.square(update)))) / rate)
    return float(np.median(lengths[_STEPS // 2 :]))


@lru_cache(maxsize=1)
def _adamw_step_length() -> float:
    return step_length(zoo.load("adamw"))
