"""Losses and gradients of the layers in C++ against torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from evaluators import tasks
from evaluators.models.layers import (
    Attention,
    Conv,
    Embedding,
    Flatten,
    Gelu,
    Gru,
    Layer,
    LayerNorm,
    Linear,
    Lstm,
    MeanPool,
    Positions,
    Relu,
    Residual,
    RmsNorm,
    Tanh,
)
from evaluators.models.losses import CrossEntropy, Loss, MeanSquare
from evaluators.models.model import Model
from evaluators.models.parameter import Parameter
from evaluators.native import build
from evaluators.native.model import NativeModel, unsupported
from evaluators.tasks.naming import Tier
from evaluators.tasks.task import Data, Examples, Task, to_tensor

pytestmark = pytest.mark.skipif(bool(build.unavailable()), reason=build.unavailable())

TOLERANCE = 2e-5
"""Of the largest entry of a parameter's gradient; single precision sums a few hundred numbers this well."""
EXAMPLES = 21
CPU = torch.device("cpu")


def make(*layers: Layer, positions: int = 1, batch: int = 5, loss: Loss | None = None) -> Task:
    """A task of random examples for a model."""
    model = Model(layers, loss or CrossEntropy(), positions)

    def load() -> Data:
        rng = np.random.default_rng(1)
        first, last = model.layers[0], model.shapes[-1]
        inputs: NDArray[Any]
        targets: NDArray[Any]
        if isinstance(first, Embedding):
            inputs = rng.integers(0, first.symbols, (EXAMPLES, positions)).astype(np.uint8)
        else:
            inputs = rng.standard_normal((EXAMPLES, positions, model.shapes[0].features)).astype(np.float32)
        if isinstance(model.criterion, MeanSquare):
            targets = rng.standard_normal((EXAMPLES, last.positions, last.features)).astype(np.float32)
        else:
            targets = rng.integers(0, last.features, (EXAMPLES, last.positions))
        examples = Examples(inputs, targets)
        return Data(examples, examples)

    return Task("made", "", Tier.SEARCH, 1, steps=20, batch=batch, load=load, model=model)


def block(width: int, heads: int, hidden: int, *, causal: bool) -> tuple[Layer, ...]:
    return (
        Residual(LayerNorm(width), Attention(width, heads, causal)),
        Residual(RmsNorm(width), Linear(width, hidden), Gelu(), Linear(hidden, width, bias=False)),
    )


MADE = {
    "linear": make(Linear(5, 33), Tanh(), Linear(33, 7, bias=False), Gelu(), Linear(7, 11)),
    "whole vectors": make(Linear(64, 32), Relu(), Linear(32, 32), Relu(), Linear(32, 10), batch=32),
    "rectified to the end": make(Linear(5, 33), Relu()),
    "rectified at once": make(Linear(5, 6), Tanh(), Relu(), Relu(), Linear(6, 4)),
    "mean square": make(Linear(5, 9), Relu(), Linear(9, 3), positions=3, loss=MeanSquare()),
    "smoothing": make(Linear(5, 9), loss=CrossEntropy(smoothing=0.2), batch=16),
    "embedding": make(Embedding(19, 7), Flatten(), Linear(42, 9), Relu(), Linear(9, 19), positions=6),
    "positions": make(Embedding(19, 7), Positions(7, 6), Linear(7, 19), positions=6),
    "norms": make(Linear(6, 9), LayerNorm(9), Relu(), Linear(9, 12), RmsNorm(12), Linear(12, 5), positions=3, batch=7),
    "norm first": make(LayerNorm(9), Linear(9, 4), batch=17),
    "gru": make(Gru(4, 32, last=True), Linear(32, 10), positions=10, batch=32),
    "gru after gru": make(Linear(3, 7), Gru(7, 9, last=False), Gru(9, 8, last=False), Linear(8, 11), positions=6),
    "gru of one step": make(Gru(3, 5, last=True), Linear(5, 4)),
    "lstm": make(Lstm(4, 32, last=True), Linear(32, 10), positions=10, batch=16),
    "lstm after lstm": make(Linear(3, 7), Lstm(7, 9, last=False), Lstm(9, 8, last=True), Linear(8, 11), positions=6),
    "convolution": make(
        Conv(1, 24, (5,), (40,), padding=2),
        Relu(),
        Conv(24, 8, (3,), (40,), stride=2),
        Relu(),
        MeanPool(),
        Linear(8, 10),
        positions=40,
        batch=32,
    ),
    "convolution over a grid": make(
        Conv(2, 5, (3, 3), (7, 6), stride=2, padding=1),
        Relu(),
        Conv(5, 6, (1, 3), (4, 3)),
        Tanh(),
        Flatten(),
        Linear(24, 5),
        positions=42,
        batch=7,
    ),
    "kernel as large as the grid": make(Conv(3, 4, (2, 3), (2, 3)), Linear(4, 3), positions=6),
    "pooled to the end": make(Linear(4, 3), MeanPool(), positions=5),
    "attention": make(Linear(3, 6), Attention(6, 3, causal=False), Linear(6, 5), positions=5),
    "attention to what was": make(Embedding(9, 8), Attention(8, 2, causal=True), Linear(8, 9), positions=35, batch=3),
    "transformer": make(
        Embedding(19, 6),
        Positions(6, 5),
        *block(6, 2, 11, causal=True),
        *block(6, 3, 9, causal=False),
        Linear(6, 19),
        positions=5,
    ),
    "residual first": make(Residual(Linear(4, 4), Tanh(), Residual(Linear(4, 4))), Linear(4, 3)),
}
"""By what they try. Sizes that are no multiple of a vector are on purpose."""


def weights(task: Task) -> NDArray[np.float32]:
    """Initial weights, and something in biases and gains as well."""
    return task.initial_weights(0) + 0.1 * np.random.default_rng(2).standard_normal(task.layout.size).astype(np.float32)


def check_gradient(task: Task) -> None:
    flat, chosen = weights(task), task.batches(3, 1)[0]
    loss, gradient = NativeModel(task).gradient(flat, chosen)
    leaves = [view.requires_grad_() for view in task.views(torch.tensor(flat, dtype=torch.float64)[None])]
    examples = task.data.train
    inputs, targets = to_tensor(examples.inputs[chosen], CPU)[None], to_tensor(examples.targets[chosen], CPU)[None]
    wide = (array.double() if array.is_floating_point() else array for array in (inputs, targets))
    (expected,) = task.loss(leaves, *wide)
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    for part, own in zip(task.layout.slices, torch.autograd.grad(expected, leaves), strict=True):
        found, right = gradient[part], own.numpy().ravel()
        assert np.abs(found - right).max() <= TOLERANCE * max(np.abs(right).max(), 1e-3), part


@pytest.mark.parametrize("name", MADE)
def test_gradients_are_those_of_autograd_in_double_precision(name: str) -> None:
    check_gradient(MADE[name])


@pytest.mark.parametrize("name", tasks.names())
def test_gradients_of_every_task_are_those_of_autograd(name: str) -> None:
    task = tasks.get(name)
    if unsupported(task):
        pytest.skip(unsupported(task))
    check_gradient(task)


@pytest.mark.parametrize("name", MADE)
def test_validation_is_the_mean_over_all_examples_however_many_fit_a_batch(name: str) -> None:
    task = MADE[name]
    expected = task.validate(torch.tensor(weights(task))[None]).item()
    assert NativeModel(task).validate(weights(task)) == pytest.approx(expected, rel=1e-5)


def test_one_gradient_leaves_nothing_behind_for_the_next() -> None:
    task = MADE["transformer"]
    model, flat, (first, second) = NativeModel(task), weights(task), task.batches(3, 2)
    fresh = NativeModel(task).gradient(flat, second)[1]
    model.gradient(flat * np.float32(np.nan), first)
    model.validate(flat)
    np.testing.assert_array_equal(model.gradient(flat, second)[1], fresh)


def test_a_loss_that_is_not_finite_is_said() -> None:
    task = MADE["linear"]
    assert np.isnan(NativeModel(task).gradient(weights(task) * np.float32(np.nan), task.batches(0, 1)[0])[0])


def test_examples_are_read_where_they_lie() -> None:
    """Whatever their strides and type."""
    task = MADE["gru after gru"]
    plain = task.data.train
    turned = np.asfortranarray(plain.inputs)[::-1].astype(np.float64)
    other = Task(
        "turned",
        "",
        Tier.SEARCH,
        1,
        steps=1,
        batch=task.batch,
        model=task.model,
        load=lambda: Data(Examples(turned, plain.targets[::-1].astype(np.int16)), plain),
    )
    chosen = task.batches(3, 1)[0]
    expected = NativeModel(task).gradient(weights(task), chosen)
    found = NativeModel(other).gradient(weights(task), EXAMPLES - 1 - chosen)
    assert found[0] == expected[0]
    np.testing.assert_array_equal(found[1], expected[1])


def test_what_does_not_fit_the_model_never_reaches_it() -> None:
    task = MADE["linear"]
    model = NativeModel(task)
    with pytest.raises(ValueError, match="weights"):
        model.validate(np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="batch"):
        model.gradient(weights(task), np.array([0, 1, 2, 3, EXAMPLES]))


def test_a_task_without_a_model_is_not_for_this_engine() -> None:
    task = Task(
        "custom",
        "",
        Tier.SEARCH,
        1,
        steps=1,
        batch=1,
        load=lambda: MADE["linear"].data,
        parameters=(Parameter("w", (3,)),),
        loss=lambda weights, *_: weights[0].sum(1),
    )
    assert "custom" in unsupported(task)
