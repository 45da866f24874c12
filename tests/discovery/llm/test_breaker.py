"""A server that fails is left alone, for longer and longer, and then for good; one that answers is trusted again."""

from __future__ import annotations

import math

from discovery.config.llm import BreakerConfig
from discovery.llm.breaker import Breaker

CONFIG = BreakerConfig(failures=2, pause=10.0, give_up=3)


def test_single_failures_do_not_matter() -> None:
    breaker = Breaker(CONFIG)
    for now in range(10):
        assert breaker.failed(now) is None
        breaker.succeeded()
        assert breaker.allows(now)


def test_pauses_double_until_it_is_given_up() -> None:
    breaker = Breaker(CONFIG)
    now, pauses = 0.0, []
    breaker.failed(now)
    while not breaker.gone:
        pause = breaker.failed(now)
        assert pause is not None
        pauses.append(pause)
        if math.isfinite(pause):
            assert not breaker.allows(now + 0.9 * pause)
            now += pause
            assert breaker.allows(now)
    assert pauses == [10.0, 20.0, 40.0, math.inf]
    assert not breaker.allows(now + 1e9)


def test_calls_in_flight_when_a_pause_begins_do_not_lengthen_it() -> None:
    breaker = Breaker(CONFIG)
    breaker.failed(0.0)
    assert breaker.failed(0.0) == 10.0
    assert breaker.failed(1.0) is None
    assert breaker.allows(10.0)


def test_an_answer_ends_everything() -> None:
    breaker = Breaker(CONFIG)
    for now in (0.0, 0.0, 10.0):
        breaker.failed(now)
    breaker.succeeded()
    assert breaker.allows(10.0)
    assert breaker.failed(11.0) is None
    assert breaker.failed(11.0) == 10.0
