"""An archive that older code wrote opens as one of today, with everything in it; `data/version1.db` is such a one.

It holds a finished run and one that was killed with two jobs open, made by the loop of version 1.
"""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, create_engine, func, insert, select

from archive.records import MAIN_DRIVER
from archive.schema import VERSION, metadata
from archive.store import Store
from postgres import PostgresServer

OLD = Path(__file__).with_name("data") / "version1.db"
SCRIPTS = Path(__file__).parents[2] / "archive" / "migrations" / "versions"


def rows(query: str, file: Path = OLD) -> list[tuple[Any, ...]]:
    """What is in an SQLite file, without any code of ours."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True)) as connection:
        return connection.execute(query).fetchall()


def old_archive_behind_a_server(server: PostgresServer) -> str:
    """The tables and rows of the old file in a PostgreSQL database, as the old code would have made them there."""
    url = server.new_database()
    source = create_engine(f"sqlite:///file:{OLD}?mode=ro&immutable=1&uri=true")
    target = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    old = MetaData()
    with source.connect() as reader, target.begin() as writer:
        old.reflect(reader)
        for column in (column for table in old.sorted_tables for column in table.c):
            column.type = column.type.as_generic()
        old.create_all(writer)
        for table in old.sorted_tables:
            writer.execute(insert(table), [dict(row._mapping) for row in reader.execute(select(table))])
        for name in ("runs", "evaluations", "verdicts"):
            last = select(func.max(old.tables[name].c.id)).scalar_subquery()
            writer.execute(select(func.setval(f"{name}_id_seq", last)))
    source.dispose()
    target.dispose()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def old_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return old_archive_behind_a_server(request.getfixturevalue("postgres_server"))
    shutil.copy(OLD, tmp_path / "run.db")
    return f"sqlite:///{tmp_path / 'run.db'}"


def test_everything_that_was_in_an_old_archive_is_in_the_upgraded_one(old_url: str) -> None:
    with Store.open(old_url) as store:
        assert [info.name for info in store.runs()] == ["finished", "interrupted"]
        for key, name in enumerate(("finished", "interrupted"), 1):
            run = store.run(name)
            of_run = f"WHERE run = {key} ORDER BY id"
            candidates = rows(f"SELECT id, name, source, emitter, note, structure, behaviour FROM candidates {of_run}")
            assert candidates == [
                (c.id, c.name, c.source, c.emitter, c.note, c.structure, c.behaviour) for c in run.candidates()
            ]
            parents = rows(f"SELECT candidate, parent FROM parents WHERE run = {key} ORDER BY candidate, position")
            assert parents == [(c.id, parent) for c in run.candidates() for parent in c.parents]
            assert rows(f"SELECT candidate, outcome, score, measures FROM verdicts {of_run}") == [
                (v.candidate, v.outcome, v.score, json.dumps(dict(v.measures), separators=(",", ":")))
                for v in run.verdicts()
            ]
            assert {v.revision for v in run.verdicts()} == {0}
            told = rows(f"SELECT job, candidate, purpose, task, device, initial_loss, result FROM evaluations {of_run}")
            evaluations = run.evaluations()
            assert [row[:-1] for row in told] == [
                (e.job, e.candidate, e.purpose, e.task, e.device, e.initial_loss) for e in evaluations
            ]
            for row, evaluation in zip(told, evaluations, strict=True):
                found = evaluation.result.model_dump(mode="json")  # with fields that there were not yet
                assert found == found | json.loads(row[-1])
            still_open = rows(f"SELECT id, purpose FROM jobs WHERE run = {key} AND NOT closed ORDER BY id")
            assert still_open == [(job.id, job.purpose) for job in run.open_jobs()]
            ((state,),) = rows(f"SELECT state FROM states WHERE run = {key}")
            assert run.state(MAIN_DRIVER) == json.loads(state)


def test_an_upgraded_archive_has_the_tables_of_a_new_one(old_url: str) -> None:
    with Store.open(old_url) as store, store.run("finished").database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_old_driver_goes_on_with_its_open_jobs(old_url: str) -> None:
    with Store.open(old_url) as store:
        run = store.run("interrupted")
        before = run.open_jobs()
        standing = run.enter().standing()
        assert [job.id for job in standing.jobs] == [job.id for job in before] == [5, 6]
        assert {job.attempt for job in standing.jobs} == {2}
        assert standing.state == run.state()


def test_a_copy_of_the_old_file_stays_beside_the_new_one(tmp_path: Path) -> None:
    shutil.copy(OLD, tmp_path / "run.db")
    Store.open(tmp_path / "run.db").close()
    assert {path.name for path in tmp_path.iterdir()} == {"run.db", "run.db.version1"}
    for (name,) in rows("SELECT name FROM sqlite_master WHERE type = 'table'"):
        assert rows(f"SELECT * FROM {name}", tmp_path / "run.db.version1") == rows(f"SELECT * FROM {name}")
    assert rows("PRAGMA user_version", tmp_path / "run.db") == [(VERSION,)]


def test_an_archive_of_today_is_not_upgraded_again(tmp_path: Path) -> None:
    Store.create(tmp_path / "run.db").close()
    before = (tmp_path / "run.db").read_bytes()
    Store.open(tmp_path / "run.db").close()
    assert [path.name for path in tmp_path.iterdir()] == ["run.db"]
    assert (tmp_path / "run.db").read_bytes() == before


OPEN_WITHOUT_ROOM = """
import resource, signal, sys
from archive.errors import StoreError
from archive.store import Store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    Store.open(f"sqlite:///{sys.argv[1]}")
except StoreError as error:
    print(error)
"""


def test_without_room_for_a_copy_the_old_file_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    shutil.copy(OLD, path)
    ran = subprocess.run(
        [sys.executable, "-c", OPEN_WITHOUT_ROOM, str(path)], capture_output=True, text=True, check=True
    )
    assert "no copy could be made before its upgrade" in ran.stdout
    assert path.read_bytes() == OLD.read_bytes()
    assert not list(tmp_path.glob("*version1*"))
    Store.open(path).close()
    assert (tmp_path / "run.db.version1").exists()


OPEN = """
import sys
from archive.store import Store
import alembic.command, alembic.config, alembic.runtime.migration  # loaded before the clock runs
print("ready", flush=True)
Store.open(f"sqlite:///{sys.argv[1]}").close()
"""


def test_an_upgrade_that_is_killed_is_made_wholly_or_not_at_all(tmp_path: Path) -> None:
    for round_ in range(4):
        path = tmp_path / str(round_) / "run.db"
        path.parent.mkdir()
        shutil.copy(OLD, path)
        with subprocess.Popen([sys.executable, "-c", OPEN, str(path)], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(0.03 * round_)
            child.send_signal(signal.SIGKILL)
        with Store.open(path) as store:
            assert store.run("finished").counts().evaluations == 47
            assert store.run("interrupted").counts().open_jobs == 2


def test_every_version_has_its_script() -> None:
    assert {path.stem for path in SCRIPTS.glob("version_*.py")} == {f"version_{n}" for n in range(2, VERSION + 1)}
