"""The native engine: lane after lane, a whole run in each call of the library."""

from __future__ import annotations

import ctypes
import math
import time
from collections import defaultdict
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

from evaluators.bytecode import compile as compile_rule
from evaluators.lanes import Fate, Lane, Trace, Training
from evaluators.native.build import load
from evaluators.native.model import NativeModel, Source
from evaluators.native.update import Update
from evaluators.schedule import multiplier
from evaluators.tasks.task import Task
from evaluators.train import checkpoints
from programs.ir import Program

_CPU = torch.device("cpu")

_FATES = (Fate.FINISHED, Fate.NOT_FINITE, Fate.HOPELESS, Fate.TIMEOUT)
"""In the order of `Fate` in source/run.cpp."""


def train(
    task: Task,
    programs: Sequence[Program],
    lanes: Sequence[Lane],
    *,
    steps: int,
    hopeless: float,
    device: torch.device = _CPU,
    deadline: float = math.inf,
    keep_weights: bool = False,
) -> Training:
    """Train every lane, one after the other, each as if it were alone: bit for bit the same whoever else is there.

    Arguments as for `evaluators.train.train`; the task, the programs and the device are ones that this engine serves.

    Raises:
        BuildError: There is no library here.
    """
    assert device.type == "cpu"
    if not lanes:
        return Training((), {})
    runs = _Runs(task, steps, hopeless, deadline)
    updates: dict[int, Update | str] = {}
    seconds: defaultdict[int, float] = defaultdict(float)
    traces = []
    for lane in lanes:
        started = time.perf_counter()
        if lane.program not in updates:
            updates[lane.program] = _prepare(programs[lane.program], task)
        update = updates[lane.program]
        if isinstance(update, str):
            traces.append(Trace(lane, Fate.CRASH, np.empty(0, np.float32), error=update))
        else:
            traces.append(runs.run(lane, update, keep_weights=keep_weights))
        seconds[lane.program] += time.perf_counter() - started
    return Training(tuple(traces), dict(seconds))


def _prepare(program: Program, task: Task) -> Update | str:
    """The program ready to run, or what was raised."""
    try:
        return Update(compile_rule(program, task.layout))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this program's failure alone
        return f"{type(error).__name__}: {error}"


class _Run(ctypes.Structure):
    """`Run` of source/run.cpp."""

    _fields_ = (
        *((name, ctypes.POINTER(Source)) for name in ("train_inputs", "train_targets")),
        *((name, ctypes.POINTER(Source)) for name in ("validation_inputs", "validation_targets")),
        ("validation_examples", ctypes.c_int64),
        ("initial", ctypes.c_void_p),
        ("size", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("order", "rates")),
        *((name, ctypes.c_int64) for name in ("steps", "batch")),
        ("checkpoints", ctypes.c_void_p),
        ("checkpoint_count", ctypes.c_int64),
        *((name, ctypes.c_double) for name in ("hopeless", "seconds")),
        *((name, ctypes.c_void_p) for name in ("weights", "gradient", "losses")),
        *((name, ctypes.c_int64) for name in ("ran", "fate")),
        ("validation", ctypes.c_double),
    )


class _Runs:
    """What the runs of one call share: the model and its memory, initial weights, batches, the schedule."""

    def __init__(self, task: Task, steps: int, hopeless: float, deadline: float) -> None:
        self._model = NativeModel(task)
        self._task, self._steps, self._hopeless, self._deadline = task, steps, hopeless, deadline
        self._multipliers = np.array([multiplier(step, steps) for step in range(1, steps + 1)], np.float32)
        self._checkpoints = np.array(checkpoints(steps), np.int64)
        self._gradient = np.empty(task.layout.size, np.float32)
        self._seeds: dict[int, tuple[NDArray[np.float32], NDArray[np.int64]]] = {}
        self._run = _declared().savanna_run

    def run(self, lane: Lane, update: Update, *, keep_weights: bool) -> Trace:
        """One lane from its first step to its end."""
        if lane.seed not in self._seeds:
            order = np.ascontiguousarray(self._task.batches(lane.seed, self._steps))
            self._seeds[lane.seed] = self._task.initial_weights(lane.seed), order
        initial, order = self._seeds[lane.seed]
        # In single precision, as the other engines multiply.
        rates = (np.float32(lane.learning_rate) * self._multipliers).astype(np.float64)
        weights, losses = np.empty_like(initial), np.full(self._steps, np.nan, np.float32)
        model = self._model
        asked = _Run(
            *(ctypes.pointer(source) for source in (*model.train, *model.validation)),
            len(self._task.data.validation.targets),
            initial.ctypes.data,
            len(initial),
            order.ctypes.data,
            rates.ctypes.data,
            self._steps,
            self._task.batch,
            self._checkpoints.ctypes.data,
            len(self._checkpoints),
            self._hopeless,
            self._deadline - time.monotonic(),
            weights.ctypes.data,
            self._gradient.ctypes.data,
            losses.ctypes.data,
        )
        self._run(model.handle, update.handle, ctypes.byref(asked))
        fate = _FATES[asked.fate]
        finished = fate is Fate.FINISHED
        return Trace(
            lane=lane,
            fate=fate,
            losses=losses[: asked.ran],
            validation=asked.validation if finished else math.nan,
            weights=weights if finished and keep_weights else None,
        )


@cache
def _declared() -> ctypes.CDLL:
    """The library with the types of what is called here."""
    library = load()
    library.savanna_run.restype = None
    library.savanna_run.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(_Run)]
    return library
