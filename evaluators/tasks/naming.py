"""Names of tasks and of their variants, for which no model and no data is loaded.

`text_ngram@width=2,horizon=4` is the task `text_ngram` with twice the width and four times the steps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum


class Tier(StrEnum):
    """What a task may be used for, by size. A search never looks at the higher tiers."""

    SEARCH = "search"
    VALIDATE = "validate"
    TEST = "test"


WHOLE = {"width": True, "batch": False, "horizon": False}
"""What a task can be varied in, and whether the factor is a whole number."""


def variant_name(name: str, factors: Mapping[str, float]) -> str:
    """The name of a variant; factors of 1 are left out."""
    varied = [f"{axis}={factor:g}" for axis, factor in factors.items() if factor != 1]
    return f"{name}@{','.join(varied)}" if varied else name


def split(name: str) -> tuple[str, dict[str, float]]:
    """The name of the task that a name is a variant of, and the factors.

    Raises:
        ValueError: What follows the `@` is no list such as `horizon=2,batch=0.5`.
    """
    base, at, rest = name.partition("@")
    factors: dict[str, float] = {}
    for part in rest.split(",") if at else ():
        axis, _, text = part.partition("=")
        if axis not in WHOLE or axis in factors:
            raise ValueError(f"Variant {part!r} of task {base!r}: expected {', '.join(WHOLE)}, each at most once.")
        try:
            factors[axis] = int(text) if WHOLE[axis] else float(text)
        except ValueError:
            factors[axis] = 0
        if not 0 < factors[axis] < math.inf:
            kind = "whole" if WHOLE[axis] else "finite"
            raise ValueError(f"Variant {part!r} of task {base!r}: expected a {kind} number above zero, found {text!r}.")
    return base, factors
