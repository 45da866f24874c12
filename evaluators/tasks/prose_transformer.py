"""Byte-level language modelling of English prose by a transformer of two blocks."""

from __future__ import annotations

from functools import partial

from evaluators.models.blocks import language_model
from evaluators.models.model import Model
from evaluators.tasks.corpus import SYMBOLS, prose, sequences
from evaluators.tasks.naming import Tier
from evaluators.tasks.task import Task

LENGTH, WIDTH, HEADS, BLOCKS = 64, 64, 4, 2


def model(scale: int = 1) -> Model:
    """Embedding, two blocks, logits at every position; heads become more, not wider."""
    return language_model(SYMBOLS, LENGTH, scale * WIDTH, scale * HEADS, BLOCKS)


TASK = Task(
    name="prose_transformer",
    doc="Next character of English prose, at every place of pieces of 64; transformer of two blocks of 64",
    tier=Tier.VALIDATE,
    revision=1,
    steps=500,
    batch=16,
    load=partial(sequences, prose, LENGTH, validation=128),
    model=model(),
    widen=model,
)
TASKS = (TASK, TASK.longer(4, Tier.TEST))
