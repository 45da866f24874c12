"""What kind of rule it is, in numbers that a person can read and an archive can sort by."""

from __future__ import annotations

import numpy as np

from programs.canon import simplify
from programs.check import check
from programs.ir import Program
from programs.probe import TIMES, Array, Probe, noise, respond

_SCALES = np.array([1 / 8, 8.0])


def measure(program: Program) -> dict[str, float]:
    """Describe a rule without training anything.

    Returns:
        `state_slots`: states that hold a matrix per parameter and that the update depends on, after simplification;
        `instructions`: instructions after simplification;
        `gradient_homogeneity`: the degree to which the update follows the scale of the gradients, see below;
        `matrix_products`: instructions that multiply or decompose matrices;
        `memory_per_weight`, `flops_per_weight`: numbers kept from step to step and floating-point operations of a step,
        per weight (see `programs.check.Cost`).

    The degree is k where gradients c times as large, from the first step on, make the update c**k times as large: 0 for
    Adam and Lion, 1 for SGD. It is the median over weights at the last step of a probe between 1/8 and 8 times the same
    gradients, with all weights zero, so that weight decay stays out. Where that update is zero or not finite (a trust
    ratio has nothing to trust), weights of order 1 are used; where that is no better, the degree is 0.
    """
    simplified = simplify(program)
    cost = check(simplified).cost
    return {
        "state_slots": float(cost.state_tensors),
        "instructions": float(len(simplified.body)),
        "gradient_homogeneity": _homogeneity(simplified),
        "matrix_products": float(cost.matrix_products),
        "memory_per_weight": float(cost.memory_per_weight),
        "flops_per_weight": float(cost.flops_per_weight),
    }


def _homogeneity(program: Program) -> float:
    last = respond(program, _PROBE)[-1]
    for low, high in (last[:2], last[2:]):
        degree = _degree(low, high)
        if degree is not None:
            return degree
    return 0.0


def _degree(low: Array, high: Array) -> float | None:
    """Median slope between two rows of updates in logarithms; None if no weight has one."""
    defined = np.isfinite(low) & np.isfinite(high) & (low != 0) & (high != 0)
    if not defined.any():
        return None
    slopes = (np.log2(np.abs(high[defined])) - np.log2(np.abs(low[defined]))) / np.log2(_SCALES[1] / _SCALES[0])
    return round(float(np.median(slopes)), 6) + 0.0


def _make_probe() -> Probe:
    """Four lanes: gradients of two sizes, first with zero weights, then with others."""
    # Below 1 even when scaled up, as gradients of real models are.
    gradients = 0.06 * noise(0)[:1] + 0.04 * noise(1)
    lanes = gradients[:, None, :] * np.tile(_SCALES, 2)[:, None]
    weights = noise(2)[:, None, :] * np.array([0.0, 0.0, 1.0, 1.0])[:, None]
    rates = np.full((len(TIMES), len(lanes[0]), 1), 0.01)
    return Probe(weights, lanes, rates)


_PROBE = _make_probe()
