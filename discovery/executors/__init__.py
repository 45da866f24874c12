"""Pools of workers behind one interface.

- `base`: submit, wait, close.
- `inprocess`: one job at a time in the driver's process; deterministic, starts at once.
- `ray`: one warm process per core here, or the workers of a Ray cluster.
"""

from __future__ import annotations

from discovery.config import ExecutorConfig
from discovery.executors.base import Completed, Executor
from discovery.executors.inprocess import InProcess

__all__ = ["Completed", "Executor", "build"]


def build(config: ExecutorConfig) -> Executor:
    """The executor that the configuration asks for; its workers are starting."""
    if config.kind == "inprocess":
        return InProcess()
    from discovery.executors.ray import Ray  # importing Ray takes a second that other executors need not pay

    return Ray(None if config.workers == "auto" else config.workers, config.address)
