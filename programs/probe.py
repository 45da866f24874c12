"""Fixed inputs to try a rule on without training anything, the same on every machine.

The weights a probe shows do not follow the rule's updates: a rule is a function of what it is shown, so prescribed
weights tell as much, cannot blow up, and leave an update linear in the learning rate if the rule is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from programs.ir import Program
from programs.layout import Layout
from programs.run import NUMPY, Runner

Array = NDArray[np.floating[Any]]

LAYOUT = Layout(((), (128,), (3, 2), (2, 1, 2, 2)))
"""A scalar, a vector, a matrix and a convolution kernel; a long vector, because of a rule that ends in a sign it takes
hundreds of weights to see that a constant changed."""
TIMES = (1.0, 2.0, 3.0, 40.0, 900.0)
"""The `t` of each step: early, then far apart, so that whatever depends on time shows."""
HORIZON = 1021.0
"""The `T` of each step: no number that a rule would hold by itself."""


@dataclass(frozen=True)
class Probe:
    """What a rule is shown.

    Attributes:
        weights: shape `(steps, lanes, size)` or broadcast to it.
        gradients: the same.
        rates: learning rates, shape `(steps, lanes, 1)`.
    """

    weights: Array
    gradients: Array
    rates: Array


def noise(stream: int) -> Array:
    """Numbers spread over (-1, 1), shape `(steps, size)`; other streams, other numbers."""
    count = np.arange(1.0, 1.0 + len(TIMES) * LAYOUT.size) + 1000.0 * stream
    # Multiplication and remainder are exact to the last bit everywhere, unlike a random generator over the years.
    fraction = np.fmod(count * count * 0.6180339887498949, 1.0)
    return (2.0 * fraction - 1.0).reshape(len(TIMES), LAYOUT.size)


def respond(program: Program, probe: Probe) -> Array:
    """The updates of a rule that is shown a probe, in double precision, shape `(steps, lanes, size)`."""
    runner = Runner(program, LAYOUT, NUMPY)
    states = runner.zero_states(probe.gradients[0])
    updates = []
    for step, time in enumerate(TIMES):
        shown = {"w": probe.weights[step], "g": probe.gradients[step], "lr": probe.rates[step]}
        (update,), states = runner(shown | {"t": time, "T": HORIZON}, states)
        updates.append(update)
    return np.stack(updates)
