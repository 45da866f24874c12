"""Shared by all tests."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import settings

from postgres import PostgresServer

# How long an example takes depends on what else the machine does; a test that hangs is stopped by pytest-timeout.
settings.register_profile("savanna", deadline=None)
settings.load_profile("savanna")

# What a shell starts in the background may ignore interrupts, and so would the runs that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A server for the tests of this process; each takes a database of its own."""
    with closing(PostgresServer()) as server:
        yield server
