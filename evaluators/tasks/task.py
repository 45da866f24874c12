"""What a task is: a model, its data, and how long it is trained."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from evaluators.models.model import Model
from evaluators.models.parameter import Parameter
from evaluators.tasks.naming import Tier, variant_name
from programs.layout import Layout

ORDERS_KEPT = 16
"""Seeds whose order of examples a task remembers, because to shuffle many takes longer than to train a small model."""
VALIDATION_CHUNK = 256
"""Validation examples computed at once, so that intermediate values stay small."""


def to_tensor(array: NDArray[Any], device: torch.device) -> Tensor:
    """Examples as torch wants them: integers in 64 bits."""
    wide = array if np.issubdtype(array.dtype, np.floating) else array.astype(np.int64)
    return torch.tensor(wide, device=device)


@dataclass(frozen=True, slots=True)
class Examples:
    """Inputs `(examples, ...)`, floating point or integer, and targets `(examples, ...)`."""

    inputs: NDArray[Any]
    targets: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Data:
    """A fixed split."""

    train: Examples
    validation: Examples


def _no_loss(_weights: Sequence[Tensor], _inputs: Tensor, _targets: Tensor) -> Tensor:
    raise NotImplementedError("a task without a model brings its own loss")


@dataclass(frozen=True)
class Task:
    """One thing to train.

    Attributes:
        name: As in the registry.
        doc: One line for a reader.
        tier: What it may be used for.
        revision: Goes up whenever the model, the split or the steps change, because losses then stop being comparable.
        steps: Length of a full run.
        batch: Examples in a batch.
        load: Gives the data, without any network; called once in a process.
        model: What is trained, as data; every engine can run it. A task without one is trained in torch alone, and has
            to bring its own `parameters` and `loss`.
        widen: Gives the model with every hidden width so many times as large.
        parameters: The parameter tensors of the model.
        loss: Mean loss of each lane. Is given each parameter as `(lanes, *shape)`, inputs `(lanes, batch, ...)` and
            targets `(lanes, batch, ...)`, and returns `(lanes,)`. A lane's loss depends on that lane alone.

    Raises:
        ValueError: There is neither a model nor parameters.
    """

    name: str
    doc: str
    tier: Tier
    revision: int
    steps: int
    batch: int
    load: Callable[[], Data]
    model: Model | None = None
    widen: Callable[[int], Model] | None = None
    parameters: tuple[Parameter, ...] = ()
    loss: Callable[[Sequence[Tensor], Tensor, Tensor], Tensor] = _no_loss

    def __post_init__(self) -> None:
        if self.model is not None:
            object.__setattr__(self, "parameters", self.model.parameters)
            object.__setattr__(self, "loss", self.model.loss)
        elif not self.parameters:
            raise ValueError(f"The task {self.name!r} has neither a model nor parameters.")

    @cached_property
    def layout(self) -> Layout:
        """How the parameters lie in one flat vector."""
        return Layout.of([parameter.shape for parameter in self.parameters])

    @cached_property
    def data(self) -> Data:
        """The data, loaded on first use.

        Raises:
            ValueError: It is not what the model takes.
        """
        data = self.load()
        if self.model is not None:
            for examples in (data.train, data.validation):
                self.model.check(examples.inputs, examples.targets)
        return data

    @cached_property
    def version(self) -> str:
        """The revision and a short SHA-256 of the data. Losses compare only within one version."""
        digest = hashlib.sha256()
        for examples in (self.data.train, self.data.validation):
            for array in (examples.inputs, examples.targets):
                digest.update(f"{array.dtype.str}{array.shape}".encode())
                digest.update(np.ascontiguousarray(array).tobytes())
        return f"{self.revision}-{digest.hexdigest()[:12]}"

    def initial_weights(self, seed: int) -> NDArray[np.float32]:
        """The weights at the start of every run of this seed, shape `(layout.size,)`."""
        rng = np.random.default_rng([seed, 0])
        parts = [p.mean + rng.standard_normal(np.prod(p.shape, dtype=int)) * p.std for p in self.parameters]
        return np.concatenate(parts).astype(np.float32)

    def batches(self, seed: int, steps: int) -> NDArray[np.int64]:
        """Which training examples each step of this seed sees, shape `(steps, batch)`.

        Every epoch is a fresh permutation, and a shorter run sees the beginning of what a longer one sees.
        """
        order, needed = self._orders.get(seed), steps * self.batch
        if order is None or len(order) < needed:
            rng = np.random.default_rng([seed, 1])
            examples = len(self.data.train.targets)
            epochs = -(-needed // examples)
            order = np.concatenate([rng.permutation(examples) for _ in range(epochs)])[:needed]
            order.flags.writeable = False
            if len(self._orders) >= ORDERS_KEPT:
                self._orders.clear()
            self._orders[seed] = order
        return order[:needed].reshape(steps, self.batch)

    @cached_property
    def _orders(self) -> dict[int, NDArray[np.int64]]:
        """The order of the examples of each seed, as far as it was asked for."""
        return {}

    def variant(self, *, width: int = 1, batch: float = 1, horizon: float = 1) -> Task:
        """This task at other sizes, on the same data.

        Args:
            width: Factor on every hidden width of the model.
            batch: Factor on the examples in a batch.
            horizon: Factor on the steps.

        Raises:
            ValueError: The model has no other widths.
        """
        model = self.model
        if width != 1:
            if self.widen is None:
                raise ValueError(f"The model of task {self.name!r} has no other widths.")
            model = self.widen(width)
        return replace(
            self,
            name=variant_name(self.name, {"width": width, "batch": batch, "horizon": horizon}),
            steps=max(1, round(self.steps * horizon)),
            batch=max(1, round(self.batch * batch)),
            load=lambda: self.data,
            model=model,
        )

    def longer(self, factor: int, tier: Tier) -> Task:
        """This task with so many times as many steps, under the name `<name>_long`."""
        doc = f"{self.doc}; {factor} times as many steps"
        return replace(self.variant(horizon=factor), name=f"{self.name}_long", doc=doc, tier=tier)

    def views(self, weights: Tensor) -> list[Tensor]:
        """Flat weights `(lanes, layout.size)` as one `(lanes, *shape)` for each parameter, in the same memory."""
        parts = zip(self.layout.slices, self.layout.shapes, strict=True)
        return [weights[:, part].view(-1, *shape) for part, shape in parts]

    @torch.no_grad()
    def validate(self, weights: Tensor) -> Tensor:
        """Mean loss of each lane over the validation examples: `(lanes, layout.size)` to `(lanes,)`."""
        examples, parameters = self.data.validation, self.views(weights)
        count, lanes = len(examples.targets), len(weights)
        total = torch.zeros(lanes, device=weights.device)
        for start in range(0, count, VALIDATION_CHUNK):
            part = slice(start, start + VALIDATION_CHUNK)
            inputs, targets = (
                to_tensor(array[part], weights.device).expand(lanes, -1, *array.shape[1:])
                for array in (examples.inputs, examples.targets)
            )
            total += self.loss(parameters, inputs, targets) * (targets.shape[1] / count)
        return total
