"""Sandboxes for tests, and what can be seen of them from outside."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from evaluators.sandbox import tree
from evaluators.sandbox.launch import Launch, launch
from evaluators.sandbox.levels import Level
from evaluators.sandbox.supervisor import Sandbox

CHILDREN = [Level.LIMITS, Level.CONFINED, Level.NAMESPACES]
"""The levels that start processes."""

GetSandbox = Callable[[Level], Sandbox]

PATIENCE = 20.0
"""Seconds for the kernel to kill what it kills."""


class Hostile(Sandbox):
    """A sandbox whose workers attack: see `hostile_zygote`."""

    grace = 0.3

    def _launch(self) -> Launch:
        arguments = (str(int(self.level)), self._limits.encode(), "cpu")
        folder = Path(__file__).parent
        return launch(self.level, "hostile_zygote", self._limits, arguments=arguments, sources=[folder])


def below(pid: int) -> set[int]:
    """The living processes of sandboxes below one; a test run may have other children."""
    return {child for child in tree.descendants(pid) if "zygote" in tree.command(child)}


def gone(pids: set[int]) -> bool:
    """Whether all of these come to their end."""
    deadline = time.monotonic() + PATIENCE
    while any(map(tree.is_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not any(map(tree.is_alive, pids))
