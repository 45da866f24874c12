"""What a worker does: measure, and put what goes wrong in words."""

from __future__ import annotations

import numpy as np

from evaluators.evaluate import measure
from evaluators.job import Job
from evaluators.sandbox.claims import Measured, memory_is_short
from evaluators.sandbox.wire import Failure

_LONGEST = 500


def attempt(job: Job) -> Measured | Failure:
    """The job's report with its evidence, or what was raised on the way, whatever that was."""
    try:
        measured = measure(job)
    except Exception as error:  # noqa: BLE001 - a batch may fail in any way, and the parent finds out whose fault it is
        text = f"{type(error).__name__}: {error}"[:_LONGEST]
        return Failure(kind="memory" if memory_is_short(text) else "raised", detail=text)
    kept = [weights for weights in measured.weights if weights is not None]
    return Measured(measured.report, np.stack(kept) if kept else np.empty(0, np.float32))
