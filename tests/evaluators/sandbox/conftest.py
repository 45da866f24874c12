"""Sandboxes, started once for many tests because each takes a second."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from evaluators.sandbox.levels import Level, SandboxError
from evaluators.sandbox.limits import Limits
from evaluators.sandbox.supervisor import Sandbox
from sandboxes import GetSandbox, Hostile

REQUIRED = Level(int(os.environ.get("SAVANNA_REQUIRE_LEVEL") or ("3" if os.environ.get("CI") else "0")))


def _provide(kind: type[Sandbox], limits: Limits) -> Iterator[GetSandbox]:
    boxes: dict[Level, Sandbox] = {}
    with ExitStack() as stack:

        def get(level: Level) -> Sandbox:
            if level not in boxes:
                try:
                    boxes[level] = stack.enter_context(kind(level, limits))
                except SandboxError as error:
                    pytest.fail(str(error)) if level <= REQUIRED else pytest.skip(str(error))
            return boxes[level]

        yield get


@pytest.fixture(scope="module")
def sandbox() -> Iterator[GetSandbox]:
    """Gives the sandbox of a level, or skips the test with the reason why there is none here."""
    yield from _provide(Sandbox, Limits())


@pytest.fixture(scope="module")
def hostile_sandbox() -> Iterator[GetSandbox]:
    """The same with workers that attack, and little memory."""
    yield from _provide(Hostile, Limits(memory_bytes=1400 * 2**20))
