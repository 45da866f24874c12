"""Regression: the next column of a map of heights from the sixteen before it, by a long short-term memory.

The map is a piece of Tennessee, 344 x 403 heights of the United States Geological Survey, that Matplotlib ships.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from evaluators.models.layers import Linear, Lstm
from evaluators.models.losses import MeanSquare
from evaluators.models.model import Model
from evaluators.tasks.corpus import folder_of
from evaluators.tasks.naming import Tier
from evaluators.tasks.task import Data, Examples, Task

ROWS, COLUMNS, HIDDEN = 8, 16, 48
VALIDATION = 1024


def _load() -> Data:
    path = folder_of("matplotlib") / "mpl-data" / "sample_data" / "jacksboro_fault_dem.npz"
    with np.load(path) as arrays:
        heights = arrays["elevation"].astype(np.float64)
    border = heights.shape[0] * 4 // 5
    train, everything = _examples(heights[:border]), _examples(heights[border:])
    chosen = np.random.default_rng(0).choice(len(everything.targets), VALIDATION, replace=False)
    return Data(train, Examples(everything.inputs[chosen], everything.targets[chosen]))


def _examples(heights: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Examples:
    """Columns of eight heights above the mean of the last one, in units of the typical difference."""
    pieces = sliding_window_view(heights, (ROWS, COLUMNS + 1))[::ROWS].reshape(-1, ROWS, COLUMNS + 1).swapaxes(1, 2)
    pieces = pieces - pieces[:, -2:-1].mean(axis=2, keepdims=True)
    scaled = (pieces / pieces[:, -1].std()).astype(np.float32)
    return Examples(np.ascontiguousarray(scaled[:, :COLUMNS]), np.ascontiguousarray(scaled[:, COLUMNS]))


def model(scale: int = 1) -> Model:
    """Recurrent layer, and eight numbers from what it ends with."""
    hidden = scale * HIDDEN
    return Model((Lstm(ROWS, hidden, last=True), Linear(hidden, ROWS, gain=0.5)), MeanSquare(), positions=COLUMNS)


TASK = Task(
    name="terrain_lstm",
    doc="The next column of a map of heights from the sixteen before it; long short-term memory of 48",
    tier=Tier.TEST,
    revision=1,
    steps=1500,
    batch=32,
    load=_load,
    model=model(),
    widen=model,
)
TASKS = (TASK,)
