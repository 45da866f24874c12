"""The judge: computes the losses that a worker claims once more, from the weights that it handed over.

It runs in a process that never saw a candidate, and nothing it reads but the weights comes from one.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from evaluators import tasks
from evaluators.device import choose, tiny_is_zero
from evaluators.evaluate import initial_losses
from evaluators.sandbox.wire import Case, Judgement


@tiny_is_zero()
def judge(case: Case, weights: NDArray[np.float32]) -> Judgement:
    """The validation loss of every set of weights, each computed as if it were alone.

    Args:
        case: The task and the seeds.
        weights: Shape `(case.count, seeds, layout.size)`.

    Raises:
        ValueError: There is no such device.
    """
    task, device = tasks.get(case.task), choose(case.device)
    losses = [task.validate(torch.tensor(own, device=device)).tolist() for own in weights]
    return Judgement(
        task_version=task.version,
        device=str(device),
        steps=task.steps,
        size=task.layout.size,
        initial=tuple(initial_losses(task, case.seeds, device)),
        losses=tuple(tuple(loss if math.isfinite(loss) else None for loss in own) for own in losses),
    )
