"""What this machine offers, found out once."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache

import pytest

from evaluators.sandbox.levels import Level
from evaluators.sandbox.probes import ProbeResult, probe
from evaluators.sandbox.survey import Survey, survey

REQUIRED = Level(int(os.environ.get("SAVANNA_REQUIRE_LEVEL") or ("3" if os.environ.get("CI") else "0")))
"""The level that must be there: on CI nothing may be skipped."""


@pytest.fixture(scope="session")
def machine() -> Survey:
    return survey()


@pytest.fixture
def needs(machine: Survey) -> Callable[[Level], None]:
    """Skip a test at a level that this machine does not have; fail it if it is one that must be there."""

    def skip_or_fail(level: Level) -> None:
        if machine.level < level:
            reason = f"no level {int(level)} here: {machine.why_not(level)}. Try: {machine.advice}"
            pytest.fail(reason) if level <= REQUIRED else pytest.skip(reason)

    return skip_or_fail


@pytest.fixture
def attempted(needs: Callable[[Level], None]) -> Callable[[Level], dict[str, ProbeResult]]:
    """All attempts to escape from a level; at level 0 from a plain child."""

    def make(level: Level) -> dict[str, ProbeResult]:
        needs(level)
        return _attempted(level)

    return make


@cache
def _attempted(level: Level) -> dict[str, ProbeResult]:
    return {result.name: result for result in probe(level)}
