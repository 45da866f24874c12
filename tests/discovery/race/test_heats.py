"""Starting the runs of a race."""

from __future__ import annotations

import signal

import pytest

from discovery.race.heats import uninterrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_waits_until_a_process_that_is_being_started_is_known(number: signal.Signals) -> None:
    known: list[str] = []

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def start() -> None:
        with uninterrupted():
            signal.raise_signal(number)
            known.append("process")

    before = signal.signal(number, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            start()
        assert signal.getsignal(number) is interrupt
    finally:
        signal.signal(number, before)
    assert known == ["process"]
