"""Which engine trains a program, and one `train` for all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from evaluators import train as torch_engine
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
        reason: Why it is not the native one; empty if it is.
    """

    engine: Engine
    reason: str = ""

    def of(self, program: Program) -> Engine:
        """Which engine trains a program: for rules that ask for the curvature, which takes second derivatives, torch."""
        return Engine.TORCH if "h" in program.inputs else self.engine


def choose(wanted: Engine, task: Task, device: torch.device) -> Serving:
    """The engines for a task on a device.

    Args:
        wanted: `auto` for the native engine wherever it can be had.

    Raises:
        ValueError: The native engine is wanted by name and cannot be had; says why.
    """
    if wanted is Engine.TORCH:
        return Serving(Engine.TORCH, "torch was asked for")
    reason = _obstacle(task, device)
    if reason and wanted is Engine.NATIVE:
        raise ValueError(f"The native engine cannot train {task.name} on {device}: {reason}.")
    return Serving(Engine.TORCH if reason else Engine.NATIVE, reason)


def _obstacle(task: Task, device: torch.device) -> str:
    if device.type != "cpu":
        return f"it runs on the CPU, not on {device.type}"
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
    native = [serving.of(program) is Engine.NATIVE for program in programs]
    fast = native_engine.train(
        task,
        programs,
        [lane for lane in lanes if native[lane.program]],
        steps=steps,
        hopeless=hopeless,
        deadline=deadline,
        keep_weights=keep_weights,
    )
    slow = torch_engine.train(
        task,
        programs,
        [lane for lane in lanes if not native[lane.program]],
        steps=steps,
        hopeless=hopeless,
        device=device,
        deadline=deadline,
        keep_weights=keep_weights,
    )
    parts: Mapping[bool, list[Trace]] = {True: list(reversed(fast.traces)), False: list(reversed(slow.traces))}
    traces = tuple(parts[native[lane.program]].pop() for lane in lanes)
    return Training(traces, {**fast.seconds, **slow.seconds})
