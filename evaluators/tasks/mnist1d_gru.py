"""MNIST-1D by a gated recurrent unit that sees four points at a time."""

from __future__ import annotations

from evaluators.models.layers import Gru, Linear
from evaluators.models.losses import CrossEntropy
from evaluators.models.model import Model
from evaluators.tasks.mnist1d import CLASSES, LENGTH, curves
from evaluators.tasks.naming import Tier
from evaluators.tasks.task import Data, Examples, Task

POINTS, HIDDEN = 4, 32


def pieces() -> Data:
    """The curves, cut in pieces of four points: `(examples, 10, 4)`."""

    def cut(examples: Examples) -> Examples:
        return Examples(examples.inputs.reshape(-1, LENGTH // POINTS, POINTS), examples.targets)

    return Data(cut(curves().train), cut(curves().validation))


def model(scale: int = 1) -> Model:
    """Recurrent unit, and logits of what it ends with."""
    hidden = scale * HIDDEN
    layers = (Gru(POINTS, hidden, last=True), Linear(hidden, CLASSES, gain=0.5))
    return Model(layers, CrossEntropy(), positions=LENGTH // POINTS)


TASK = Task(
    name="mnist1d_gru",
    doc="Digits as noisy curves of 40 points; gated recurrent unit of 32 that sees four points at a time",
    tier=Tier.SEARCH,
    revision=1,
    steps=300,
    batch=32,
    load=pieces,
    model=model(),
    widen=model,
)
TASKS = (TASK, TASK.longer(4, Tier.SEARCH))
