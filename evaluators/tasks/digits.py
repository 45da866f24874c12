"""Handwritten digits: 1,797 images of 8 x 8 pixels and a small multilayer perceptron.

The images are the test part of the UCI set "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak 1998),
shipped inside scikit-learn.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from evaluators.models.layers import RELU_GAIN, Linear, Relu
from evaluators.models.losses import CrossEntropy
from evaluators.models.model import Model
from evaluators.tasks.naming import Tier
from evaluators.tasks.task import Data, Examples, Task

SIDE, PIXELS, HIDDEN, CLASSES = 8, 64, 32, 10
TRAIN = 1437
SMOOTHING = 0.1
"""Without it a few confidently wrong images make most of the validation loss, and its noise."""


@cache
def images() -> Data:
    """The images `(examples, 64)`, row by row, and which digit each shows."""
    from sklearn.datasets import load_digits  # here, because it takes a second to import

    bunch = load_digits()
    order = np.random.default_rng(0).permutation(len(bunch.target))
    inputs = (bunch.data[order] / 16.0).astype(np.float32)
    targets = bunch.target[order].astype(np.int64)
    return Data(Examples(inputs[:TRAIN], targets[:TRAIN]), Examples(inputs[TRAIN:], targets[TRAIN:]))


def model(scale: int = 1) -> Model:
    """Two hidden layers."""
    hidden = scale * HIDDEN
    layers = (
        Linear(PIXELS, hidden, gain=RELU_GAIN),
        Relu(),
        Linear(hidden, hidden, gain=RELU_GAIN),
        Relu(),
        Linear(hidden, CLASSES, gain=0.5),
    )
    return Model(layers, CrossEntropy(SMOOTHING))


TASK = Task(
    name="digits_mlp",
    doc="8 x 8 images of handwritten digits, labels smoothed by 0.1; multilayer perceptron 64-32-32-10",
    tier=Tier.SEARCH,
    revision=1,
    steps=300,
    batch=32,
    load=images,
    model=model(),
    widen=model,
)
TASKS = (TASK, TASK.longer(4, Tier.SEARCH))
