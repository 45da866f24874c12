"""Handwritten digits: 1,797 images of 8 x 8 pixels and a small multilayer perceptron.

The images are the test part of the UCI set "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak 1998),
shipped inside scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from evaluators.tasks.layers import cross_entropy, linear
from evaluators.tasks.task import Data, Examples, Parameter, Task, Tier

PIXELS, HIDDEN, CLASSES = 64, 32, 10
TRAIN = 1437


def _load() -> Data:
    from sklearn.datasets import load_digits  # here, because it takes a second to import

    bunch = load_digits()
    order = np.random.default_rng(0).permutation(len(bunch.target))
    inputs = (bunch.data[order] / 16.0).astype(np.float32)
    targets = bunch.target[order].astype(np.int64)
    return Data(Examples(inputs[:TRAIN], targets[:TRAIN]), Examples(inputs[TRAIN:], targets[TRAIN:]))


def _loss(weights: Sequence[Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
    hidden, hidden_bias, output, output_bias = weights
    x = linear(inputs.mT, hidden, hidden_bias).relu()
    return cross_entropy(linear(x, output, output_bias), targets)


TASK = Task(
    name="digits_mlp",
    doc="8 x 8 images of handwritten digits; multilayer perceptron 64-32-10",
    tier=Tier.SEARCH,
    revision=1,
    parameters=(
        Parameter("hidden.weight", (HIDDEN, PIXELS), std=(2 / PIXELS) ** 0.5),
        Parameter("hidden.bias", (HIDDEN,)),
        Parameter("output.weight", (CLASSES, HIDDEN), std=(1 / HIDDEN) ** 0.5),
        Parameter("output.bias", (CLASSES,)),
    ),
    steps=300,
    batch=32,
    load=_load,
    loss=_loss,
)
