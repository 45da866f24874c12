"""Does a rule of the zoo move the weights as others' implementations of it do?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

from evaluators.references.network import LAYOUT, Slope, slope, start
from evaluators.references.reference import Formula, Moment, Reference, Stepper
from programs import zoo
from programs.run import Runner
from programs.run_torch import TORCH

STEPS = 100

Path = list[Tensor]
"""Every parameter after every step, flat, the start first: `(steps + 1, weights)` each."""


@dataclass(frozen=True, slots=True)
class Check:
    """What a rule is compared with.

    Attributes:
        rule: Its name in the zoo.
        references: Other implementations of it.
        other: The second setting of its hyperparameters; the first are the defaults.
        lr: The largest learning rate of both.
    """

    rule: str
    references: tuple[Reference, ...]
    other: Mapping[str, float]
    lr: float = 0.01


class Verdict(StrEnum):
    """What came of a comparison."""

    AGREES = "agrees"
    EXPLAINED = "explained"
    DIFFERS = "differs"
    NOT_INSTALLED = "not installed"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A rule against one reference.

    Attributes:
        rule: Its name in the zoo.
        reference: What it was compared with.
        version: Of the reference; empty if it is not installed.
        settings: How many settings of the hyperparameters were tried.
        steps: How many steps each.
        difference: The largest difference of a weight at any step, relative to how far that parameter ever went from
            its start; the largest over settings. None if the reference is not installed.
        unexplained: What is left of it against the formula with what the reference does differently put in. The same
            as `difference` if nothing is known to differ.
        precision: The largest difference that is agreement.
        verdict: Whether they agree.
        note: What a reader must know of the comparison.
    """

    rule: str
    reference: str
    version: str
    settings: int
    steps: int
    difference: float | None
    unexplained: float | None
    precision: float
    verdict: Verdict
    note: str


def compare(check: Check, steps: int = STEPS) -> list[Comparison]:
    """Train the network with the rule and with each of its references, from the same start on the same batches."""
    settings = (hypers_of(check.rule, {}), hypers_of(check.rule, check.other))
    ours = [_path(_rule(check.rule, hypers), check, steps) for hypers in settings]
    return [_comparison(check, reference, settings, ours, steps) for reference in check.references]


def _comparison(
    check: Check, reference: Reference, settings: Sequence[dict[str, float]], ours: list[Path], steps: int
) -> Comparison:
    version = reference.version()
    found, left, verdict = None, None, Verdict.NOT_INSTALLED
    if version is not None:
        theirs = [_path(reference.begin(start(), hypers, check.lr), check, steps) for hypers in settings]
        found = left = max(map(difference, ours, theirs))
        if reference.variant is not None:
            variant = Formula(reference.variant)
            expected = [_path(variant.begin(start(), hypers, check.lr), check, steps) for hypers in settings]
            left = max(map(difference, expected, theirs))
        agreed = Verdict.AGREES if reference.variant is None else Verdict.EXPLAINED
        verdict = agreed if left <= reference.precision else Verdict.DIFFERS
    return Comparison(
        rule=check.rule,
        reference=reference.name,
        version=version or "",
        settings=len(settings),
        steps=steps,
        difference=found,
        unexplained=left,
        precision=reference.precision,
        verdict=verdict,
        note=reference.note,
    )


def hypers_of(rule: str, other: Mapping[str, float]) -> dict[str, float]:
    """All hyperparameters of a rule: its defaults, and what replaces them.

    Raises:
        KeyError: The rule has no such hyperparameter.
    """
    defaults = {hyper.name: hyper.default for hyper in zoo.load(rule).hypers}
    if not other.keys() <= defaults.keys():
        raise KeyError(f"{rule} has no hyperparameter {', '.join(sorted(other.keys() - defaults.keys()))}")
    return defaults | {name: float(value) for name, value in other.items()}


def difference(ours: Path, theirs: Path) -> float:
    """How far apart two paths come, relative to how far they go.

    Args:
        ours: Where the weights were.
        theirs: The same of another run.

    Returns:
        The largest over parameters; infinite where either is not finite, or theirs stays where it is.
    """
    worst = 0.0
    for one, other in zip(ours, theirs, strict=True):
        apart, far = (one - other).abs().max().item(), (other - other[0]).abs().max().item()
        comparable = far > 0 and torch.isfinite(one).all() and torch.isfinite(other).all()
        worst = max(worst, apart / far if comparable else float("inf"))
    return worst


def _path(step: Stepper, check: Check, steps: int) -> Path:
    """A run of the network; the learning rate falls to half."""
    curvature = "h" in zoo.load(check.rule).inputs
    w0 = tuple(start())
    path = [[weight.flatten()] for weight in w0]
    weights: Sequence[Tensor] = w0
    for t in range(1, steps + 1):
        here = slope(weights, t, curvature=curvature)
        lr = check.lr * (1 - 0.5 * (t - 1) / steps)
        weights = step(here, Moment(lr, t, steps, here.loss, w0, here.curvatures))
        for visited, weight in zip(path, weights, strict=True):
            visited.append(weight.flatten().clone())
    return [torch.stack(visited) for visited in path]


def _rule(name: str, hypers: Mapping[str, float]) -> Stepper:
    runner = Runner(zoo.load(name), LAYOUT, TORCH, hypers)
    weights = _flat(start())
    states = runner.zero_states(weights)

    def step(here: Slope, moment: Moment) -> Sequence[Tensor]:
        nonlocal weights, states
        inputs: dict[str, float | Tensor] = {"w": weights, "g": _flat(here.gradients), "w0": _flat(moment.w0)}
        inputs |= {"lr": moment.lr, "t": float(moment.t), "T": float(moment.T)}
        inputs["loss"] = torch.tensor([[here.loss]], dtype=weights.dtype)
        if here.curvatures:
            inputs["h"] = _flat(here.curvatures)
        (update,), states = runner(inputs, states)
        weights = weights - update
        parts = zip(LAYOUT.slices, LAYOUT.shapes, strict=True)
        return [weights[0, part].reshape(shape) for part, shape in parts]

    return step


def _flat(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat([part.flatten() for part in parts])[None]
