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
SMOOTHING = 0.1
"""Without it a few confidently wrong images make most of the validation loss, and its noise."""


def _load() -> Data:
    from sklearn.datasets import load_digits  # here, because it takes a second to import

    bunch = load_digits()
    order = np.random.default_rng(0).permutation(len(bunch.target))
    inputs = (bunch.data[order] / 16.0).astype(np.float32)
    targets = bunch.target[order].astype(np.int64)
    return Data(Examples(inputs[:TRAIN], targets[:TRAIN]), Examples(inputs[TRAIN:], targets[TRAIN:]))


def _loss(weights: Sequence[Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
    first, first_bias, second, second_bias, output, output_bias = weights
    x = linear(inputs.mT, first, first_bias).relu()
    x = linear(x, second, second_bias).relu()
    return cross_entropy(linear(x, output, output_bias), targets, SMOOTHING)


TASK = Task(
    name="digits_mlp",
    doc="8 x 8 images of handwritten digits, labels smoothed by 0.1; multilayer perceptron 64-32-32-10",
    tier=Tier.SEARCH,
    revision=1,
    parameters=(
        Parameter("first.weight", (HIDDEN, PIXELS), std=(2 / PIXELS) ** 0.5),
        Parameter("first.bias", (HIDDEN,)),
        Parameter("second.weight", (HIDDEN, HIDDEN), std=(2 / HIDDEN) ** 0.5),
        Parameter("second.bias", (HIDDEN,)),
        Parameter("output.weight", (CLASSES, HIDDEN), std=0.5 * HIDDEN**-0.5),
        Parameter("output.bias", (CLASSES,)),
    ),
    steps=300,
    batch=32,
    load=_load,
    loss=_loss,
)
