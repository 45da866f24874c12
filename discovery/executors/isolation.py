"""Opening the sandbox that the configuration asks for, on the machine where a worker runs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from evaluators.sandbox.levels import Level, SandboxError
from evaluators.sandbox.supervisor import Sandbox
from evaluators.sandbox.survey import survey

Demand = int | Literal["auto"]


def open_sandbox(demand: Demand, device: str) -> Sandbox:
    """A sandbox at the level demanded, or for `auto` at the highest that works here.

    Raises:
        SandboxError: The level cannot be had here; says why, and what would help.
    """
    level = _level(demand)
    if level is Level.IN_PROCESS:
        from evaluators.device import prepare  # torch, which this process needs at level 0 only

        prepare()
    return Sandbox(level, gpu=device == "cuda" or (device == "auto" and Path("/dev/nvidiactl").exists()))


def _level(demand: Demand) -> Level:
    if demand in (Level.IN_PROCESS, Level.LIMITS):
        return Level(demand)
    offered = survey()
    if demand == "auto":
        return offered.level
    why_not = offered.why_not(Level(demand))
    if why_not:
        raise SandboxError(
            f"evaluation.sandbox demands level {demand}, but level {offered.level:d} is the highest that works here "
            f"({why_not}). To raise it: {offered.advice}. To do with less: --set evaluation.sandbox=auto."
        )
    return Level(demand)
