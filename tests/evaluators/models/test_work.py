"""The work in a model's products against torch's own count."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from evaluators import tasks
from evaluators.models.work import flops
from evaluators.tasks.task import to_tensor

CPU = torch.device("cpu")
FIRST_STATE = 0.07
"""Torch saves the gradient of a recurrent layer's first state, one step in eight or more of a quarter of the work."""


@pytest.mark.parametrize(
    "name", ["digits_mlp", "text_ngram", "digits_conv", "mnist1d_conv", "digits_vit", "text_transformer", "mnist1d_gru"]
)
def test_a_training_step_takes_the_operations_that_torch_counts(name: str) -> None:
    task = tasks.get(name)
    assert task.model is not None
    chosen = task.batches(0, 1)[0]
    inputs, targets = (
        to_tensor(array[chosen], CPU)[None] for array in (task.data.train.inputs, task.data.train.targets)
    )
    leaves = [view.requires_grad_() for view in task.views(torch.tensor(task.initial_weights(0))[None])]
    with FlopCounterMode(display=False) as counter:
        task.loss(leaves, inputs, targets).sum().backward()  # type: ignore[no-untyped-call]
    assert flops(task.model, task.batch) == pytest.approx(counter.get_total_flops(), rel=FIRST_STATE)
