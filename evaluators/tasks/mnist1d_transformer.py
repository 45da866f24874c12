"""MNIST-1D by a transformer of two blocks that sees four points at each position."""

from __future__ import annotations

from evaluators.models.blocks import transformer
from evaluators.models.layers import Linear, MeanPool, Positions
from evaluators.models.losses import CrossEntropy
from evaluators.models.model import Model
from evaluators.tasks.mnist1d import CLASSES, LENGTH
from evaluators.tasks.mnist1d_gru import POINTS, pieces
from evaluators.tasks.naming import Tier
from evaluators.tasks.task import Task

WIDTH, HEADS, BLOCKS = 32, 4, 2


def model(scale: int = 1) -> Model:
    """Two blocks, the mean over the positions, logits; heads become more, not wider."""
    width = scale * WIDTH
    layers = (
        Linear(POINTS, width),
        Positions(width, LENGTH // POINTS),
        *transformer(width, scale * HEADS, BLOCKS, causal=False),
        MeanPool(),
        Linear(width, CLASSES, gain=0.5),
    )
    return Model(layers, CrossEntropy(), positions=LENGTH // POINTS)


TASK = Task(
    name="mnist1d_transformer",
    doc="Digits as noisy curves of 40 points, four at each position; transformer of two blocks of 32",
    tier=Tier.VALIDATE,
    revision=1,
    steps=1500,
    batch=32,
    load=pieces,
    model=model(),
    widen=model,
)
TASKS = (TASK,)
