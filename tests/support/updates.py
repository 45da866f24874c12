"""Update rules run by the native interpreter and by the reference, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators import bytecode
from evaluators.native.update import Update
from programs.ir import Program
from programs.layout import Layout
from programs.run import NUMPY, Runner

Floats = NDArray[np.floating[Any]]

ODD = Layout.of([(17, 64), (17,), (), (3, 5, 2, 2), (40, 9), (1, 7), (0, 4), (2, 1), (300,)])
"""Matrices wide and tall, one of them empty, vectors, a single number, and sizes that no block divides."""


@dataclass(frozen=True)
class Case:
    """What a rule is shown over some steps.

    Attributes:
        layout: The parameters.
        w: Weights at the first step; they do not change, so that a difference does not feed itself.
        gradients: Of each step, `(steps, size)`.
        losses: Of each step.
        lr: Learning rate.
    """

    layout: Layout
    w: NDArray[np.float32]
    gradients: NDArray[np.float32]
    losses: tuple[float, ...] = (2.0, 1.5, 0.3)
    lr: float = 0.01


def case(seed: int = 0, layout: Layout = ODD, steps: int = 3) -> Case:
    """Random weights and gradients."""
    rng = np.random.default_rng(seed)
    w = rng.standard_normal(layout.size).astype(np.float32)
    return Case(layout, w, (0.5 * rng.standard_normal((steps, layout.size))).astype(np.float32))


def reference(program: Program, shown: Case, dtype: type = np.float32) -> tuple[Floats, list[Floats]]:
    """The updates `(steps, size)` and the last states by `programs.run`."""
    runner = Runner(program, shown.layout, NUMPY)
    w: Floats = shown.w.astype(dtype)[None]
    rate: Floats = np.array([[shown.lr]], np.float32).astype(dtype)
    states: tuple[Floats, ...] = runner.zero_states(w)
    updates = []
    for step, (g, loss) in enumerate(zip(shown.gradients, shown.losses, strict=False), 1):
        loss_array: Floats = np.array([[loss]], np.float32).astype(dtype)
        arrays = {"w": w, "g": g.astype(dtype)[None], "w0": 0.5 * w, "h": w, "loss": loss_array, "lr": rate}
        (update,), states = runner({**arrays, "t": float(step), "T": float(len(shown.gradients))}, states)
        updates.append(update[0])
    return np.array(updates), [state[0] for state in states]


def native(program: Program, shown: Case, *, fused: bool = True) -> tuple[Floats, list[Floats]]:
    """The same by the native interpreter."""
    update = Update(bytecode.compile(program, shown.layout, subtract=False, fused=fused))
    w, w0 = shown.w.copy(), (np.float32(0.5) * shown.w).astype(np.float32)
    updates = np.full(shown.gradients.shape, 7, np.float32)
    for step, (g, loss) in enumerate(zip(shown.gradients, shown.losses, strict=False), 1):
        steps = len(shown.gradients)
        update.step(w, g, lr=shown.lr, t=step, steps=steps, loss=loss, w0=w0, update=updates[step - 1])
    np.testing.assert_array_equal(w, shown.w)
    return updates, list(update.states())


def worst(found: Floats, expected: Floats) -> float:
    """The largest relative difference; numbers a thousand times smaller than the largest count as if they were not."""
    found, expected = found.astype(np.float64), expected.astype(np.float64)
    with np.errstate(all="ignore"):
        largest = np.max(np.abs(expected), where=np.isfinite(expected), initial=0.0)
        scale = np.maximum(np.abs(expected), 1e-3 * largest + 1e-30)
        same = (found == expected) | (np.isnan(found) & np.isnan(expected))
        relative = np.where(same, 0.0, np.abs(found - expected) / scale)
    return float(np.max(np.nan_to_num(relative, nan=np.inf), initial=0.0))


def distance(found: tuple[Floats, list[Floats]], expected: tuple[Floats, list[Floats]]) -> float:
    """`worst` over the updates and all states."""
    pairs = [(found[0], expected[0]), *zip(found[1], expected[1], strict=True)]
    return max(worst(one, other) for one, other in pairs)
