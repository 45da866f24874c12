"""An archive is made whole or not at all, and what is not an archive is left exactly as it was."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import URL

from archive.address import Address
from archive.errors import AlreadyExistsError, NotFoundError, NotOursError, StoreError, WrongVersionError
from archive.schema import VERSION
from archive.store import Store
from stored import Hands, New


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """SQLite alone: a database behind a server is no file."""
    return f"sqlite:///{tmp_path / 'run.db'}"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def text(path: Path) -> None:
    path.write_text("name: quickstart\nseed: 0\n" * 100)


def short_text(path: Path) -> None:
    path.write_text("hello")


def other_database(path: Path) -> None:
    execute(path, "CREATE TABLE trials (id)", "CREATE TABLE studies (id)")


def other_database_in_wal_mode(path: Path) -> None:
    execute(path, "PRAGMA journal_mode = WAL", "CREATE TABLE trials (id)")


def other_database_with_a_meta_table_like_ours(path: Path) -> None:
    execute(path, "CREATE TABLE meta (key, value)", "INSERT INTO meta VALUES ('application', 'savanna archive')")


NOT_OURS = [text, short_text, other_database, other_database_in_wal_mode, other_database_with_a_meta_table_like_ours]


@pytest.mark.parametrize("make", NOT_OURS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("approach", [Store.open, Store.create], ids=["open", "create"])
def test_what_is_not_ours_is_refused_and_not_touched(
    tmp_path: Path, make: Callable[[Path], None], approach: Callable[[str], Store]
) -> None:
    make(tmp_path / "run.db")
    before = files(tmp_path)
    with pytest.raises(NotOursError, match=r"is not an archive.*not touched"):
        approach(f"sqlite:///{tmp_path / 'run.db'}")
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    "statement", ["DROP TABLE meta", "DELETE FROM meta", "ALTER TABLE meta RENAME COLUMN key TO name"]
)
def test_header_alone_does_not_make_an_archive(tmp_path: Path, store_url: str, statement: str) -> None:
    Store.create(store_url).close()
    execute(tmp_path / "run.db", statement)
    with pytest.raises(NotOursError, match="with the tables alembic_version, calls, candidates, "):
        Store.open(store_url)


def test_version_in_the_table_counts_too(tmp_path: Path, store_url: str) -> None:
    Store.create(store_url).close()
    execute(tmp_path / "run.db", "UPDATE meta SET value = '99' WHERE key = 'version'")
    with pytest.raises(WrongVersionError, match="version 99"):
        Store.open(store_url)


def test_other_program_keeps_its_uncommitted_and_unmerged_work(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    other_database_in_wal_mode(path)
    with closing(sqlite3.connect(path)) as theirs:
        theirs.execute("INSERT INTO trials VALUES (1)")
        theirs.commit()
        theirs.execute("INSERT INTO trials VALUES (2)")
        before = files(tmp_path)
        assert set(before) == {"run.db", "run.db-wal", "run.db-shm"}
        with pytest.raises(NotOursError):
            Store.open(f"sqlite:///{path}")
        assert files(tmp_path) == before
        theirs.commit()
        assert theirs.execute("SELECT count(*) FROM trials").fetchone() == (2,)


@pytest.mark.parametrize("approach", [Store.open, Store.create], ids=["open", "create"])
@pytest.mark.parametrize("version", ["0", "99"])
def test_other_version_is_refused_and_not_touched_even_after_a_crash(
    tmp_path: Path, new: New, approach: Callable[[str], Store], version: str
) -> None:
    path = tmp_path / "live" / "run.db"
    path.parent.mkdir()
    with Store.create(f"sqlite:///{path}") as store:
        store.close()
        execute(path, f"PRAGMA user_version = {version}")
        store.add_run(new.run_info("first"))
        shutil.copytree(path.parent, tmp_path / "crashed")
    before = files(tmp_path / "crashed")
    assert "run.db-wal" in before
    with pytest.raises(WrongVersionError, match=f"version {version},.*version {VERSION}.*not touched"):
        approach(f"sqlite:///{tmp_path / 'crashed' / 'run.db'}")
    assert files(tmp_path / "crashed") == before


def test_crashed_archive_is_recognised_and_keeps_what_was_committed(tmp_path: Path, new: New) -> None:
    path = tmp_path / "live" / "run.db"
    path.parent.mkdir()
    with Store.create(f"sqlite:///{path}") as store:
        store.add_run(new.run_info("first"))
        shutil.copytree(path.parent, tmp_path / "crashed")
    with Store.open(f"sqlite:///{tmp_path / 'crashed' / 'run.db'}") as store:
        assert store.run("first").info == new.run_info("first")


def test_archive_killed_between_two_pages_of_a_checkpoint_is_whole(tmp_path: Path, new: New) -> None:
    path, crashed = tmp_path / "live" / "run.db", tmp_path / "crashed" / "run.db"
    path.parent.mkdir()
    many = [new.candidate(number) for number in range(1, 500)]
    with Store.create(f"sqlite:///{path}") as store:
        run = store.add_run(new.run_info("first"))
        Hands(run).ask(many, [], {})
        shutil.copytree(path.parent, crashed.parent)
    wal = crashed.with_name("run.db-wal").read_bytes()[32:]
    frames = [wal[start : start + 24 + 4096] for start in range(0, len(wal), 24 + 4096)]
    first_page = [frame[24:] for frame in frames if frame[:4] == (1).to_bytes(4)][-1]
    with crashed.open("r+b") as stream:
        stream.write(first_page)  # which says how many pages there are; the others are still only in the -wal
    with Store.open(f"sqlite:///{crashed}") as store:
        assert store.run("first").candidates() == many


READ = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
print(connection.execute("SELECT count(*) FROM runs").fetchone()[0])
connection.close()  # the last one to close moves the -wal into the file and deletes it
"""


def test_opening_an_archive_twice_keeps_the_locks_of_the_first(tmp_path: Path, store: Store, store_url: str) -> None:
    assert store.runs() == []
    Store.open(store_url).close()
    ran = subprocess.run([sys.executable, "-c", READ, str(tmp_path / "run.db")], capture_output=True, check=True)
    assert ran.stdout == b"0\n"
    assert (tmp_path / "run.db-wal").exists()


def test_missing_archive_is_not_made_by_opening(store_url: str, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no archive at"):
        Store.open(store_url)
    assert files(tmp_path) == {}


def test_empty_file_is_no_archive_and_is_not_replaced(store_url: str, tmp_path: Path) -> None:
    (tmp_path / "run.db").touch()
    with pytest.raises(NotFoundError, match="empty"):
        Store.open(store_url)
    with pytest.raises(AlreadyExistsError, match="in the way"):
        Store.create(store_url)
    assert files(tmp_path) == {"run.db": b""}


def test_folder_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        Store.open(f"sqlite:///{tmp_path}")


def test_archive_is_not_made_over_another(store: Store, store_url: str, new: New) -> None:
    store.add_run(new.run_info("first"))
    with pytest.raises(AlreadyExistsError, match="already"):
        Store.create(store_url)
    assert [info.name for info in store.runs()] == ["first"]


def test_closed_archive_is_one_file_whatever_its_name(tmp_path: Path, new: New) -> None:
    path = tmp_path / "50% of #1 a b'é.db"
    url = URL.create("sqlite", database=str(path)).render_as_string()
    with Store.create(url) as store:
        store.add_run(new.run_info("first"))
    with Store.open(url) as store:
        assert store.run("first").info == new.run_info("first")
    assert set(files(tmp_path)) == {path.name}


def test_missing_folder_is_reported_by_name(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere/run\.db: unable to open"):
        Store.create(f"sqlite:///{tmp_path / 'nowhere' / 'run.db'}")


def test_archive_in_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="outlives"):
        Store.create("sqlite://")


def test_password_is_never_shown() -> None:
    assert str(Address("postgresql://me:secret@host/db")) == "postgresql://me:***@host/db"
    assert str(Address("postgresql://host/db?user=me&password=secret")) == "postgresql://host/db?user=me"


MAKE_MANY = """
import sys
from archive.store import Store
for number in range(10**6):
    Store.create(f"sqlite:///{sys.argv[1]}/{number}.db").close()
    print(number, flush=True)
"""


def test_killed_while_making_archives_leaves_each_whole_or_absent(tmp_path: Path) -> None:
    made = 0
    for round_ in range(4):
        folder = tmp_path / str(round_)
        folder.mkdir()
        child = subprocess.Popen([sys.executable, "-c", MAKE_MANY, str(folder)], stdout=subprocess.PIPE)
        with child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(0.011 * round_)
            child.send_signal(signal.SIGKILL)
        for path in folder.glob("[!.]*.db"):
            with Store.open(f"sqlite:///{path}") as store:
                assert store.runs() == []
            made += 1
    assert made >= 4
