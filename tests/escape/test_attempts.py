"""Every attempt to escape, with its control: the same attempt gets through one level below."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluators.sandbox import attempts
from evaluators.sandbox.attempts import ATTEMPTS
from evaluators.sandbox.levels import Level
from evaluators.sandbox.probes import STOPPED_FROM, ProbeResult

Attempted = Callable[[Level], dict[str, ProbeResult]]

STOPPED = [(name, level) for name, lowest in STOPPED_FROM.items() for level in Level if level >= lowest]

OWNERS_ONLY = {
    "open_a_device": any(os.access(Path("/dev", name), os.R_OK | os.W_OK) for name in attempts.DEVICES),
    "write_a_kernel_setting": os.access(attempts.SETTING, os.W_OK),
    "write_the_library": os.access(attempts.__file__, os.W_OK),
}
"""What not every user may do, and whether this one may: else there is no control to be had."""


@pytest.mark.parametrize(("name", "level"), STOPPED, ids=str)
def test_is_stopped(name: str, level: Level, attempted: Attempted) -> None:
    assert attempted(level)[name].blocked


@pytest.mark.parametrize("name", [name for name in STOPPED_FROM if OWNERS_ONLY.get(name, True)])
def test_control_gets_through_one_level_below(name: str, attempted: Attempted) -> None:
    assert attempted(Level(STOPPED_FROM[name] - 1))[name].detail == ""


def test_every_attempt_is_tested() -> None:
    assert ATTEMPTS.keys() == STOPPED_FROM.keys()


def test_results_say_what_is_promised_so_that_a_table_can_show_what_is_not(attempted: Attempted) -> None:
    for level in (Level.IN_PROCESS, Level.LIMITS):
        promised = {name for name, result in attempted(level).items() if result.expected}
        assert promised == {name for name, lowest in STOPPED_FROM.items() if lowest <= level}
