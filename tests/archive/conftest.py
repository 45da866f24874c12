"""A place for a store, in each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from archive.store import RunStore, Store
from postgres import PostgresServer
from stored import Hands, New


@pytest.fixture
def new() -> New:
    return New()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where nothing lives yet, in each kind of database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'run.db'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.new_database()


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with Store.create(store_url) as store:
        yield store


@pytest.fixture
def run(store: Store, new: New) -> RunStore:
    return store.add_run(new.run_info("first"))


@pytest.fixture
def hands(run: RunStore) -> Hands:
    return Hands(run)
