"""What holds for every task."""

from __future__ import annotations

import re
import socket
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn

import numpy as np
import pytest
import torch

from evaluators import tasks
from evaluators.models.parameter import Parameter
from evaluators.tasks.task import Data, Examples, Task, to_tensor

CPU = torch.device("cpu")


@pytest.fixture(params=[name for name in tasks.names() if not name.endswith("_long")])
def task(request: pytest.FixtureRequest) -> Task:
    return tasks.get(request.param)


def weights_of(task: Task, seeds: list[int]) -> torch.Tensor:
    return torch.tensor(np.stack([task.initial_weights(seed) for seed in seeds]))


def batch_of(task: Task, seeds: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    order = np.stack([task.batches(seed, 1)[0] for seed in seeds])
    train = task.data.train
    return to_tensor(train.inputs[order], CPU), to_tensor(train.targets[order], CPU)


def test_data_loads_without_a_network_and_always_the_same(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> NoReturn:
        raise AssertionError("a task opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert replace(task).version == task.version


def test_the_version_is_a_revision_and_a_digest_of_every_part_of_the_data(task: Task) -> None:
    assert re.fullmatch(rf"{task.revision}-[0-9a-f]{{12}}", task.version)
    assert replace(task, revision=99).version == f"99-{task.version.partition('-')[2]}"
    for part in range(4):
        arrays = [task.data.train.inputs, task.data.train.targets]
        arrays += [task.data.validation.inputs, task.data.validation.targets]
        arrays[part] = arrays[part].copy()
        values = arrays[part].reshape(-1)
        values[7] = values[values != values[7]][0]
        changed = Data(Examples(*arrays[:2]), Examples(*arrays[2:]))
        assert replace(task, load=partial(copy, changed)).version != task.version


def test_a_seed_fixes_the_initial_weights_and_another_gives_others(task: Task) -> None:
    first, again, other = (task.initial_weights(seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert first.dtype == np.float32
    assert first.shape == (task.layout.size,)
    for parameter, part in zip(task.parameters, task.layout.slices, strict=True):
        if parameter.std:
            error = 5 * parameter.std * (part.stop - part.start) ** -0.5
            assert first[part].mean() == pytest.approx(parameter.mean, abs=error)
            assert first[part].std() == pytest.approx(parameter.std, abs=error)
            assert not np.array_equal(first[part], other[part])
        else:
            assert (first[part] == parameter.mean).all()


def test_a_shorter_run_sees_the_beginning_of_what_a_longer_one_sees(task: Task) -> None:
    assert np.array_equal(task.batches(5, 100)[:7], task.batches(5, 7))
    assert not np.array_equal(task.batches(5, 7), task.batches(6, 7))
    assert task.batches(5, 7).shape == (7, task.batch)


def test_every_epoch_shows_every_example_once() -> None:
    task = tasks.get("digits_mlp")
    examples = len(task.data.train.targets)
    seen = task.batches(0, 2 * examples // task.batch + 1).flatten()
    assert sorted(seen[:examples]) == list(range(examples))
    assert sorted(seen[examples : 2 * examples]) == list(range(examples))
    assert not np.array_equal(seen[:examples], seen[examples : 2 * examples])


def test_a_lane_of_many_computes_what_it_computes_alone(task: Task) -> None:
    seeds = [0, 1, 2, 3, 4]
    weights, (inputs, targets) = weights_of(task, seeds), batch_of(task, seeds)
    together = task.loss(task.views(weights), inputs, targets)
    alone = [task.loss(task.views(weights[i : i + 1]), inputs[i : i + 1], targets[i : i + 1]) for i in range(5)]
    assert together.shape == (5,)
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-5, atol=0)


def test_a_lanes_gradient_is_its_own_even_beside_a_broken_lane(task: Task) -> None:
    weights, (inputs, targets) = weights_of(task, [0, 1]), batch_of(task, [0, 1])
    weights[1] = torch.nan
    weights.requires_grad_()
    (gradient,) = torch.autograd.grad(task.loss(task.views(weights), inputs, targets).sum(), weights)
    single = weights.detach()[:1].requires_grad_()
    (alone,) = torch.autograd.grad(task.loss(task.views(single), inputs[:1], targets[:1]).sum(), single)
    torch.testing.assert_close(gradient[:1], alone, rtol=1e-5, atol=1e-7)


def test_validation_is_the_mean_loss_over_every_validation_example(task: Task) -> None:
    weights = weights_of(task, [0, 1])
    examples = task.data.validation
    inputs, targets = to_tensor(examples.inputs, CPU), to_tensor(examples.targets, CPU)
    with torch.no_grad():
        expected = task.loss(task.views(weights), torch.stack([inputs] * 2), torch.stack([targets] * 2))
    torch.testing.assert_close(task.validate(weights), expected, rtol=1e-5, atol=0)


def test_training_starts_near_the_loss_of_knowing_nothing_so_that_hopeless_means_the_same_for_all(task: Task) -> None:
    targets = task.data.validation.targets
    classes = task.parameters[-1].shape[0]
    nothing = np.square(targets).mean() if np.issubdtype(targets.dtype, np.floating) else np.log(classes)
    for loss in task.validate(weights_of(task, [0, 1, 2])).tolist():
        assert loss == pytest.approx(nothing, rel=0.1)


def test_a_task_without_a_model_brings_parameters_and_a_loss_of_its_own() -> None:
    digits = tasks.get("digits_mlp")
    own = replace(
        digits,
        model=None,
        parameters=(Parameter("w", (64,), std=1.0),),
        loss=lambda w, x, _: (x @ w[0][:, :, None]).mean((1, 2)),
    )
    assert own.layout.size == 64
    assert own.validate(weights_of(own, [0, 1])).shape == (2,)
    with pytest.raises(ValueError, match="'digits_mlp' has neither a model nor parameters"):
        replace(digits, model=None, parameters=())


def test_data_that_the_model_cannot_take_is_refused_where_it_is_loaded() -> None:
    task = tasks.get("text_ngram")
    broken = Examples(task.data.train.inputs[:9, :4], task.data.train.targets[:9])
    with pytest.raises(ValueError, match="inputs has shape"):
        _ = replace(task, load=lambda: Data(broken, task.data.validation)).data


@pytest.mark.parametrize("name", [name for name in tasks.names() if not name.endswith("_long")])
def test_a_variant_is_the_task_at_another_size_on_the_same_data(name: str) -> None:
    task, variant = tasks.get(name), tasks.get(f"{name}@width=2,batch=0.5,horizon=3")
    assert (variant.steps, variant.batch) == (3 * task.steps, task.batch // 2)
    assert variant.layout.size > 1.5 * task.layout.size
    assert variant.data is task.data
    assert variant.version == task.version
    assert variant.name == f"{name}@width=2,batch=0.5,horizon=3"
    assert task.variant(width=2, batch=0.5, horizon=3).name == variant.name


def test_a_model_of_one_width_has_no_other() -> None:
    with pytest.raises(ValueError, match="no other widths"):
        replace(tasks.get("digits_mlp"), widen=None).variant(width=2)


def test_the_order_of_the_examples_is_remembered_for_a_few_seeds_and_cannot_be_written() -> None:
    task = replace(tasks.get("digits_mlp"))
    first = task.batches(0, 5).copy()
    for seed in range(40):
        task.batches(seed, 2)
    assert np.array_equal(task.batches(0, 5), first)
    with pytest.raises(ValueError, match="read-only"):
        task.batches(0, 5)[0, 0] = 1
