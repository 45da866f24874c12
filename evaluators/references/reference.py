"""What a rule is compared with: an optimizer of a library, or its formula written out in plain torch."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from importlib import metadata
from types import SimpleNamespace
from typing import Any, Protocol

import torch
from torch import Tensor

from evaluators.references.network import LAYOUT, Slope

EXACT = 1e-10
"""Largest relative difference of two implementations in double precision that do the same."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What an optimizer is told at one step, besides the derivatives.

    Attributes:
        lr: The scheduled learning rate.
        t: The step, from 1.
        T: The number of steps.
        loss: Of the batch.
        w0: The initial weights.
        h: Estimates of the diagonal of the Hessian; empty if the rule does not ask for them.
    """

    lr: float
    t: int
    T: int
    loss: float
    w0: tuple[Tensor, ...]
    h: tuple[Tensor, ...]


Stepper = Callable[[Slope, Moment], Sequence[Tensor]]
"""One step: the weights after it."""


class Hypers(SimpleNamespace):
    """Hyperparameters by name."""

    def __getattr__(self, name: str) -> float:
        raise AttributeError(f"there is no hyperparameter {name}")


State = dict[str, Any]
Rule = Callable[[list[Tensor], Sequence[Tensor], State, Moment, Hypers], list[Tensor]]
"""Weights, gradients, memory (empty at first), moment and hyperparameters to the weights after the step."""

Memory = dict[str, Tensor]
ParameterRule = Callable[[Tensor, Tensor, Memory, Moment, Hypers], Tensor]
"""The same for a single parameter."""


class Reference(Protocol):
    """An implementation that is not ours, or not made of the table.

    `note` says where it differs and why; `variant` is the formula with this put in.
    """

    @property
    def name(self) -> str:
        """What a reader calls it."""
        ...

    @property
    def note(self) -> str:
        """What a reader must know of the comparison."""
        ...

    @property
    def variant(self) -> Rule | None:
        """What it follows where it is known to differ: then it is compared with this as well."""
        ...

    @property
    def precision(self) -> float:
        """The largest relative difference that is agreement."""
        ...

    def version(self) -> str | None:
        """Its version; None if it is not installed."""
        ...

    def begin(self, weights: Sequence[Tensor], hypers: Mapping[str, float], lr: float) -> Stepper:
        """A training run from these weights; `lr` is the largest learning rate that it will see."""
        ...


@dataclass(frozen=True, slots=True)
class Formula:
    """The formula of the paper, written out here in plain torch, one parameter at a time, without the table.

    Attributes:
        rule: One step.
        note: What a reader must know of it.
    """

    rule: Rule
    note: str = "ours, from the paper"

    @property
    def name(self) -> str:
        """Says that this one is ours."""
        return "formula"

    @property
    def variant(self) -> None:
        """It is what others differ from."""

    @property
    def precision(self) -> float:
        """Double precision."""
        return EXACT

    def version(self) -> str:
        """It needs nothing but torch."""
        return "torch " + torch.__version__.partition("+")[0]

    def begin(self, weights: Sequence[Tensor], hypers: Mapping[str, float], lr: float) -> Stepper:
        """A training run by the formula."""
        del lr
        current = [weight.clone() for weight in weights]
        memory: State = {}
        chosen = Hypers(**hypers)

        def step(slope: Slope, moment: Moment) -> Sequence[Tensor]:
            current[:] = self.rule(current, slope.gradients, memory, moment, chosen)
            return current

        return step


def each(rule: ParameterRule) -> Rule:
    """A formula of the whole model from one of a single parameter."""

    def apply(
        weights: list[Tensor], gradients: Sequence[Tensor], memory: State, moment: Moment, hypers: Hypers
    ) -> list[Tensor]:
        parts = [memory.setdefault(str(index), {}) for index in range(len(weights))]
        return [rule(w, g, part, moment, hypers) for w, g, part in zip(weights, gradients, parts, strict=True)]

    return apply


Options = Callable[[Any], dict[str, Any]]
"""Hyperparameters of the rule, and `lr`, to arguments of the optimizer."""


class View(Enum):
    """How a library is given the parameters."""

    AS_THEY_ARE = "as they are"
    KERNELS_AS_MATRICES = "more than two axes as a matrix"
    ALL_AS_MATRICES = "each as the matrix that the language sees"


@dataclass(frozen=True, slots=True)
class Library:
    """An optimizer of a library, with torch's default type set to float64 while it works.

    Attributes:
        path: Module and class: `torch.optim.Adam`.
        options: Arguments from the hyperparameters.
        note: What a reader must know of the comparison.
        variant: The formula with what it does differently put in.
        precision: The largest relative difference that is agreement: more than that of double precision only where it
            computes in less.
        view: How it is given the parameters.
        groups: Makes its parameter groups of the list of parameters, where it wants more than that.
        step: Does one step, where it wants to be told more than gradients.
        others: The optimizer of the parameters that are no matrices, where this one is for matrices only.
        prepare: What the library wants to be told first.
    """

    path: str
    options: Options
    note: str = ""
    variant: Rule | None = None
    precision: float = EXACT
    view: View = View.AS_THEY_ARE
    groups: Callable[[list[Any]], list[dict[str, Any]]] | None = None
    step: Callable[[Any, Moment], object] | None = None
    others: Library | None = None
    prepare: Callable[[], None] | None = None

    @property
    def name(self) -> str:
        """The path of the class."""
        return self.path

    def version(self) -> str | None:
        """The version of the distribution that the module comes from; None if it is not installed."""
        try:
            return metadata.version(self.path.partition(".")[0]).partition("+")[0]
        except metadata.PackageNotFoundError:
            return None

    def begin(self, weights: Sequence[Tensor], hypers: Mapping[str, float], lr: float) -> Stepper:
        """A training run by the optimizer."""
        parameters = [torch.nn.Parameter(self._seen(index, weight).clone()) for index, weight in enumerate(weights)]
        shapes = [weight.shape for weight in weights]
        chosen = Hypers(**hypers, lr=lr)
        with _double():
            optimizers = [(library, library._optimizer(part, chosen)) for library, part in self._split(parameters)]

        def step(slope: Slope, moment: Moment) -> Sequence[Tensor]:
            for index, (parameter, gradient) in enumerate(zip(parameters, slope.gradients, strict=True)):
                parameter.grad = self._seen(index, gradient).clone()
            with _double():
                for library, optimizer in optimizers:
                    for group in optimizer.param_groups:
                        group["lr"] = moment.lr
                    _ = optimizer.step() if library.step is None else library.step(optimizer, moment)
            return [parameter.detach().reshape(shape) for parameter, shape in zip(parameters, shapes, strict=True)]

        return step

    def _split(self, parameters: list[Any]) -> list[tuple[Library, list[Any]]]:
        if self.others is None:
            return [(self, parameters)]
        vectors = [parameter for parameter in parameters if parameter.dim() < 2]
        return [(self, [parameter for parameter in parameters if parameter.dim() > 1]), (self.others, vectors)]

    def _optimizer(self, parameters: list[Any], chosen: Any) -> Any:
        module, _, name = self.path.rpartition(".")
        if self.prepare is not None:
            self.prepare()
        make = vars(importlib.import_module(module))[name]
        given = parameters if self.groups is None else self.groups(parameters)
        return make(given, lr=chosen.lr, **self.options(chosen))

    def _seen(self, index: int, value: Tensor) -> Tensor:
        kernel = value.dim() > 2 and self.view is View.KERNELS_AS_MATRICES
        return value.reshape(LAYOUT.matrix_shape(index)) if kernel or self.view is View.ALL_AS_MATRICES else value


@contextmanager
def _double() -> Iterator[None]:
    """Numbers that a library makes for itself are as precise as the weights; its warnings are not about us."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_default_dtype(before)
