"""Training on a GPU: the lanes in portions that fit into its memory."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from evaluators.cuda.population import DevicePopulation
from evaluators.lanes import Lane, Trace, Training
from evaluators.tasks.task import Task, to_tensor
from evaluators.train import Lockstep
from evaluators.train import train as train_portion
from programs.ir import Program

_SHARE = 0.7
"""Of the free memory that the lanes of one portion may take; a graph keeps a little of its own."""
_TRIED = 8
"""Lanes that are tried to see how much memory one of them takes."""


def train(
    task: Task,
    programs: Sequence[Program],
    lanes: Sequence[Lane],
    *,
    steps: int,
    hopeless: float,
    device: torch.device,
    deadline: float = math.inf,
    keep_weights: bool = False,
    lockstep: Lockstep = DevicePopulation,
    most: int | None = None,
) -> Training:
    """What `evaluators.train.train` does, for programs without curvature, many of them at once.

    Args:
        task: What to train.
        programs: The programs that the lanes name by index.
        lanes: The runs; those of one program next to each other.
        steps: Length of each run.
        hopeless: As there.
        device: Where to run.
        deadline: As there.
        keep_weights: As there.
        lockstep: What runs the steps.
        most: Lanes at once; by default as many as fit into the free memory.

    Raises:
        UnsupportedError: A program is too large for the kernel.
    """
    traces: list[Trace] = []
    seconds: Counter[int] = Counter()
    for portion in _portions(lanes, most or that_fit(task, device)):
        done = train_portion(
            task,
            programs,
            portion,
            steps=steps,
            hopeless=hopeless,
            device=device,
            deadline=deadline,
            keep_weights=keep_weights,
            lockstep=lockstep,
        )
        traces += done.traces
        seconds.update(done.seconds)
    return Training(tuple(traces), dict(seconds))


def _portions(lanes: Sequence[Lane], most: int) -> Iterator[Sequence[Lane]]:
    for start in range(0, len(lanes), most):
        yield lanes[start : start + most]


def that_fit(task: Task, device: torch.device) -> int:
    """How many lanes fit into the free memory, from what a few of them take in a forward and backward pass."""
    free, _ = torch.cuda.mem_get_info(device)
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    weights = np.stack([task.initial_weights(0)] * _TRIED)
    leaves = [view.requires_grad_() for view in task.views(torch.tensor(weights, device=device))]
    batch = task.batches(0, 1)[0]
    examples = task.data.train
    inputs, targets = (
        to_tensor(values[batch], device).expand(_TRIED, *values[batch].shape)
        for values in (examples.inputs, examples.targets)
    )
    torch.autograd.grad(task.loss(leaves, inputs, targets).sum(), leaves)
    taken = torch.cuda.max_memory_allocated(device) - before
    own = 16 * task.layout.size * 4  # bytes of weights, gradients, and what the kernel keeps of a rule
    return max(1, int(_SHARE * free / (taken / _TRIED + own)))
