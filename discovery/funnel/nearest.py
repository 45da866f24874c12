"""Which known rules a rule is like, and how it differs from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from programs import zoo
from programs.check import check
from programs.fingerprint import PROBE
from programs.ir import Program
from programs.measures import measure
from programs.probe import respond
from programs.same import Verdict, compare

_DESCRIBED = ("state_slots", "instructions", "gradient_homogeneity", "matrix_products", "memory_per_weight")


@dataclass(frozen=True, slots=True)
class Relative:
    """A known rule near a rule.

    Attributes:
        name: In the zoo.
        cosine: Mean cosine between the steps of the two, from 1 (same directions) to -1.
        verdict: What the two are to each other, as `discover same` says.
        differs: In words: operations, states and inputs that only one of them has.
    """

    name: str
    cosine: float
    verdict: Verdict
    differs: str


def relatives(program: Program, count: int = 3) -> list[Relative]:
    """The nearest known rules, the nearest first.

    Near is who goes in the same direction: the mean cosine between the updates of the two over the steps and lanes of
    the probe that rules are told apart by (`programs.fingerprint`). The rules of the zoo have their own defaults.
    """
    mine = _directions(program)
    scored = sorted(((_cosine(mine, _directions(zoo.load(name))), name) for name in zoo.names()), reverse=True)
    found = []
    for cosine, name in scored[:count]:
        known = zoo.load(name)
        found.append(Relative(name, cosine, compare(program, known).verdict, _difference(program, known)))
    return found


def described(program: Program) -> dict[str, float]:
    """The measures that a certificate shows."""
    values = measure(program)
    return {name: values[name] for name in _DESCRIBED}


def _directions(program: Program) -> NDArray[np.float64]:
    """Unit vectors `(steps, lanes, size)` of the updates; zero where a step has no direction."""
    with np.errstate(all="ignore"):
        updates = np.asarray(respond(program, PROBE), dtype=np.float64)
        updates = np.where(np.isfinite(updates).all(axis=2, keepdims=True), updates, 0.0)
        largest = np.abs(updates).max(axis=2, keepdims=True)
        updates = np.divide(updates, largest, out=np.zeros_like(updates), where=largest > 0)
        length = np.linalg.norm(updates, axis=2, keepdims=True)
    found: NDArray[np.float64] = np.divide(updates, length, out=np.zeros_like(updates), where=length > 0)
    return found


def _cosine(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    return float((left * right).sum(axis=2).mean())


def _difference(program: Program, known: Program) -> str:
    parts = []
    for mine, other in ((program, known), (known, program)):
        extra = sorted({instr.op for instr in mine.body} - {instr.op for instr in other.body})
        inputs = sorted(set(mine.inputs) - set(other.inputs))
        parts.append(", ".join([*extra, *(f"the input {name}" for name in inputs)]))
    states = [check(rule).cost.state_tensors for rule in (program, known)]
    words = [f"has {parts[0]}"] if parts[0] else []
    words += [f"has no {parts[1]}"] if parts[1] else []
    if states[0] != states[1]:
        words.append(f"keeps {states[0]} state{'s' if states[0] != 1 else ''} where {known.name} keeps {states[1]}")
    return "; ".join(words) or "the same operations, put together otherwise"
