"""Rules trained side by side on a very small task in double precision, to see whether they train alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from evaluators.lanes import Lane
from evaluators.models.in_torch import affine
from evaluators.models.losses import cross_entropy
from evaluators.models.parameter import Parameter
from evaluators.population import Population
from evaluators.schedule import multiplier
from evaluators.tasks import digits
from evaluators.tasks.naming import Tier
from evaluators.tasks.task import Data, Examples, Task, to_tensor
from programs.ir import Program

STEPS = 100
_PIXELS, _HIDDEN, _CLASSES = 4, 12, 10
_EXAMPLES = 16


def losses(programs: Sequence[Program], rates: Sequence[Sequence[float]], nudge: float) -> NDArray[np.float64]:
    """Train every program at each of its learning rates, and once more with the initial weights `1 + nudge` as large.

    Args:
        programs: The programs.
        rates: For each as many learning rates.
        nudge: A small number.

    Returns:
        Training loss before each step, at most twice that of the beginning, `(STEPS, programs, rates, 2)`.
    """
    lanes = [Lane(index, rate, 0) for index, own in enumerate(rates) for rate in own for _ in range(2)]
    population = Population(_TASK, programs, lanes, torch.device("cpu"))
    population.weights[1::2] *= 1 + nudge
    order, train = _TASK.batches(0, STEPS), _TASK.data.train
    inputs, targets = (to_tensor(array[order], population.weights.device) for array in (train.inputs, train.targets))
    found = [
        population.step(inputs[step : step + 1], targets[step : step + 1], multiplier(step + 1, STEPS), step + 1, STEPS)
        for step in range(STEPS)
    ]
    curves: NDArray[np.float64] = torch.stack(found).numpy()
    most = 2 * curves[0].max()  # a run that is lost is lost, however far
    curves = np.minimum(np.where(np.isnan(curves), most, curves), most)
    return curves.reshape(STEPS, len(programs), len(rates[0]), 2)


def _load() -> Data:
    """The digits, four pixels averaged into one."""
    whole = digits.TASK.data

    def small(examples: Examples) -> Examples:
        images = examples.inputs.reshape(-1, _PIXELS, 2, _PIXELS, 2).mean(axis=(2, 4))
        return Examples(images.reshape(len(images), -1).astype(np.float64), examples.targets)

    return Data(small(whole.train), small(whole.validation))


def _loss(weights: Sequence[Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
    kernel, bias, gain, output, output_bias = weights
    x = affine(inputs.mT, kernel.flatten(start_dim=2), bias).relu() * gain[:, None, None]
    return cross_entropy(affine(x, output, output_bias), targets)


class _Double(Task):
    """In double precision, where what rounding does is far below what a fingerprint sees."""

    def initial_weights(self, seed: int) -> NDArray[Any]:
        """The weights at the start, as for any task."""
        return super().initial_weights(seed).astype(np.float64)


_TASK = _Double(
    name="small_digits",
    doc="4 x 4 images of handwritten digits; one hidden layer of 12, and parameters of 0, 1, 2 and 4 axes",
    tier=Tier.SEARCH,
    revision=1,
    parameters=(
        Parameter("kernel", (_HIDDEN, 1, _PIXELS, _PIXELS), std=0.35),
        Parameter("bias", (_HIDDEN,), std=0.1),
        Parameter("gain", (), std=1.0),
        Parameter("output", (_CLASSES, _HIDDEN), std=0.3),
        Parameter("output_bias", (_CLASSES,), std=0.1),
    ),
    steps=STEPS,
    batch=_EXAMPLES,
    load=_load,
    loss=_loss,
)
