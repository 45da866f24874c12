"""One training run as data: what is asked and what became of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Lane:
    """One training run.

    Attributes:
        program: Index of the program that trains it.
        learning_rate: Peak of its schedule.
        seed: Stands for its initial weights and the order of its batches.
    """

    program: int
    learning_rate: float
    seed: int


class Fate(Enum):
    """How a lane ended."""

    FINISHED = "finished"
    NOT_FINITE = "not finite"
    HOPELESS = "hopeless"
    TIMEOUT = "timeout"
    CRASH = "crash"


@dataclass(frozen=True, slots=True)
class Trace:
    """What became of one lane.

    Attributes:
        lane: The run.
        fate: How it ended.
        losses: Training loss before each step that it ran, shape `(steps,)`.
        validation: Validation loss after the last step; finite for a finished lane, NaN for every other.
        error: What was raised, for a crashed lane.
        weights: Of a finished lane after the last step, shape `(layout.size,)`, where they were asked for.
    """

    lane: Lane
    fate: Fate
    losses: NDArray[np.float32]
    validation: float = math.nan
    error: str = ""
    weights: NDArray[np.float32] | None = None

    @property
    def last_step(self) -> int:
        """The step by which it had ended: the first loss that was not finite where that is how it died."""
        if self.fate is Fate.NOT_FINITE:
            bad = np.flatnonzero(~np.isfinite(self.losses))
            return int(bad[0]) + 1 if bad.size else len(self.losses)
        return len(self.losses)


@dataclass(frozen=True, slots=True)
class Training:
    """What became of many lanes.

    Attributes:
        traces: One per lane, in order.
        seconds: Time spent on each program that had lanes: its own updates, and a share by steps run of all else.
    """

    traces: tuple[Trace, ...]
    seconds: Mapping[int, float]

    def of(self, program: int) -> list[Trace]:
        """The traces of one program, in order."""
        return [trace for trace in self.traces if trace.lane.program == program]
