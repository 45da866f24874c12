"""Which engine trains a program, and one `train` for all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from evaluators import train as torch_engine
from evaluators.cuda import engine as cuda_engine
from evaluators.cuda import images
from evaluators.job import Engine
from evaluators.lanes import Lane, Trace, Training
from evaluators.native import build
from evaluators.native import engine as native_engine
from evaluators.native.model import unsupported
from evaluators.tasks.task import Task
from programs.ir import Program


@dataclass(frozen=True, slots=True)
class Serving:
    """The engines of a task on a device.

    Attributes:
        engine: Trains every program that it can; torch trains the rest.
        reason: Why it is torch; empty if it is not.
    """

    engine: Engine
    reason: str = ""

    def of(self, program: Program) -> Engine:
        """Which engine trains a program; for rules that ask for the curvature, a second derivative, it is torch."""
        return Engine.TORCH if "h" in program.inputs else self.engine


_TRAINS: dict[Engine, Callable[..., Training]] = {
    Engine.TORCH: torch_engine.train,
    Engine.NATIVE: native_engine.train,
    Engine.CUDA: cuda_engine.train,
}


def choose(wanted: Engine, task: Task, device: torch.device) -> Serving:
    """The engines for a task on a device.

    Args:
        wanted: `auto` for the native engine on a CPU and the CUDA engine on a GPU, wherever they can be had.

    Raises:
        ValueError: The engine that is wanted by name cannot be had; says why.
    """
    if wanted is Engine.TORCH:
        return Serving(Engine.TORCH, "torch was asked for")
    engine = Engine.CUDA if device.type == "cuda" else Engine.NATIVE
    reason = f"it does not run on {device.type}" if wanted not in (Engine.AUTO, engine) else _obstacle(engine, task)
    if reason and wanted is not Engine.AUTO:
        raise ValueError(f"The {wanted} engine cannot train {task.name} on {device}: {reason}.")
    return Serving(Engine.TORCH, reason) if reason else Serving(engine)


def _obstacle(engine: Engine, task: Task) -> str:
    if engine is Engine.CUDA:
        return images.unavailable()
    return unsupported(task) or build.unavailable()


def train(
    task: Task,
    programs: Sequence[Program],
    lanes: Sequence[Lane],
    *,
    serving: Serving,
    steps: int,
    hopeless: float,
    device: torch.device,
    deadline: float = math.inf,
    keep_weights: bool = False,
) -> Training:
    """Train every lane by the engine that serves its program. Arguments as for `evaluators.train.train`.

    Args:
        serving: From `choose`, for this task and device.
    """
    served = [serving.of(program) for program in programs]
    seconds: dict[int, float] = {}
    traces: dict[Engine, list[Trace]] = {}
    for engine in dict.fromkeys(served):
        done = _TRAINS[engine](
            task,
            programs,
            [lane for lane in lanes if served[lane.program] is engine],
            steps=steps,
            hopeless=hopeless,
            device=device,
            deadline=deadline,
            keep_weights=keep_weights,
        )
        seconds |= done.seconds
        traces[engine] = list(reversed(done.traces))
    return Training(tuple(traces[served[lane.program]].pop() for lane in lanes), seconds)
