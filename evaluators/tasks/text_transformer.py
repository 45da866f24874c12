"""Byte-level language modelling of Python source code by a transformer of one block."""

from __future__ import annotations

from functools import partial

from evaluators.models.blocks import language_model
from evaluators.models.model import Model
from evaluators.tasks.corpus import SYMBOLS, python_source, sequences
from evaluators.tasks.naming import Tier
from evaluators.tasks.task import Task

LENGTH, WIDTH, HEADS = 32, 32, 4


def model(scale: int = 1) -> Model:
    """Embedding, block, logits at every position; heads become more, not wider."""
    return language_model(SYMBOLS, LENGTH, scale * WIDTH, scale * HEADS, 1)


TASK = Task(
    name="text_transformer",
    doc="Next character of Python source code, at every place of pieces of 32; transformer of one block of 32",
    tier=Tier.SEARCH,
    revision=1,
    steps=400,
    batch=16,
    load=partial(sequences, python_source, LENGTH, validation=128),
    model=model(),
    widen=model,
)
TASKS = (TASK, TASK.longer(4, Tier.VALIDATE))
