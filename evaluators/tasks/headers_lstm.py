"""Byte-level language modelling of C++ headers by a long short-term memory."""

from __future__ import annotations

from functools import partial

from evaluators.models.layers import Embedding, Linear, Lstm
from evaluators.models.losses import CrossEntropy
from evaluators.models.model import Model
from evaluators.tasks.corpus import SYMBOLS, headers, sequences
from evaluators.tasks.naming import Tier
from evaluators.tasks.task import Task

LENGTH, WIDTH, HIDDEN = 48, 16, 64


def model(scale: int = 1) -> Model:
    """Embedding, recurrent layer, logits at every position."""
    width, hidden = scale * WIDTH, scale * HIDDEN
    layers = (Embedding(SYMBOLS, width), Lstm(width, hidden, last=False), Linear(hidden, SYMBOLS, gain=0.5))
    return Model(layers, CrossEntropy(), positions=LENGTH)


TASK = Task(
    name="headers_lstm",
    doc="Next character of C++ headers, at every place of pieces of 48; long short-term memory of 64",
    tier=Tier.VALIDATE,
    revision=1,
    steps=800,
    batch=16,
    load=partial(sequences, headers, LENGTH, validation=128),
    model=model(),
    widen=model,
)
TASKS = (TASK, TASK.longer(4, Tier.TEST))
