"""A small task on which no gradient is ever exactly zero: digits with noise on every pixel, and a smooth network.

Rules that divide by what may be zero, such as the raw program that became Lion, fail on tasks with dead inputs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evaluators.models.layers import Linear, Tanh
from evaluators.models.losses import CrossEntropy
from evaluators.models.model import Model
from evaluators.tasks import digits
from evaluators.tasks.task import Data, Examples

NAME = "dense_digits"
NOISE = 0.3


def _load() -> Data:
    rng = np.random.default_rng(0)

    def noisy(examples: Examples) -> Examples:
        noise = NOISE * rng.standard_normal(examples.inputs.shape)
        return Examples((examples.inputs + noise).astype(np.float32), examples.targets)

    return Data(noisy(digits.images().train), noisy(digits.images().validation))


_LAYERS = (Linear(64, 32), Tanh(), Linear(32, 32), Tanh(), Linear(32, 10, gain=0.5))
TASK = replace(
    digits.TASK,
    name=NAME,
    doc="digits with noise, a smooth network",
    steps=400,
    batch=8,
    load=_load,
    model=Model(_LAYERS, CrossEntropy(digits.SMOOTHING)),
    widen=None,
)
TASKS = (TASK,)
