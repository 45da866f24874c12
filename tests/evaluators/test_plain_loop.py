"""The plain loop trains what the description says, so that a comparison with it is one of speed alone."""

from __future__ import annotations

import pytest
import torch

from evaluators import tasks
from evaluators.plain_loop import ADAMW, MUON, SEED, PlainLoop
from evaluators.tasks.task import Task, to_tensor

CPU = torch.device("cpu")
TASKS = [name for name in tasks.names() if not name.endswith("_long")]


@pytest.mark.parametrize("name", TASKS)
def test_it_computes_the_loss_of_the_model(name: str) -> None:
    task = tasks.get(name)
    chosen = task.batches(1, 1)[0]
    inputs, targets = (to_tensor(array[chosen], CPU) for array in (task.data.train.inputs, task.data.train.targets))
    weights = torch.tensor(task.initial_weights(SEED))[None]
    expected = task.loss(task.views(weights), inputs[None], targets[None]).item()
    assert PlainLoop(task, ADAMW, 1e-3, 1).loss(inputs, targets).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("optimizer", [ADAMW, MUON])
@pytest.mark.parametrize("name", ["digits_mlp", "mnist1d_gru", "mnist1d_conv", "text_transformer"])
def test_it_learns_with_both_optimizers_and_begins_anew_at_the_end(name: str, optimizer: str) -> None:
    loop = PlainLoop(tasks.get(name), optimizer, 1e-3, steps=8)
    first = float(loop.run(1))
    assert float(loop.run(24)) < first


def test_a_task_without_a_model_is_refused() -> None:
    task = tasks.get("digits_mlp")
    custom = Task(
        "custom", "", task.tier, 1, steps=1, batch=1, load=lambda: task.data, parameters=task.parameters, loss=task.loss
    )
    with pytest.raises(ValueError, match="custom"):
        PlainLoop(custom, ADAMW, 1e-3, 1)
