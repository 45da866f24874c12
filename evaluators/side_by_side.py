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
from evaluators.tasks import digits
from evaluators.tasks.naming import Tier
from evaluators.tasks.task import Data, Examples, Task, to_tensor
from programs.ir import Program

STEPS = 100
RUNS = 4
"""How often each rule is trained: as it is, and under three nudges."""
_LOST = 1e3
"""A network with a weight beyond this is lost, though its loss may be small for it says the same of everything; what
rounding and overflow make of such weights is no more the rule."""
_PIXELS, _HIDDEN, _CLASSES = 4, 12, 10
_EXAMPLES = 16


def losses(
    programs: Sequence[Program], rates: Sequence[Sequence[float]], nudge: float, runs: int = RUNS
) -> NDArray[np.float64]:
    """Train every program at each of its learning rates, and three times more under a small nudge.

    The first nudge makes the initial weights and every update `1 + nudge` as large, the second `1 - nudge`, the third
    and all others one or the other for each number by itself. One would not do: where the gradient jumps, it may happen
    to jump for no run of one rule and for one of the other.

    Args:
        programs: The programs.
        rates: For each as many learning rates.
        nudge: A small number.
        runs: How often each is trained, if it is to be nudged more often.

    Returns:
        Training loss before each step, `(STEPS, programs, rates, runs)`; twice that of the beginning where it is more,
        or the run is lost.
    """
    lanes = [Lane(index, rate, 0) for index, own in enumerate(rates) for rate in own for _ in range(runs)]
    nudges = nudge * _signs(runs).repeat(len(lanes) // runs, 1)
    population = Population(_TASK, programs, lanes, torch.device("cpu"), STEPS)
    for weights in (population.weights, population.initial):
        weights.mul_(1 + nudges)
    order, train = _TASK.batches(0, STEPS), _TASK.data.train
    inputs, targets = (to_tensor(array[order], population.weights.device) for array in (train.inputs, train.targets))
    found, lost = [], torch.zeros(len(lanes), dtype=torch.bool)
    for step in range(STEPS):
        lost |= ~(population.weights.abs().amax(dim=1) <= _LOST)
        before = population.weights.clone()
        loss = population.step(inputs[step : step + 1], targets[step : step + 1], step + 1)
        population.weights.add_(nudges * (population.weights - before))
        found.append(torch.where(lost, torch.nan, loss))
    curves: NDArray[np.float64] = torch.stack(found).numpy()
    most = 2 * curves[0].max()  # a run that is lost is lost, however far
    curves = np.minimum(np.where(np.isnan(curves), most, curves), most)
    return curves.reshape(STEPS, len(programs), len(rates[0]), runs)


def _signs(runs: int) -> Tensor:
    """Of what each run is nudged by, `(runs, size)`."""
    mixed = np.random.default_rng(0).choice([-1.0, 1.0], (runs - 3, _TASK.layout.size))
    alike = np.outer([0.0, 1.0, -1.0], np.ones(_TASK.layout.size))
    return torch.from_numpy(np.concatenate([alike, mixed]))


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
