"""Byte-level language modelling of Python source code by a gated recurrent unit."""

from __future__ import annotations

from functools import partial

from evaluators.models.layers import Embedding, Gru, Linear
from evaluators.models.losses import CrossEntropy
from evaluators.models.model import Model
from evaluators.tasks.corpus import SYMBOLS, python_source, sequences
from evaluators.tasks.naming import Tier
from evaluators.tasks.task import Task

LENGTH, WIDTH, HIDDEN = 32, 8, 32


def model(scale: int = 1) -> Model:
    """Embedding, recurrent unit, logits at every position."""
    width, hidden = scale * WIDTH, scale * HIDDEN
    layers = (Embedding(SYMBOLS, width), Gru(width, hidden, last=False), Linear(hidden, SYMBOLS, gain=0.5))
    return Model(layers, CrossEntropy(), positions=LENGTH)


TASK = Task(
    name="text_gru",
    doc="Next character of Python source code, at every place of pieces of 32; gated recurrent unit of 32",
    tier=Tier.SEARCH,
    revision=1,
    steps=500,
    batch=16,
    load=partial(sequences, python_source, LENGTH, validation=128),
    model=model(),
    widen=model,
)
TASKS = (TASK, TASK.longer(4, Tier.VALIDATE))
