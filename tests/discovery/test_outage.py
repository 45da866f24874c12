"""The database goes away or takes no more in mid-run: what is finished waits for it; nothing is lost or repeated."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from archive.errors import DamagedError, LostLeaseError, StoreError
from archive.store import RunStore
from discovery import outage
from discovery.executors import Completed
from discovery.loop import drive, prepare
from discovery.runs import Run, open_run
from discovery.scheduling.scheduler import Phase
from free_executor import FreeExecutor, Silent
from postgres import PostgresServer


def facts(store: RunStore) -> Any:
    return store.candidates(), store.verdicts(), store.evaluations()


def measured_twice(store: RunStore) -> list[Any]:
    measured = Counter((e.candidate, e.task, e.seeds, e.budget) for e in store.evaluations())
    return [key for key, times in measured.items() if times > 1]


class Meanwhile(FreeExecutor):
    """Does something to the database while jobs are being worked on, before one of its answers."""

    def __init__(self, at: int, action: Callable[[], object], slots: int = 1) -> None:
        super().__init__(slots)
        self._at, self._action, self._turn = at, action, 0
        self.worked: list[int] = []

    def wait(self) -> list[Completed]:
        self._turn += 1
        if self._turn == self._at:
            self._action()
        self.worked += [job.id for job in self.jobs]
        return super().wait()


class Repairer(Silent):
    """Puts things right after the search has met them twice."""

    def __init__(self, repair: Callable[[], object]) -> None:
        super().__init__()
        self._repair = repair

    def troubled(self, message: str, /) -> None:
        super().troubled(message)
        if len(self.troubles) == 2:
            self._repair()


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """One that may be stopped without harm to other tests."""
    with closing(PostgresServer()) as server:
        yield server


@pytest.fixture
def run(make_run: Callable[..., Run], own_server: PostgresServer) -> Iterator[Run]:
    run = make_run(archive={"url": own_server.new_database()}, store={"outage_minutes": 10.0})
    with closing(run.store.database):
        yield run


@pytest.mark.parametrize("slots", [1, 3])
def test_a_server_that_is_gone_for_a_while_costs_nothing(
    run: Run, own_server: PostgresServer, make_run: Callable[..., Run], slots: int
) -> None:
    watcher, executor = Repairer(own_server.start), Meanwhile(6, own_server.stop, slots)
    search = prepare(run)
    drive(search, executor, watcher)
    assert search.scheduler.phase is Phase.DONE
    assert any("What is finished is kept; trying again in 0.5 s" in message for message in watcher.troubles)
    assert any("answers again" in message for message in watcher.troubles)
    assert max(Counter(executor.worked).values()) == 1
    assert measured_twice(run.store) == []
    undisturbed = make_run("undisturbed")
    drive(prepare(undisturbed), FreeExecutor(slots), Silent())
    assert facts(run.store) == facts(undisturbed.store)


def test_a_driver_that_gives_up_keeps_what_is_finished_for_the_next(
    make_run: Callable[..., Run], own_server: PostgresServer
) -> None:
    broken = make_run(archive={"url": own_server.new_database()}, store={"outage_minutes": 0.005})
    executor = Meanwhile(6, own_server.stop)
    with pytest.raises(StoreError) as stopped:
        drive(prepare(broken), executor, Silent())
    broken.store.database.close()
    own_server.start()
    (note,) = stopped.value.__notes__
    assert "1 finished jobs are kept" in note
    again = open_run("test", broken.folder.parent)
    with closing(again.store.database):
        others = Meanwhile(0, list)
        drive(prepare(again), others, Silent())
        assert not set(executor.worked) & set(others.worked)
        assert measured_twice(again.store) == []
        undisturbed = make_run("undisturbed")
        drive(prepare(undisturbed), FreeExecutor(), Silent())
        assert facts(again.store) == facts(undisturbed.store)
    assert not list(again.folder.glob("held*"))


def limit_pages(run: Run, pages: int) -> None:
    """As much room as SQLite may take; set on the connection that the driver writes with."""
    with run.store.database.read() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_that_is_cleared_costs_nothing(make_run: Callable[..., Run]) -> None:
    run, whole = make_run(store={"outage_minutes": 10.0}), make_run("whole")
    watcher = Repairer(lambda: limit_pages(run, 1_000_000))
    executor = Meanwhile(4, lambda: limit_pages(run, 1))
    drive(prepare(run), executor, watcher)
    drive(prepare(whole), FreeExecutor(), Silent())
    assert any("full" in message for message in watcher.troubles)
    assert max(Counter(executor.worked).values()) == 1
    assert facts(run.store) == facts(whole.store)


def test_a_damaged_database_is_not_waited_for(make_run: Callable[..., Run]) -> None:
    run = make_run(store={"outage_minutes": 10.0})
    search, watcher = prepare(run), Silent()
    with pytest.raises(DamagedError):
        outage.recover(search, DamagedError("broken"), watcher.troubled)
    assert watcher.troubles == []


def test_a_lease_that_is_lost_while_the_database_is_away_is_taken_again_when_it_is_back(
    make_run: Callable[..., Run],
) -> None:
    run = make_run(store={"outage_minutes": 10.0})
    search, file = prepare(run), run.folder / "run.db"
    away = file.rename(run.folder / "away.db")
    watcher = Repairer(lambda: away.rename(file))
    outage.recover(search, LostLeaseError("main", taken=False), watcher.troubled)
    assert "no sign of life" in watcher.troubles[0]
    assert "trying again" in watcher.troubles[1]
    drive(search, FreeExecutor(), Silent())
    assert search.scheduler.phase is Phase.DONE


def test_a_driver_whose_name_was_taken_stops_and_leaves_the_run_to_the_other(make_run: Callable[..., Run]) -> None:
    run, whole = make_run(), make_run("whole")
    with pytest.raises(LostLeaseError, match="Another process drives this run"):
        drive(prepare(run), Meanwhile(4, run.store.enter), Silent())
    drive(prepare(run), FreeExecutor(), Silent())
    drive(prepare(whole), FreeExecutor(), Silent())
    assert facts(run.store) == facts(whole.store)


def test_a_run_of_version_1_is_finished_by_the_code_of_today(make_run: Callable[..., Run], tmp_path: Path) -> None:
    old = Path(__file__).parents[1] / "archive" / "data" / "version1.db"
    shutil.copy(old, tmp_path / "run.db")
    with closing(sqlite3.connect(tmp_path / "run.db")) as connection:
        connection.execute("UPDATE runs SET name = 'test' WHERE name = 'interrupted'")
        connection.commit()
    config = {"archive": {"url": f"sqlite:///{tmp_path / 'run.db'}"}, "budget": {"evaluations": 16}, "seed": 1}
    config["evaluation"] = {"batch": 4, "scout_fraction": 0.2, "finalists": 2}  # as version 1 wrote into its file
    make_run("other", name="other", **config)
    folder = tmp_path / "other" / "test"
    shutil.move(tmp_path / "other" / "other", folder)
    text = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(text.replace("name: other", "name: test"))
    run = open_run("test", tmp_path / "other")
    before = run.store.evaluations()
    search = prepare(run)
    drive(search, FreeExecutor(), Silent())
    assert search.scheduler.phase is Phase.DONE
    assert run.store.open_jobs() == []
    assert run.store.evaluations()[: len(before)] == before
    assert measured_twice(run.store) == []
