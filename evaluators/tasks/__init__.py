"""The tasks that rules are measured on.

A task is one file here that defines `TASK`, and one line in the registry below. `task` says what a task is made of;
`digits` is the shortest example, `text` the other task.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluators.tasks.task import Task

REGISTRY = {
    "digits_mlp": "evaluators.tasks.digits",
    "text_ngram": "evaluators.tasks.text",
}
"""Name of each task and the module that defines it, imported on first use so that names can be listed without torch."""


def names() -> tuple[str, ...]:
    """The names of all tasks."""
    return tuple(REGISTRY)


def get(name: str) -> Task:
    """The task of that name.

    Raises:
        ValueError: There is none.
    """
    if name not in REGISTRY:
        raise ValueError(f"Unknown task {name!r}. Known: {', '.join(REGISTRY)}.")
    task: Task = importlib.import_module(REGISTRY[name]).TASK
    return task
