"""Byte-level language modelling of Python source code: predict a character from the eight before it.

The model is that of Bengio et al. 2003, "A Neural Probabilistic Language Model", with one hidden layer.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from evaluators.models.layers import RELU_GAIN, Embedding, Flatten, Linear, Relu
from evaluators.models.losses import CrossEntropy
from evaluators.models.model import Model
from evaluators.tasks.corpus import SYMBOLS, Stream, python_source
from evaluators.tasks.naming import Tier
from evaluators.tasks.task import Data, Examples, Task

CONTEXT, WIDTH, HIDDEN = 8, 8, 64
VALIDATION_EXAMPLES = 1024


def windows(stream: Stream, context: int) -> Examples:
    """Every symbol of a text that has `context` others before it, as targets, and those others."""
    found = sliding_window_view(stream, context + 1)
    return Examples(found[:, :context], found[:, context])


def _load() -> Data:
    train, everything = (windows(stream, CONTEXT) for stream in python_source())
    chosen = np.random.default_rng(0).choice(len(everything.targets), VALIDATION_EXAMPLES, replace=False)
    return Data(train, Examples(everything.inputs[chosen], everything.targets[chosen]))


def model(scale: int = 1) -> Model:
    """Embedding, one hidden layer, logits."""
    width, hidden = scale * WIDTH, scale * HIDDEN
    layers = (
        Embedding(SYMBOLS, width),
        Flatten(),
        Linear(CONTEXT * width, hidden, gain=RELU_GAIN),
        Relu(),
        Linear(hidden, SYMBOLS, gain=0.5),
    )
    return Model(layers, CrossEntropy(), positions=CONTEXT)


TASK = Task(
    name="text_ngram",
    doc="Next character of Python source code from the eight before it; embedding and one hidden layer of 64",
    tier=Tier.SEARCH,
    revision=2,
    steps=500,
    batch=64,
    load=_load,
    model=model(),
    widen=model,
)
TASKS = (TASK, TASK.longer(4, Tier.SEARCH))
