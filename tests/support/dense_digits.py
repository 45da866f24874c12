"""A small task on which no gradient is ever exactly zero: digits with noise on every pixel, and a smooth network.

Rules that divide by what may be zero, such as the raw program that became Lion, fail on tasks with dead inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor

from evaluators import tasks
from evaluators.tasks.layers import cross_entropy, linear
from evaluators.tasks.task import Data, Examples, Task

NAME = "dense_digits"
NOISE = 0.3


def _load() -> Data:
    digits = tasks.get("digits_mlp").data
    rng = np.random.default_rng(0)

    def noisy(examples: Examples) -> Examples:
        noise = NOISE * rng.standard_normal(examples.inputs.shape)
        return Examples((examples.inputs + noise).astype(np.float32), examples.targets)

    return Data(noisy(digits.train), noisy(digits.validation))


def _loss(weights: Sequence[Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
    first, first_bias, second, second_bias, output, output_bias = weights
    x = linear(inputs.mT, first, first_bias).tanh()
    x = linear(x, second, second_bias).tanh()
    return cross_entropy(linear(x, output, output_bias), targets)


TASK: Task = replace(
    tasks.get("digits_mlp"),
    name=NAME,
    doc="digits with noise, a smooth network",
    steps=400,
    batch=8,
    load=_load,
    loss=_loss,
)
