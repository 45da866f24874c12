"""Sandboxes, started once for many tests because each takes a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from evaluators.sandbox.launch import Launch, launch
from evaluators.sandbox.levels import Level, SandboxError
from evaluators.sandbox.limits import Limits
from evaluators.sandbox.supervisor import Sandbox

SUPPORT = Path(__file__).parents[2] / "support"
CHILDREN = [Level.LIMITS, Level.CONFINED, Level.NAMESPACES]

GetSandbox = Callable[[Level], Sandbox]


class Hostile(Sandbox):
    """A sandbox whose workers attack."""

    grace = 0.3

    def _launch(self) -> Launch:
        arguments = (str(int(self.level)), self._limits.encode(), "cpu")
        return launch(self.level, "hostile_zygote", self._limits, arguments=arguments, sources=[SUPPORT])


def _provide(kind: type[Sandbox], limits: Limits) -> Iterator[GetSandbox]:
    boxes: dict[Level, Sandbox] = {}
    with ExitStack() as stack:

        def get(level: Level) -> Sandbox:
            if level not in boxes:
                try:
                    boxes[level] = stack.enter_context(kind(level, limits))
                except SandboxError as error:
                    pytest.skip(str(error))
            return boxes[level]

        yield get


@pytest.fixture(scope="module")
def sandbox() -> Iterator[GetSandbox]:
    yield from _provide(Sandbox, Limits())


@pytest.fixture(scope="module")
def hostile_sandbox() -> Iterator[GetSandbox]:
    yield from _provide(Hostile, replace(Limits(), memory_bytes=1400 * 2**20))
