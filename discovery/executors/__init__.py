"""Pools of workers behind one interface.

- `base`: submit, wait, close.
- `inprocess`: one job at a time; deterministic, starts at once.
- `ray`: one warm process per core here, or the workers of a Ray cluster, as they come and go.
- `cluster`: Ray itself: started, joined, watched. `worker`: what lives in its processes.
- `isolation`: the sandbox that a worker measures in.
"""

from __future__ import annotations

from discovery.config import EvaluationConfig, ExecutorConfig
from discovery.executors.base import Completed, Executor, ExecutorError

__all__ = ["Completed", "Executor", "ExecutorError", "build"]


def build(config: ExecutorConfig, evaluation: EvaluationConfig) -> Executor:
    """The executor that the configuration asks for; its workers are starting.

    Raises:
        ExecutorError: The workers cannot be started.
        SandboxError: The isolation asked for cannot be had here.
    """
    # Imported here: torch and Ray take seconds, which commands that only look at a run need not pay.
    if config.kind == "inprocess":
        from discovery.executors.inprocess import InProcess

        return InProcess(evaluation.sandbox, evaluation.device)
    from discovery.executors.ray import Ray

    workers = None if config.workers == "auto" else config.workers
    return Ray(workers, config.address, config.gpus_per_worker, evaluation.sandbox, evaluation.device)
