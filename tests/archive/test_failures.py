"""A database that fails takes nothing with it, and the run goes on once the cause is gone. SQLite's own failures."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from archive.errors import DamagedError, StoreError
from archive.store import RunStore, Store
from stored import Hands, New

RESUME = "Nothing finished is lost: clear the cause and try again"


def content(run: RunStore) -> tuple[Any, ...]:
    return run.candidates(), run.open_jobs(), run.evaluations(), run.verdicts(), run.state()


def pragma(run: RunStore, statement: str) -> None:
    """Set something on the store's only connection, which stays in its pool."""
    with run.database.read() as connection:
        connection.exec_driver_sql(f"PRAGMA {statement}")


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """SQLite alone; `test_outages` has the failures of a server."""
    return f"sqlite:///{tmp_path / 'run.db'}"


@pytest.fixture
def told(run: RunStore, new: New, hands: Hands) -> RunStore:
    hands.ask([new.candidate(1), new.candidate(2, 1)], [new.job(1, 1), new.job(2, 2)], {"asked": 2})
    hands.tell(1, [new.evaluation(1, 1)], [new.verdict(1)], [], {"told": 1})
    return run


def test_full_disk_rolls_back_and_the_same_tell_succeeds_with_room(told: RunStore, new: New, hands: Hands) -> None:
    many = [new.candidate(number) for number in range(3, 500)]
    before = content(told)
    pragma(told, "max_page_count = 1")  # never below what the file has
    with pytest.raises(StoreError, match=f"(?s)full.*{RESUME}"):
        hands.ask(many, [new.job(3, 499)], {"asked": 3})
    assert content(told) == before
    pragma(told, "max_page_count = 1000000")
    hands.ask(many, [new.job(3, 499)], {"asked": 3})
    assert len(told.candidates()) == 499
    assert hands.tell(2, [new.evaluation(2, 2)], [new.verdict(2)], [], {})


FILL = """
import json, resource, signal, sys
from archive.errors import DamagedError, StoreError
from archive.store import Store
url, helpers = sys.argv[1:]
sys.path.insert(0, helpers)
from stored import Hands, New
new = New()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
number, message = 0, ""
with Store.open(url) as store:
    hands = Hands(store.run("first"))
    while not message and number < 100_000:
        batch = [new.candidate(number + offset) for offset in range(1, 51)]
        try:
            hands.ask(batch, [], {"asked": number + 50})
            number += 50
        except StoreError as error:
            message = str(error)
print(json.dumps([number, message]))
"""


def test_disk_that_takes_no_more_bytes_keeps_every_finished_ask(store_url: str, run: RunStore, store: Store) -> None:
    store.close()
    helpers = str(Path(__file__).parents[1] / "support")
    ran = subprocess.run([sys.executable, "-c", FILL, store_url, helpers], capture_output=True, text=True, check=True)
    finished, message = json.loads(ran.stdout)
    assert finished >= 50
    assert RESUME in message
    assert run.state() == {"asked": finished}
    assert len(run.candidates()) == finished


def test_lock_held_by_another_is_reported_and_can_be_waited_out(
    told: RunStore, store_url: str, tmp_path: Path, new: New
) -> None:
    with Store.open(f"{store_url}?timeout=0.05") as impatient:
        run = impatient.run("first")
        other_hands = Hands(run)
        before = content(run)
        with closing(sqlite3.connect(tmp_path / "run.db")) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match=f"(?s)locked.*{RESUME}"):
                other_hands.tell(2, [new.evaluation(2, 2)], [new.verdict(2)], [], {}, attempt=2)
            assert content(run) == before  # readers do not wait for a writer
            other.rollback()
        assert other_hands.tell(2, [new.evaluation(2, 2)], [new.verdict(2)], [], {}, attempt=2)
    assert told.open_jobs() == []


def test_writer_holds_the_lock_from_its_first_moment_and_readers_do_not_mind(told: RunStore, store_url: str) -> None:
    with Store.open(f"{store_url}?timeout=0.05") as other, told.database.write():
        with pytest.raises(StoreError, match="locked"):
            Hands(other.run("first"))
        assert other.run("first").state() == {"told": 1}


def test_database_that_cannot_be_written_is_reported(told: RunStore, new: New, hands: Hands) -> None:
    before = content(told)
    pragma(told, "query_only = ON")  # what a read-only file answers, whoever runs the tests
    with pytest.raises(StoreError, match=f"(?s)readonly.*{RESUME}"):
        hands.tell(2, [new.evaluation(2, 2)], [new.verdict(2)], [], {})
    assert content(told) == before


def test_database_deleted_under_a_run_is_noticed(told: RunStore, tmp_path: Path, new: New, hands: Hands) -> None:
    (tmp_path / "run.db").rename(tmp_path / "elsewhere.db")
    with pytest.raises(StoreError, match="removed or replaced"):
        hands.tell(2, [new.evaluation(2, 2)], [new.verdict(2)], [], {})
    with pytest.raises(StoreError, match="removed or replaced"):
        told.candidates()
    (tmp_path / "elsewhere.db").rename(tmp_path / "run.db")
    assert hands.tell(2, [new.evaluation(2, 2)], [new.verdict(2)], [], {})


@pytest.mark.usefixtures("told")
def test_damaged_database_promises_nothing(store_url: str, store: Store, tmp_path: Path) -> None:
    store.close()
    path = tmp_path / "run.db"
    whole = path.read_bytes()
    half = len(whole) // 2
    path.write_bytes(whole[:half] + b"\xff" * half)
    with pytest.raises(DamagedError, match=r"damaged.*Put back a copy"), Store.open(store_url) as damaged:
        content(damaged.run("first"))


def test_error_in_a_block_rolls_it_back(told: RunStore, new: New, hands: Hands) -> None:
    before = content(told)

    class Interrupted(BaseException):
        pass

    def interrupted_verdicts() -> Any:
        yield new.verdict(2)
        raise Interrupted

    with pytest.raises(Interrupted):
        hands.tell(2, [new.evaluation(2, 2)], interrupted_verdicts(), [], {})
    assert content(told) == before
